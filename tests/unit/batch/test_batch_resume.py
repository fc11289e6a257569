"""A job that is killed anywhere goes on, and gives what it would have given undisturbed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from fairlead.batch.manifest import Manifest
from fairlead.batch.target import target_of
from fairlead.errors import ConfigError, ConflictError, InputError, NotFoundError, StorageError
from fairlead.locks import hold
from fairlead.registry import Registry
from support.batch import answers, digests, logged, rows_of, run
from support.small_disk import needs_small_disk, on_small_disk

FILES, ROWS = 5, 40

KILLED = """
import os, signal, sys
from pathlib import Path
import fairlead.batch.job as job, fairlead.batch.publish as publish
from support.batch import run

home, source, output, where, after = sys.argv[1:]
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

place, _, name = where.removeprefix("before ").rpartition(".")
owner = {"Manifest": job.Manifest, "job": job, "publish": publish, "Path": Path}[place]
setattr(owner, name, deadly(getattr(owner, name), where.startswith("before ")))
run(Path(home), Path(source), Path(output), keep=("customer_id",))
"""

FILLED = """
import sys
from pathlib import Path
from fairlead.errors import StorageError
from support.batch import run

home, source, disk = map(Path, sys.argv[1:])
(disk / "fill").write_bytes(bytes(5_500_000))
try:
    run(home, source, disk / "out", keep=("*",))
except StorageError as error:
    print(type(error).__name__, error)
