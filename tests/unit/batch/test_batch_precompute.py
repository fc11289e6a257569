"""Predictions are made ahead, and published whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from fairlead.app.precompute import precompute
from fairlead.app.workspace import Workspace
from fairlead.batch import Job, JobRecord
from fairlead.errors import ConfigError, ConflictError, FairleadError, InputError, NotFoundError
from fairlead.ids import text
from fairlead.locks import hold
from fairlead.lookup import Table
from fairlead.precomputed import answers_of, made_of, parent_of
from fairlead.runners.load import answer_all
from fairlead.signature import Batch, Field, from_frame
from support.batch import logged, rows_of

ROWS = 120

KILLED = """
import os, signal, sys
from pathlib import Path
import fairlead.batch.job as job, fairlead.batch.publish as publish
import fairlead.lookup.mapped as mapped
import fairlead.app.precompute as ahead
from unit.batch.test_batch_precompute import run

home, source, where, after, name = sys.argv[1:]
left = int(after)

def deadly(original, before):
    def call(*given, **named):
        global left
        left -= 1
        if before and left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        found = original(*given, **named)
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    return call

place, _, step = where.removeprefix("before ").rpartition(".")
owner = {"Manifest": job.Manifest, "mapped": mapped, "publish": publish, "ahead": ahead,
         "Path": Path}[place]
