"""Whole files are scored by one command, which may be killed, and run twice at once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import fairlead
from fairlead.app.workspace import Workspace
from fairlead.runners.load import answer_all
from fairlead.signature import from_frame
from support.batch import answers, digests, logged, rows_of
from support.models import customers, package_churn
from support.waiting import PATIENCE_S, until

FILES, ROWS = 24, 400


def batch(home: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fairlead", "--home", str(home), "batch", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def done(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out + err


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / ".fairlead"
    package_churn(home)
    return home


def folder_of(tmp_path: Path) -> Path:
    source = tmp_path / "in"
    source.mkdir()
    for place in range(FILES):
        rows_of(ROWS, seed=place + 1).write_parquet(source / f"{place:02d}.parquet")
    return source


@pytest.mark.slow
def test_a_file_is_scored_in_one_line_and_labels_join_by_id(home: Path, tmp_path: Path) -> None:
    rows = rows_of(ROWS)
    rows.write_parquet(tmp_path / "in.parquet")
    named = [sys.executable, "-m", "fairlead", "--home", str(home), "alias", "churn:1", "champion"]
    subprocess.run(named, check=True, stdout=subprocess.DEVNULL)
    status, said = done(
        batch(home, "churn@champion", tmp_path / "in.parquet", tmp_path / "out", "--keep",
              "customer_id,plan")
    )  # fmt: skip
    assert status == 0, said
    assert "400 rows answered by churn:1, 0 rejected." in said
    found = answers(tmp_path / "out")
    assert found.columns[:4] == ["prediction_id", "customer_id", "plan", "label"]
    space = Workspace(home)
    version = space.registry.resolve("churn:1")
    asked = from_frame(version.signature, rows.drop("customer_id"))
    online = answer_all(space.bundle(version), asked)
    space.close()
    assert found["label"].to_list() == online.column("label").tolist()
    _, left = customers(ROWS, 1)
    labels = found.select("prediction_id").with_columns(label=pl.Series(left))
    labels.write_parquet(tmp_path / "labels.parquet")
    sent = subprocess.run(
        [sys.executable, "-m", "fairlead", "--home", str(home), "feedback", "churn",
         str(tmp_path / "labels.parquet")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert sent.stdout.startswith("400 sent, 0 unmatched")
    known = logged(home).sort("id")
    assert known["label"].to_list() == left.tolist()


@pytest.mark.slow
def test_killed_while_it_works_it_gives_what_it_would_have_given(
    home: Path, tmp_path: Path
) -> None:
    source, output = folder_of(tmp_path), tmp_path / "out"
    manifest = tmp_path / "out.incomplete" / "_job" / "manifest"
    committed = 0
    for more in (0, 3, 4):
        process = batch(home, "churn:1", source, output, "--workers", 2)

        def further(
            process: subprocess.Popen[str] = process, least: int = committed + more
        ) -> bool:
            lines = manifest.read_bytes().count(b"\n") if manifest.exists() else 0
            return lines > least or process.poll() is not None

        until(further, "some chunks")
        process.kill()
        assert done(process)[0] == -signal.SIGKILL
        committed = manifest.read_bytes().count(b"\n")
        assert not output.exists()
    assert done(batch(home, "churn:1", source, output, "--workers", 2))[0] == 0
    assert done(batch(home, "churn:1", source, tmp_path / "whole", "--workers", 1))[0] == 0
    assert digests(output) == digests(tmp_path / "whole")
    assert answers(output)["prediction_id"].n_unique() == FILES * ROWS
    assert sorted(logged(home)["id"]) == sorted(answers(output)["prediction_id"])


@pytest.mark.slow
def test_of_two_at_once_one_does_it_and_the_other_says_so(home: Path, tmp_path: Path) -> None:
    source, output = folder_of(tmp_path), tmp_path / "out"
    first = batch(home, "churn:1", source, output)
    until((tmp_path / "out.incomplete" / "_job" / "manifest").exists, "the job was begun")
    os.kill(first.pid, signal.SIGSTOP)
    status, said = done(batch(home, "churn:1", source, output))
    os.kill(first.pid, signal.SIGCONT)
    assert status == 1
    assert f"Another process is at work on {output}" in said
    assert done(first)[0] == 0
    assert answers(output).height == FILES * ROWS


@pytest.mark.slow
def test_a_process_that_scores_and_dies_is_named_and_the_job_goes_on(
    home: Path, tmp_path: Path
) -> None:
    source, output = folder_of(tmp_path), tmp_path / "out"
    process = batch(home, "churn:1", source, output, "--workers", 2)
    task = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until((tmp_path / "out.incomplete" / "_job" / "manifest").exists, "the job was begun")
    until(lambda: len(task.read_text().split()) == 2, "its processes")
    os.kill(int(task.read_text().split()[0]), signal.SIGKILL)
    status, said = done(process)
    assert status == 1
    assert "ended by signal 9" in said
    assert "Traceback" not in said
    assert done(batch(home, "churn:1", source, output))[0] == 0
    assert answers(output).height == FILES * ROWS


@pytest.mark.slow
def test_a_terminal_shows_how_far_it_is(home: Path, tmp_path: Path) -> None:
    source, seen = folder_of(tmp_path), b""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "fairlead", "--home", str(home), "batch", "churn:1", str(source),
         str(tmp_path / "out"), "--workers", "1"],
        stdout=subprocess.DEVNULL, stderr=theirs, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    with contextlib.suppress(OSError):  # of a terminal that nobody writes to any more
        while some := os.read(ours, 4096):
            seen += some
    os.close(ours)
    assert process.wait() == 0
    for word in (b"100 %", b"rows/s", b"0 rejected"):
        assert word in seen, seen


@pytest.mark.slow
def test_memory_is_bounded_however_large_the_input_is(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    names = [f"f{place:02d}" for place in range(60)]
    frame = pd.DataFrame(random.normal(size=(500, 60)), columns=names)
    model = LogisticRegression().fit(frame, frame["f00"] > 0)
    fairlead.package(model, frame, name="wide", home=tmp_path / ".fairlead")
    peaks, sizes = [], []
    for rows in (10_000, 650_000):
        made = pl.DataFrame({name: random.integers(-3, 4, rows).astype(float) for name in names})
        made.write_parquet(tmp_path / f"{rows}.parquet", row_group_size=rows)
        sizes.append(made.estimated_size())
        del made
        peaks.append(peak_bytes(tmp_path / ".fairlead", tmp_path / f"{rows}.parquet"))
    assert sizes[1] > 300_000_000 > peaks[1]
    assert peaks[1] < peaks[0] + 100_000_000
    record = json.loads((tmp_path / "650000.out" / "_job.json").read_text())
    assert record["rows"] == 650_000


def peak_bytes(home: Path, source: Path) -> int:
    """The most memory that a job takes at once, in one process."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    asked = [sys.executable, "-m", "fairlead", "--home", str(home), "batch", "wide:1", str(source),
             str(source.with_suffix(".out")), "--workers", "1", "--memory", "300"]  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", code, *asked], capture_output=True, text=True, check=True
    )
    unit_bytes = 1024 if sys.platform == "linux" else 1
    return int(ran.stdout) * unit_bytes
