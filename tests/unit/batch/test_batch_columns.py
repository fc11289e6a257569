"""Columns by the fastest way: the same as value by value, and as their folders tell."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

import fairlead
from fairlead.batch import engine
from fairlead.batch.cells import read_cells
from fairlead.batch.find import Found
from fairlead.batch.inspect import inspect_file
from fairlead.batch.lines import rows_of
from fairlead.batch.read import read_chunk
from fairlead.batch.types import Chunk
from fairlead.batch.write import id_series
from fairlead.errors import ConfigError
from fairlead.ids import Ids
from fairlead.signature import Field, Signature, read_texts
from support.batch import answers, digests, logged, run
from support.batch import rows_of as customers_of


def nan_if_none(value: object) -> object:
    return float("nan") if value is None else value


numbers = st.text(st.sampled_from("0123456789.eE+-_ naif"), max_size=7)
marks = [b"a", b"1", b",", b"\n", b"\r", b"\r\n", b" ", b"\xff", b'"', b"\0", b"\xef\xbb\xbf"]
lines = st.lists(st.sampled_from(marks))


def read_by_csv(raw: bytes, width: int, rows: int) -> list[list[str]]:
    """The rows that can be read by the standard library: all of them together, or each alone."""
    try:
        whole = csv.reader(io.StringIO(raw.decode(), newline=""), strict=True)
        found = [row for row in whole if row]
        if len(found) == rows and all(len(row) == width for row in found):
            return found
    except (UnicodeDecodeError, csv.Error):
        pass
    found = []
    for row, _ in rows_of(io.BytesIO(raw), "csv"):
        with contextlib.suppress(UnicodeDecodeError, csv.Error):
            cells = next(csv.reader(io.StringIO(row.decode(), newline=""), strict=True), [])
            found += [cells] if row and len(cells) == width else []
    return found


@given(lines.map(b"".join), st.integers(1, 3))
@example(b"\xef\xbb\xbfa,1\n", 2)
def test_cells_at_once_are_those_of_each_row(raw: bytes, width: int) -> None:
    rows = sum(bool(row) for row, _ in rows_of(io.BytesIO(raw), "csv"))
    names = [f"c{place}" for place in range(width)]
    cells, refused = read_cells(raw, names, rows)
    expected = [[text or None for text in row] for row in read_by_csv(raw, width, rows)]
    assert cells.columns == names
    assert [list(row) for row in cells.rows()] == expected
    assert cells.height + len(refused) == rows


def test_a_cell_that_is_too_long_is_called_that() -> None:
    cells, refused = read_cells(b"a," + b"x" * 200_000 + b"\nb,c\n", ["x", "y"], 2)
    assert cells.rows() == [("b", "c")]
    assert refused[0][0].message == "has a cell of more than 131072 letters"


@pytest.mark.parametrize("kind", ["number", "integer", "boolean"])
def test_numbers_of_a_csv_are_read_as_text_by_text(kind: str, tmp_path: Path) -> None:
    field = Field(name="x", kind=kind)  # type: ignore[arg-type]

    @given(st.lists(numbers, min_size=1, max_size=5))
    def check(texts: list[str]) -> None:
        path = tmp_path / "in.csv"
        path.write_text("x,y\n" + "".join(f"{text},1\n" for text in texts))
        file = inspect_file(Found(path, path.name, "csv"), ["x"], 1_000_000)
        chunk = Chunk(number=0, file=file, piece=file.pieces[0], part="", seed=())
        taken = read_chunk(chunk, Signature(inputs=(field,), outputs=()), [])
        read = taken.table.columns["x"].values.tolist()
        assert list(map(repr, map(nan_if_none, read))) == list(
            map(repr, map(nan_if_none, read_texts(field, texts)))
        )

    check()


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_a_file_is_cut_by_its_longest_rows_not_by_its_first(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"in.{ending}"
    rows = pl.DataFrame({"text": [*["a"] * 5000, *(f"{row:01000}" for row in range(5000))]})
    rows.write_parquet(path) if ending == "parquet" else rows.write_ipc(path)
    file = inspect_file(Found(path, path.name, ending), None, 1_000_000)  # type: ignore[arg-type]
    assert max(piece.rows for piece in file.pieces) < 1100


@given(st.integers(0, 2**48 - 200_000), st.integers(1, 140_000))
def test_ids_of_a_column_are_those_of_each(low: int, count: int) -> None:
    ids = Ids(b"0123456789", low, count)
    column = id_series(ids)
    assert column.len() == count
    for place in (0, count // 2, count - 1):
        assert column[place] == ids.some(place, 1).texts()[0]


def partitioned(folder: Path, rows: pl.DataFrame, ending: str) -> Path:
    for plan in ("pro", "free"):
        for visits in (3, 40):
            place = folder / f"plan={plan}" / f"visits={visits}"
            place.mkdir(parents=True)
            some = rows.drop("plan", "visits")
            path = place / f"same.{ending}"
            match ending:
                case "parquet":
                    some.write_parquet(path)
                case "arrow":
                    some.write_ipc(path)
                case "csv":
                    some.write_csv(path)
                case _:
                    some.write_ndjson(path)
    return folder


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv", "jsonl"])
def test_what_folders_tell_is_a_column_of_their_rows(
    home: Path, tmp_path: Path, ending: str
) -> None:
    rows = customers_of(20)
    source = partitioned(tmp_path / "in", rows, ending)
    run(home, source, tmp_path / "out", keep=("customer_id", "plan", "visits"))
    found = answers(tmp_path / "out")
    assert found["prediction_id"].n_unique() == 80
    whole = pl.concat(
        [rows.with_columns(plan=pl.lit(plan), visits=pl.lit(visits, dtype=pl.Int64))
         for plan in ("free", "pro") for visits in (3, 40)]
    )  # fmt: skip
    whole.write_parquet(tmp_path / "whole.parquet")
    run(home, tmp_path / "whole.parquet", tmp_path / "expected")
    expected = answers(tmp_path / "expected")
    columns = [name for name in expected.columns if name != "prediction_id"]
    told = pl.concat([found, whole.select(name for name in ("age",))], how="horizontal")
    by_row = told.sort("plan", "visits", "customer_id", maintain_order=True)
    assert by_row.select(columns).equals(expected.select(columns))
    known = logged(home)
    assert known.filter(pl.col("in.visits") == 40).height == 80


def test_a_folder_that_tells_nothing_leaves_the_column_missing(home: Path, tmp_path: Path) -> None:
    rows = customers_of(10)
    for plan in ("pro", "__HIVE_DEFAULT_PARTITION__"):
        place = tmp_path / "in" / f"plan={plan}"
        place.mkdir(parents=True)
        rows.drop("plan").write_parquet(place / "a.parquet")
    run(home, tmp_path / "in", tmp_path / "out", keep=("plan",))
    assert set(answers(tmp_path / "out")["plan"]) == {"pro", None}


def test_digits_of_other_scripts_are_text(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "in" / "day=1\u0661"
    place.mkdir(parents=True)
    customers_of(10).write_parquet(place / "a.parquet")
    run(home, tmp_path / "in", tmp_path / "out", keep=("day",))
    assert set(answers(tmp_path / "out")["day"]) == {"1\u0661"}


def test_a_name_that_is_no_text_is_refused(home: Path, tmp_path: Path) -> None:
    place = Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/day=\xff"))
    place.mkdir(parents=True)
    customers_of(10).write_csv(tmp_path / "a.csv")
    (tmp_path / "a.csv").rename(place / "a.csv")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        run(home, tmp_path / "in", tmp_path / "out")
    assert not list(tmp_path.glob("out*"))


def test_what_only_some_folders_tell_is_named(home: Path, tmp_path: Path) -> None:
    for place in (tmp_path / "in" / "plan=pro", tmp_path / "in" / "other"):
        place.mkdir(parents=True)
        customers_of(10).drop("plan").write_parquet(place / "a.parquet")
    with pytest.raises(ConfigError, match="differ in column 'plan'"):
        run(home, tmp_path / "in", tmp_path / "out", keep=("plan",))


def test_numbers_alone_are_scored_in_this_process_and_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(200, 3)), columns=list("abc"))
    model = LogisticRegression().fit(frame, frame["a"] > 0)
    fairlead.package(model, frame, name="churn", home=tmp_path / ".fairlead")
    source = tmp_path / "in"
    source.mkdir()
    for place in range(6):
        some = pl.DataFrame({name: random.normal(size=50) for name in "abc"})
        some.with_columns(
            b=pl.when(pl.col("a") > 1).then(float("inf")).otherwise("b")
        ).write_parquet(source / f"{place}.parquet")
    monkeypatch.setattr(engine, "Child", None)
    record = run(tmp_path / ".fairlead", source, tmp_path / "two", workers=2)
    run(tmp_path / ".fairlead", source, tmp_path / "one", workers=1)
    assert record.rejected > 0
    assert digests(tmp_path / "two") == digests(tmp_path / "one")