(disk / "fill").unlink()
print(run(home, source, disk / "out", keep=("*",)).rows)
"""


def killed(home: Path, source: Path, output: Path, where: str, after: int = 0) -> None:
    """Run a job in a process that is killed at some place."""
    path = os.pathsep.join(filter(None, sys.path))
    finished = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), str(source), str(output), where, str(after)],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == -signal.SIGKILL, finished.stderr


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for place in range(FILES):
        rows = rows_of(ROWS, seed=place + 1)
        bad = rows.with_columns(age=pl.when(pl.col("visits") > 45).then(None).otherwise("age"))
        bad.write_parquet(folder / f"{place}.parquet")
    return folder


@pytest.mark.slow
def test_killed_at_every_step_it_loses_no_row_and_repeats_none(
    home: Path, source: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    for where, after in [
        ("job.make_plan", 0),
        ("Manifest.begin", 0),
        ("before Manifest.commit", 0),  # the part has its name, and is not committed
        ("Path.replace", 3),
        ("publish._enter", 0),  # the predictions are logged, the output is not whole
        ("before Path.rename", 0),
    ]:
        killed(home, source, output, where, after)
        assert not output.exists()
    record = run(home, source, output, keep=("customer_id",))
    whole = run(home, source, tmp_path / "undisturbed", keep=("customer_id",))
    assert digests(output) == digests(tmp_path / "undisturbed")
    assert "_rejects.jsonl" in digests(output)
    assert record.rows + record.rejected == whole.rows + whole.rejected == FILES * ROWS
    assert sorted(logged(home)["id"]) == sorted(answers(output)["prediction_id"])
    assert not list(tmp_path.glob("*.incomplete"))


def stopped(monkeypatch: pytest.MonkeyPatch, after: int) -> Callable[..., None]:
    """End a job, as Ctrl-C does, when some chunks are committed."""
    original, left = Manifest.commit, [after]

    def commit(self: Manifest, *given: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        original(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Manifest, "commit", commit)
    return lambda: monkeypatch.setattr(Manifest, "commit", original)


def interrupted(home: Path, source: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = stopped(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        run(home, source, output)
    go_on()


def test_what_is_committed_is_not_done_again(
    home: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(home, source, tmp_path / "out", monkeypatch)
    parts = {path: path.stat().st_ino for path in (tmp_path / "out.incomplete").glob("*.parquet")}
    assert len(parts) >= 2
    run(home, source, tmp_path / "out")
    kept = [p for p, inode in parts.items() if (tmp_path / "out" / p.name).stat().st_ino == inode]
    assert len(kept) == 2


def test_a_part_that_was_lost_is_made_again(
    home: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(home, source, tmp_path / "out", monkeypatch)
    (tmp_path / "out.incomplete" / "0-00000.parquet").unlink()
    (tmp_path / "out.incomplete" / "1-00000.parquet").write_bytes(b"half")
    run(home, source, tmp_path / "out")
    run(home, source, tmp_path / "undisturbed")
    assert digests(tmp_path / "out") == digests(tmp_path / "undisturbed")


def test_an_input_that_changed_since_is_named(
    home: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(home, source, tmp_path / "out", monkeypatch)
    rows_of(ROWS, seed=99).write_parquet(source / "4.parquet")
    (source / "3.parquet").unlink()
    said = r"4\.parquet has changed since; it is now asked for without 3\.parquet"
    with pytest.raises(ConflictError, match=said):
        run(home, source, tmp_path / "out")


def test_an_input_that_changes_while_it_is_read_ends_the_job(
    home: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Manifest.commit

    def commit(self: Manifest, *given: object) -> None:
        original(self, *given)  # type: ignore[arg-type]
        (source / "4.parquet").write_bytes(b"other")

    monkeypatch.setattr(Manifest, "commit", commit)
    with pytest.raises(ConfigError, match=r"4\.parquet has changed"):
        run(home, source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert logged(home).height == 0


def test_other_options_are_another_job(
    home: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(home, source, tmp_path / "out", monkeypatch)
    with pytest.raises(ConflictError, match="left by another job: its options are others"):
        run(home, source, tmp_path / "out", keep=("customer_id",))


def test_a_version_removed_meanwhile_publishes_nothing(
    home: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, asked = Registry.resolve, []

    def resolve(self: Registry, name: str) -> object:
        asked.append(name)
        if len(asked) > 1:
            raise NotFoundError("There is no such version.")
        return original(self, name)

    monkeypatch.setattr(Registry, "resolve", resolve)
    with pytest.raises(ConflictError, match="churn:1 was removed while the job ran"):
        run(home, source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert logged(home).height == 0


def test_of_two_at_once_one_is_told(home: Path, source: Path, tmp_path: Path) -> None:
    target = target_of(str(tmp_path / "out"))
    target.own.mkdir(parents=True)
    with hold(target.own / "lock"), pytest.raises(ConflictError, match="Another process"):
        run(home, source, tmp_path / "out")
    assert run(home, source, tmp_path / "out").rows > 0


def test_the_rows_of_a_query_are_those_it_gave_at_first(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("create table c (age, visits, plan)")
        database.execute("insert into c values (42.5, 3, 'pro')")
    go_on = stopped(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        run(home, path, tmp_path / "out", query="select * from c")
    go_on()
    with sqlite3.connect(path) as database:
        database.execute("insert into c values (20, 1, 'free')")
    database.close()
    with pytest.raises(ConflictError, match="options"):
        run(home, path, tmp_path / "out", query="select * from c where age > 1")
    assert run(home, path, tmp_path / "out", query="select * from c").rows == 1


@needs_small_disk
@pytest.mark.slow
def test_a_full_disk_ends_the_job_and_with_room_it_goes_on(home: Path, tmp_path: Path) -> None:
    rows_of(30_000).write_parquet(tmp_path / "in.parquet")
    disk = tmp_path / "disk"
    finished = subprocess.run(
        [*on_small_disk(disk, "6m"), sys.executable, "-c", FILLED, str(home),
         str(tmp_path / "in.parquet"), str(disk)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = finished.stdout.splitlines()
    assert lines, finished.stderr
    assert "StorageError" in lines[0]
    assert "No space left" in lines[0]
    assert lines[1:] == ["30000"], finished.stderr


@pytest.mark.slow
def test_what_another_process_refuses_is_told_as_if_it_were_refused_here(
    home: Path, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"row \d+: field 'age': is missing") as caught:
        run(home, source, tmp_path / "out", workers=2, on_error="fail")
    assert caught.value.problems[0].field == "age"
    assert "--on-error reject" in caught.value.hint


def test_the_record_of_a_finished_job_can_be_read_by_anyone(
    home: Path, source: Path, tmp_path: Path
) -> None:
    run(home, source, tmp_path / "out")
    told = json.loads((tmp_path / "out" / "_job.json").read_text())
    assert [one["name"] for one in told["inputs"]] == [f"{n}.parquet" for n in range(FILES)]


def test_a_manifest_that_is_damaged_is_named(
    home: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(home, source, tmp_path / "out", monkeypatch)
    path = tmp_path / "out.incomplete" / "_job" / "manifest"
    path.write_bytes(b"x" + path.read_bytes()[1:])
    with pytest.raises(StorageError, match=r"Remove .*out\.incomplete"):
        run(home, source, tmp_path / "out")