setattr(owner, step, deadly(getattr(owner, step), where.startswith("before ")))
run(Path(home), Path(source), name=name)
"""


def run(home: Path, *sources: Path, key: str = "customer_id", **asked: Any) -> JobRecord:
    """Precompute in this very process."""
    space = Workspace(home)
    job = Job(version=asked.pop("version", "churn"), inputs=tuple(map(str, sources)), output="",
              key=key, workers=1, **asked)  # fmt: skip
    try:
        return precompute(space, job, lambda _: None)
    finally:
        space.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows_of(ROWS).write_parquet(tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


def opened(home: Path) -> Table | None:
    space = Workspace(home)
    try:
        return space.tables.open("precomputed.churn")
    finally:
        space.close()


def keys(home: Path) -> set[object]:
    table = opened(home)
    assert table is not None
    return {key for key, _ in table.items()}


def killed(home: Path, source: Path, where: str, after: int = 0, name: str = "") -> None:
    path = os.pathsep.join(filter(None, sys.path))
    finished = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), str(source), where, str(after), name],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == -signal.SIGKILL, finished.stderr


def live(home: Path, rows: pl.DataFrame) -> tuple[Batch, tuple[Field, ...]]:
    space = Workspace(home)
    try:
        version = space.registry.resolve("churn:1")
        batch = from_frame(version.signature, rows.drop("customer_id"))
        return answer_all(space.bundle(version), batch), version.signature.outputs
    finally:
        space.close()


def test_the_table_holds_what_the_model_answers_and_where_that_is_logged(
    home: Path, source: Path
) -> None:
    record = run(home, source)
    table = opened(home)
    assert table is not None
    made = made_of(table.snapshot)
    assert (made.version, made.digest, made.key) == ("churn:1", record.digest, "customer_id")
    assert made.made_us == record.begun_us == table.snapshot.until_us
    rows = rows_of(ROWS)
    found = [row for row in table.get([str(key) for key in rows["customer_id"]]) if row is not None]
    assert len(found) == ROWS == record.rows
    expected, outputs = live(home, rows)
    answers = answers_of(made, found)
    assert made.outputs == outputs
    for field in outputs:
        assert np.array_equal(answers.column(field.name), expected.column(field.name)), field.name
    assert sorted(text(parent_of(row)) for row in found) == sorted(logged(home)["id"])


@pytest.mark.parametrize("form", ["csv", "jsonl", "arrow"])
def test_every_form_of_file_gives_the_same_keys(home: Path, tmp_path: Path, form: str) -> None:
    rows, path = rows_of(ROWS), tmp_path / f"in.{form}"
    write: dict[str, Callable[[Path], object]] = {
        "csv": rows.write_csv, "jsonl": rows.write_ndjson, "arrow": rows.write_ipc
    }  # fmt: skip
    write[form](path)
    run(home, path, version="churn:1")
    assert keys(home) == {str(key) for key in rows["customer_id"]}


def test_each_run_replaces_the_table_and_has_predictions_of_its_own(
    home: Path, source: Path
) -> None:
    first = run(home, source)
    second = run(home, source)
    assert second.begun_us > first.begun_us
    assert logged(home)["id"].n_unique() == 2 * ROWS
    table = opened(home)
    assert table is not None
    assert made_of(table.snapshot).made_us == second.begun_us
    left = sorted(path.name for path in (home / "precomputed" / "churn").iterdir())
    assert left == [Path(second.output).name, "lock"]
    assert all(path.name.startswith("_") for path in Path(second.output).iterdir())


def test_a_run_with_a_name_is_done_once(home: Path, source: Path) -> None:
    first = run(home, source, name="nightly-1")
    before = opened(home)
    assert before is not None
    assert run(home, source, name="nightly-1") == first
    after = opened(home)
    assert after is not None
    assert after.snapshot == before.snapshot
    assert len(logged(home)) == ROWS
    run(home, source, name="nightly-2")
    assert len(logged(home)) == 2 * ROWS


def faulty() -> Iterator[tuple[str, pl.DataFrame, str, type[FairleadError], str]]:
    rows = rows_of(ROWS)
    nobody = pl.when(pl.int_range(ROWS).is_in([3, 9])).then(None).otherwise("customer_id")
    said = "bad.parquet, row 3: there is no value of 'customer_id'; so it is in 2 rows"
    yield "missing", rows.with_columns(customer_id=nobody), "customer_id", InputError, said
    unfit = rows[:1].with_columns(age=pl.lit(None, pl.Float64))  # rows are counted as in the file
    twice = pl.concat([unfit, rows, rows[5:6], rows[:1]])
    said = rf"bad.parquet, row {ROWS + 1}: .* stands twice, as in .*bad.parquet, row 6\."
    yield "twice", twice, "customer_id", InputError, said
    yield "column", rows, "customerid", ConfigError, "Did you mean 'customer_id'?"
    yield (
        "type",
        rows.with_columns(part=pl.col("age") / 7),
        "part",
        ConfigError,
        "texts or integers",
    )
    yield "output", rows.with_columns(label=pl.lit("x")), "label", ConfigError, "cannot be kept"
    yield "empty", rows[:0], "customer_id", ConfigError, "no rows"


@pytest.mark.parametrize(
    ("rows", "key", "error", "said"), [pytest.param(*c[1:], id=c[0]) for c in faulty()]
)
def test_keys_that_are_none_leave_all_as_it_was(
    home: Path, source: Path, tmp_path: Path, rows: pl.DataFrame, key: str,
    error: type[FairleadError], said: str,
) -> None:  # fmt: skip
    run(home, source)
    before, log = opened(home), len(logged(home))
    assert before is not None
    rows.write_parquet(tmp_path / "bad.parquet")
    with pytest.raises(error, match=said):
        run(home, tmp_path / "bad.parquet", key=key)
    after = opened(home)
    assert after is not None
    assert after.snapshot == before.snapshot
    assert len(logged(home)) == log
    run(home, source)  # nothing is in its way
    assert len(logged(home)) == log + ROWS


def test_rows_that_do_not_fit_are_set_aside_and_have_no_prediction(
    home: Path, tmp_path: Path
) -> None:
    rows = rows_of(ROWS).with_columns(
        age=pl.when(pl.col("visits") > 40).then(None).otherwise("age")
    )
    rows.write_parquet(tmp_path / "in.parquet")
    record = run(home, tmp_path / "in.parquet")
    assert record.rejected == rows["age"].null_count() > 0
    assert keys(home) == {str(k) for k in rows.drop_nulls("age")["customer_id"]}
    assert (Path(record.output) / "_rejects.jsonl").read_text().count("\n") == record.rejected
    with pytest.raises(InputError):
        run(home, tmp_path / "in.parquet", on_error="fail")


@pytest.mark.slow
def test_killed_at_every_step_the_former_table_answers_and_the_next_run_goes_on(
    home: Path, source: Path
) -> None:
    run(home, source)
    former, log = opened(home), len(logged(home))
    assert former is not None
    for where, after in [
        ("Manifest.begin", 0),
        ("Manifest.commit", 0),
        ("mapped._fill", 0),  # the new table is made, and has no name
        ("before publish._enter", 0),  # it is in place, and not logged
    ]:
        killed(home, source, where, after)
        now = opened(home)
        assert now is not None
        assert len(logged(home)) == log
        published = where == "before publish._enter"
        assert (now.snapshot == former.snapshot) is not published
    killed(home, source, "publish._enter")
    assert len(logged(home)) == log + ROWS
    killed(home, source, "before ahead._sweep")  # it was one run all the time
    assert len(logged(home)) == log + ROWS
    record = run(home, source)
    assert len(logged(home)) == log + 2 * ROWS
    table = opened(home)
    assert table is not None
    assert made_of(table.snapshot).made_us == record.begun_us
    assert len(list((home / "precomputed" / "churn").iterdir())) == 2


@pytest.mark.slow
@pytest.mark.parametrize("where", ["Manifest.commit", "before ahead._sweep"])
def test_a_run_with_a_name_that_was_killed_is_gone_on_with(
    home: Path, source: Path, where: str
) -> None:
    killed(home, source, where, name="nightly-1")
    begun = {path.name for path in (home / "precomputed" / "churn").iterdir()}
    assert begun & {"nightly-1", "nightly-1.incomplete"}
    record = run(home, source, name="nightly-1")
    assert len(logged(home)) == ROWS == record.rows
    assert all(path.name.startswith("_") for path in Path(record.output).iterdir())


@pytest.mark.slow
def test_a_run_over_other_rows_forgets_one_that_was_killed(
    home: Path, source: Path, tmp_path: Path
) -> None:
    killed(home, source, "Manifest.commit")
    rows_of(ROWS, seed=2).write_parquet(tmp_path / "other.parquet")
    run(home, tmp_path / "other.parquet")
    assert keys(home) == {str(key) for key in rows_of(ROWS, seed=2)["customer_id"]}
    assert len(logged(home)) == ROWS


def test_one_process_at_a_time_precomputes(home: Path, source: Path) -> None:
    folder = home / "precomputed" / "churn"
    folder.mkdir(parents=True)
    with hold(folder / "lock"), pytest.raises(ConflictError, match="Another process"):
        run(home, source)
    with pytest.raises(NotFoundError):
        run(home, source, version="other")
