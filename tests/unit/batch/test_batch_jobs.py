"""A job's answers: those of the online path, once for each row, whatever the rows lie in."""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

import fairlead
from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError, ConflictError, InputError
from fairlead.runners.load import answer_all
from fairlead.signature import from_frame, to_records
from support.batch import answers, logged, rows_of, run

ROWS = rows_of(300)


def expected(home: Path, rows: pl.DataFrame) -> list[dict[str, Any]]:
    """What the online path answers to rows."""
    space = Workspace(home)
    version = space.registry.resolve("churn:1")
    batch = from_frame(version.signature, rows.select("age", "visits", "plan"))
    outputs = answer_all(space.bundle(version), batch)
    space.close()
    return [
        {"label": one["label"]}
        | {f"probabilities_{name}": value for name, value in one["probabilities"].items()}
        for one in to_records(version.signature.outputs, outputs)
    ]


def write(rows: pl.DataFrame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".parquet":
            rows.write_parquet(path)
        case ".arrow":
            rows.write_ipc(path)
        case ".csv":
            rows.write_csv(path)
        case _:
            rows.write_ndjson(path)
    return path


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv", "jsonl"])
def test_rows_of_every_form_are_answered_as_they_are_online(
    home: Path, tmp_path: Path, ending: str
) -> None:
    source = write(ROWS, tmp_path / f"in.{ending}")
    record = run(home, source, tmp_path / "out", keep=("customer_id",))
    found = answers(tmp_path / "out")
    assert (record.rows, record.rejected) == (300, 0)
    assert found["customer_id"].cast(pl.Int64).to_list() == ROWS["customer_id"].to_list()
    assert found["prediction_id"].n_unique() == 300
    assert found.drop("prediction_id", "customer_id").to_dicts() == expected(home, ROWS)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_answers_are_one_file_of_lines_where_its_ending_says_so(
    home: Path, tmp_path: Path, ending: str
) -> None:
    for part in range(3):
        write(ROWS[part * 100 : part * 100 + 100], tmp_path / "in" / f"{part}.parquet")
    output = tmp_path / f"out.{ending}"
    record = run(home, tmp_path / "in", output, keep=("customer_id", "plan"))
    found = answers(output)
    assert found.height == 300
    assert found["customer_id"].to_list() == ROWS["customer_id"].to_list()
    assert found["plan"].to_list() == ROWS["plan"].to_list()
    assert found["label"].to_list() == [one["label"] for one in expected(home, ROWS)]
    assert record.parts == (output.name,)
    assert sorted(p.name for p in (tmp_path / f"{output.name}.job").iterdir()) == [
        "_job.json", "_profile.json.gz",
    ]  # fmt: skip


def test_parts_lie_as_the_files_do_that_they_answer(home: Path, tmp_path: Path) -> None:
    for day in ("day=1", "day=2"):
        write(ROWS[:50], tmp_path / "in" / day / "a.parquet")
    write(ROWS[:50], tmp_path / "in" / "_old" / "hidden.parquet")
    (tmp_path / "in" / "_SUCCESS").touch()
    run(home, tmp_path / "in", tmp_path / "out")
    parts = sorted(
        p.relative_to(tmp_path / "out").as_posix() for p in tmp_path.rglob("out/**/*.p*")
    )
    assert parts == ["day=1/a-00000.parquet", "day=2/a-00000.parquet"]
    assert answers(tmp_path / "out")["prediction_id"].n_unique() == 100


def test_a_glob_names_files_and_each_of_them_once(home: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(ROWS[:20], tmp_path / "in" / f"{name}.parquet")
    inputs = (str(tmp_path / "in" / "*.parquet"), str(tmp_path / "in" / "a.parquet"))
    assert run(home, "", tmp_path / "out", inputs=inputs).rows == 40


def test_the_rows_of_a_query_are_answered(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("create table customers (customer_id, age, visits, plan)")
        database.executemany("insert into customers values (?, ?, ?, ?)", ROWS.rows())
    database.close()
    query = "select * from customers order by customer_id"
    for place, source in enumerate((str(path), f"sqlite://{path}")):
        output = tmp_path / f"out{place}"
        record = run(home, source, output, query=query, keep=("customer_id",))
        assert record.query == query
        found = answers(output)
        assert found["customer_id"].to_list() == ROWS["customer_id"].to_list()
        assert found["label"].to_list() == [one["label"] for one in expected(home, ROWS)]


@pytest.mark.parametrize(
    ("source", "query", "said"),
    [
        ("nothing.db", "select 1", "no database"),
        ("shop.db", "select age from nobody", "no such table: nobody"),
        ("shop.db", "select 1 as age, 2 as age", "one name"),
        ("mysql://shop", "select 1", "begins with sqlite:// or postgresql://"),
        ("postgresql://me:secret@shop/db", "select 1", "fairlead[postgres]"),
    ],
)
def test_what_a_query_cannot_be_asked_of_is_named(
    home: Path, tmp_path: Path, source: str, query: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite3.connect(tmp_path / "shop.db").close()
    (tmp_path / "shop.db").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError) as caught:
        run(home, source, tmp_path / "out", query=query)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
    assert not list(tmp_path.glob("out*"))


def test_what_is_missing_for_object_storage_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ConfigError, match=r"fsspec is not installed.*fairlead\[s3\]"):
        run(home, "s3://bucket/in.parquet", tmp_path / "out")


def test_objects_of_a_store_are_read_as_files_are(home: Path, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    source = write(ROWS, tmp_path / "in.parquet")
    files = fsspec.filesystem("memory")
    for name in ("rows/day=1/a.parquet", "rows/day=2/a.parquet", "rows/readme.txt"):
        files.pipe(f"/shop/{name}", source.read_bytes())
    record = run(home, "memory://shop/rows", tmp_path / "out")
    assert record.rows == 600
    assert [one.name for one in record.inputs] == ["day=1/a.parquet", "day=2/a.parquet"]
    with pytest.raises(ConfigError, match="no file of it has a known ending"):
        run(home, "memory://shop/rows/*.txt", tmp_path / "other")


def test_objects_of_one_name_in_several_folders_are_all_read(home: Path, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    for day, some in enumerate((ROWS.head(3), ROWS.tail(4))):
        source = write(some, tmp_path / "in.parquet")
        files.pipe(f"/days/day={day}/a.parquet", source.read_bytes())
    record = run(home, "memory://days/*/a.parquet", tmp_path / "out", keep=("customer_id",))
    assert [one.name for one in record.inputs] == ["day=0/a.parquet", "day=1/a.parquet"]
    read = answers(tmp_path / "out")["customer_id"].to_list()
    assert read == [*ROWS.head(3)["customer_id"], *ROWS.tail(4)["customer_id"]]


def test_a_row_that_does_not_fit_is_set_aside_with_the_reason(home: Path, tmp_path: Path) -> None:
    lines = ROWS.head(6).to_dicts()
    lines[1]["age"] = "old"
    lines[4] |= {"age": None, "visits": 2.5}
    raw = [msgspec.json.encode(line) for line in lines]
    raw[2] = b'{"age": 4'
    (tmp_path / "in.jsonl").write_bytes(b"\n\n".join(raw) + b"\n")
    record = run(home, tmp_path / "in.jsonl", tmp_path / "out", keep=("customer_id",))
    assert (record.rows, record.rejected) == (3, 3)
    found = answers(tmp_path / "out")
    right = ROWS.head(6)[[0, 3, 5]]
    assert found["customer_id"].to_list() == right["customer_id"].to_list()
    assert found["label"].to_list() == [one["label"] for one in expected(home, right)]
    assert [text[-1] for text in found["prediction_id"]] == ["0", "3", "5"]
    rejects = [
        msgspec.json.decode(line)
        for line in (tmp_path / "out" / "_rejects.jsonl").read_bytes().splitlines()
    ]
    assert [(one["file"], one["row"]) for one in rejects] == [("in.jsonl", n) for n in (1, 2, 4)]
    assert rejects[0]["reason"] == "field 'age': expected a finite number, got text"
    assert rejects[0]["kept"] == {"customer_id": ROWS["customer_id"][1]}
    assert rejects[1]["reason"] == "is not a JSON object"
    assert "'age': is missing" in rejects[2]["reason"]
    assert "'visits'" in rejects[2]["reason"]


def test_rows_of_a_damaged_csv_are_told_apart(home: Path, tmp_path: Path) -> None:
    good = b'17,42.5,3,"pro"'
    bad = [b"18,42.5,3", b'19,42.5,3,"pr"o', b"20,\xff,3,pro", b'21,42.5,3,"p\nr""o"']
    content = b"\n".join([b"\xef\xbb\xbfcustomer_id,age,visits,plan", good, *bad, b"", good, b""])
    (tmp_path / "in.csv").write_bytes(content)
    record = run(home, tmp_path / "in.csv", tmp_path / "out", keep=("customer_id",))
    assert (record.rows, record.rejected) == (3, 3)
    rejects = (tmp_path / "out" / "_rejects.jsonl").read_text()
    for reason in ("has 3 cells", "cannot be read", "is not UTF-8"):
        assert reason in rejects, rejects
    assert [i[-1] for i in answers(tmp_path / "out")["prediction_id"]] == ["0", "4", "5"]
    assert logged(home).sort("id")["in.plan"].to_list() == ["pro", 'p\nr"o', "pro"]


def test_a_row_that_does_not_fit_ends_the_job_where_it_is_to(home: Path, tmp_path: Path) -> None:
    bad = ROWS.with_columns(age=pl.when(pl.col("customer_id") == 1007).then(None).otherwise("age"))
    source = write(bad, tmp_path / "in.parquet")
    with pytest.raises(InputError, match=r"in\.parquet, row 7: field 'age': is missing"):
        run(home, source, tmp_path / "out", on_error="fail")
    assert not (tmp_path / "out").exists()
    assert logged(home).height == 0


def test_a_job_all_of_whose_rows_are_wrong_is_not_published(home: Path, tmp_path: Path) -> None:
    source = write(ROWS.with_columns(age=pl.lit("old")), tmp_path / "in.parquet")
    with pytest.raises(InputError, match=r"None of 300 rows could be answered.*_rejects\.jsonl"):
        run(home, source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "out.incomplete" / "_rejects.jsonl").exists()


def test_all_columns_are_kept_where_all_are_asked_for(home: Path, tmp_path: Path) -> None:
    dates = [dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)] * 300
    wide = ROWS.with_columns(since=pl.Series(dates), tags=pl.Series([[1, 2]] * 300))
    source = write(wide, tmp_path / "in.parquet")
    run(home, source, tmp_path / "out", keep=("*",))
    assert answers(tmp_path / "out").select(wide.columns).equals(wide)
    run(home, source, tmp_path / "out.csv", keep=("since", "tags"))
    first = answers(tmp_path / "out.csv").row(0, named=True)
    assert (first["since"], first["tags"]) == ("2026-03-01T12:00:00.000000Z", "[1,2]")


def test_times_of_any_zone_are_the_same_times_in_a_csv(home: Path, tmp_path: Path) -> None:
    noon = pl.Series([dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)] * 300)
    zoned = ROWS.with_columns(since=noon.dt.convert_time_zone("Europe/Berlin"))
    run(home, write(zoned, tmp_path / "in.parquet"), tmp_path / "out.csv", keep=("since",))
    assert set(answers(tmp_path / "out.csv")["since"]) == {"2026-03-01T12:00:00.000000Z"}


@pytest.mark.parametrize(
    ("column", "ending"),
    [
        (pl.Series([b"\xff"] * 300), "csv"),
        (pl.Series([b"\xff"] * 300), "jsonl"),
        (pl.Series([[b"\xff"]] * 300), "jsonl"),
        (pl.Series([dt.timedelta(1)] * 300), "csv"),
    ],
)
def test_a_column_that_a_file_of_lines_cannot_hold_is_named_before_a_row_is_scored(
    home: Path, tmp_path: Path, column: pl.Series, ending: str
) -> None:
    source = write(ROWS.with_columns(column.alias("Binary")), tmp_path / "in.parquet")
    with pytest.raises(ConfigError, match="'Binary' cannot be kept"):
        run(home, source, tmp_path / f"out.{ending}", keep=("Binary",))
    assert not list(tmp_path.glob("out*"))


def test_the_record_tells_what_was_read_and_who_answered(home: Path, tmp_path: Path) -> None:
    source = write(ROWS, tmp_path / "in.parquet")
    run(home, source, tmp_path / "out")
    record = msgspec.json.decode((tmp_path / "out" / "_job.json").read_bytes())
    space = Workspace(home)
    assert record["digest"] == space.registry.resolve("churn:1").digest
    space.close()
    (read,) = record["inputs"]
    assert read["digest"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert (read["rows"], read["size_bytes"]) == (300, source.stat().st_size)
    assert (record["version"], record["rows"], record["rejected"]) == ("churn:1", 300, 0)


def test_a_job_that_is_complete_is_not_run_again(home: Path, tmp_path: Path) -> None:
    source = write(ROWS, tmp_path / "in.parquet")
    first = run(home, source, tmp_path / "out")
    assert run(home, source, tmp_path / "out") == first
    assert not (tmp_path / "out.incomplete").exists()


def test_the_same_rows_have_the_same_ids_and_are_logged_once(home: Path, tmp_path: Path) -> None:
    source = write(ROWS, tmp_path / "in.parquet")
    run(home, source, tmp_path / "one")
    run(home, source, tmp_path / "two", keep=("customer_id",))
    ids = [answers(tmp_path / name)["prediction_id"].to_list() for name in ("one", "two")]
    assert ids[0] == ids[1]
    assert sorted(logged(home)["id"]) == sorted(ids[0])
    run(home, source, tmp_path / "three", name="nightly")
    assert not set(answers(tmp_path / "three")["prediction_id"]) & set(ids[0])
    assert logged(home).height == 600


def test_equal_files_of_one_job_have_ids_of_their_own(home: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(ROWS[:20], tmp_path / "in" / f"{name}.parquet")
    run(home, tmp_path / "in", tmp_path / "out")
    assert answers(tmp_path / "out")["prediction_id"].n_unique() == 40


def test_predictions_are_a_part_of_the_log(home: Path, tmp_path: Path) -> None:
    source = write(ROWS, tmp_path / "in.parquet")
    run(home, source, tmp_path / "out", caller_id="customer_id", unit="plan")
    rows = logged(home).sort("id")
    assert rows["source"].unique().to_list() == ["batch"]
    assert rows["caller_id"].to_list() == [str(one) for one in ROWS["customer_id"]]
    assert rows["unit"].to_list() == ROWS["plan"].to_list()
    assert np.array_equal(rows["in.age"].to_numpy(), ROWS["age"].to_numpy())
    assert rows["out.label"].to_list() == answers(tmp_path / "out")["label"].to_list()
    assert fairlead.read("churn", home=home).collect().height == 300


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"PAR1 and so on", "cannot be read as Parquet"),
        (None, "cannot be read as Parquet"),
    ],
)
def test_a_file_that_is_damaged_is_named_before_anything_is_done(
    home: Path, tmp_path: Path, content: bytes | None, said: str
) -> None:
    write(ROWS, tmp_path / "in" / "a.parquet")
    bad = write(ROWS, tmp_path / "in" / "b.parquet")
    bad.write_bytes(bad.read_bytes()[:-10] if content is None else content)
    with pytest.raises(ConfigError, match=said) as caught:
        run(home, tmp_path / "in", tmp_path / "out")
    assert str(bad) in str(caught.value)
    assert not list(tmp_path.glob("out*"))


def test_a_file_damaged_in_its_middle_ends_the_job_unpublished(home: Path, tmp_path: Path) -> None:
    source = write(ROWS, tmp_path / "in.parquet")
    raw = bytearray(source.read_bytes())
    raw[60:-1200] = bytes(len(raw) - 1260)
    source.write_bytes(raw)
    with pytest.raises(ConfigError, match=r"in\.parquet cannot be read as Parquet"):
        run(home, source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "asked", "said"),
    [
        (pl.col("age").cast(pl.String), {}, "differ in column 'age'.*Float64.*String"),
        (pl.col("age").alias("years"), {}, "a column 'age'|differ in column 'age'"),
        (pl.col("customer_id").cast(pl.Int32), {"keep": ("customer_id",)}, "Int64.*Int32"),
    ],
)
def test_files_that_differ_are_named(
    home: Path, tmp_path: Path, change: pl.Expr, asked: dict[str, Any], said: str
) -> None:
    write(ROWS, tmp_path / "in" / "a.parquet")
    name = change.meta.output_name()
    other = ROWS.with_columns(change)
    write(other.drop("age") if name == "years" else other, tmp_path / "in" / "b.parquet")
    with pytest.raises(ConfigError, match=said):
        run(home, tmp_path / "in", tmp_path / "out", **asked)
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"keep": ("label",)}, "cannot be kept"),
        ({"keep": ("customer",)}, "Did you mean 'customer_id'"),
        ({"unit": "nobody"}, "no column 'nobody'"),
        ({"inputs": ("nothing.parquet",)}, "There is no file nothing.parquet"),
        ({"memory_mb": 100}, "at least"),
        ({"endpoint": "../churn"}, "endpoint"),
    ],
)
def test_what_is_asked_for_and_cannot_be_is_named(
    home: Path, tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    source = write(ROWS.with_columns(label=pl.lit("x")), tmp_path / "in.parquet")
    with pytest.raises(ConfigError, match=said):
        run(home, source, tmp_path / "out", **asked)
    assert not list(tmp_path.glob("out*"))


def test_files_without_rows_are_passed_over_and_noted(home: Path, tmp_path: Path) -> None:
    write(ROWS, tmp_path / "in" / "a.parquet")
    write(ROWS.clear(), tmp_path / "in" / "b.parquet")
    record = run(home, tmp_path / "in", tmp_path / "out")
    assert record.notes == ("b.parquet has no rows.",)
    with pytest.raises(ConfigError, match=r"no rows in b\.parquet"):
        run(home, tmp_path / "in" / "b.parquet", tmp_path / "other")


def test_an_output_of_someone_else_is_left_alone(home: Path, tmp_path: Path) -> None:
    source = write(ROWS, tmp_path / "in.parquet")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ConflictError, match="not the output of a batch job"):
        run(home, source, tmp_path / "mine")
    run(home, source, tmp_path / "out")
    other = write(ROWS[:10], tmp_path / "other.parquet")
    with pytest.raises(ConflictError, match=r"another job, of churn:1 to in\.parquet"):
        run(home, other, tmp_path / "out")
    assert not list(tmp_path.glob("*.incomplete"))
    (tmp_path / "new.incomplete").mkdir()
    (tmp_path / "new.incomplete" / "letter.txt").write_text("dear")
    with pytest.raises(ConflictError, match="no batch job works in it"):
        run(home, source, tmp_path / "new")
    for name in ("mine", "new.incomplete"):
        assert (tmp_path / name / "letter.txt").read_text() == "dear"
    assert answers(tmp_path / "out").height == 300
