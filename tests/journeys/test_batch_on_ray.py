"""A job on a real Ray of two nodes gives what it gives on one machine, whatever is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from support.batch import answers, digests, logged, rows_of, run
from support.models import package_churn
from support.ray import Cluster, cluster, named, seats, short_folder, start, stopped
from support.small_disk import needs_small_disk, on_small_disk
from support.waiting import PATIENCE_S, until

FILES, ROWS = 40, 60
FEW = 3
KEPT = ("customer_id",)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    with cluster() as found:
        yield found


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home and files, some rows of which do not fit."""
    ground = tmp_path_factory.mktemp("ground")
    package_churn(ground / "home")
    (ground / "in").mkdir()
    for place in range(FILES):
        rows = rows_of(ROWS, seed=place + 1)
        bad = rows.with_columns(age=pl.when(pl.col("visits") > 45).then(None).otherwise("age"))
        bad.write_parquet(ground / "in" / f"{place:02d}.parquet")
    return ground


@pytest.fixture
def home(ground: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ground / "home", tmp_path / "home"))


def done(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out + err


def alike(home: Path, source: Path, output: Path) -> None:
    """See that an output is what this machine's processes make of the same, and so is the log."""
    own = output.parent / "local"
    other = own / output.name
    shutil.copytree(source.parent / "home", own / "home")
    run(own / "home", source, other, keep=KEPT)
    if output.is_file():
        assert output.read_bytes() == other.read_bytes()
        output, other = (Path(f"{path}.job") for path in (output, other))
    assert digests(output) == digests(other)
    assert (output / "_rejects.jsonl").exists()
    ours, theirs = (logged(each).drop("time").sort("id") for each in (home, own / "home"))
    assert ours.equals(theirs)


def test_a_process_and_a_node_are_lost_and_the_output_is_the_same_to_the_byte(
    nodes: Cluster, home: Path, ground: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    process = start(
        home, ground / "in", output, number=signal.SIGSTOP, after=FEW, workers=0,
        ray_address=nodes.address, keep=KEPT,
    )  # fmt: skip
    assert stopped(process), done(process)
    until(lambda: len(seats(nodes.head)) + len(seats(nodes.worker)) == 2, "both nodes at work")
    os.kill(seats(nodes.head)[0], signal.SIGKILL)
    os.kill(nodes.worker, signal.SIGKILL)
    process.send_signal(signal.SIGCONT)
    status, said = done(process)  # Ray itself tells of the node
    assert status == 0, said
    nodes.replace()
    alike(home, ground / "in", output)
    assert answers(output)["prediction_id"].n_unique() == answers(output).height


def test_a_driver_that_is_killed_goes_on_where_it_was(
    nodes: Cluster, home: Path, ground: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    asked: dict[str, Any] = {"workers": 0, "ray_address": nodes.address, "keep": KEPT}
    killed = start(home, ground / "in", output, number=signal.SIGKILL, after=FEW, **asked)
    assert done(killed)[0] == -signal.SIGKILL
    assert not output.exists()
    manifest = tmp_path / "out.csv.incomplete" / "_job" / "manifest"
    assert manifest.read_bytes().count(b"\n") == 1 + FEW
    assert done(start(home, ground / "in", output, **asked)) == (0, "")
    alike(home, ground / "in", output)


def test_a_ray_of_its_own_leaves_nothing_behind_and_any_engine_goes_on(
    home: Path, ground: Path, tmp_path: Path
) -> None:
    source, output = ground / "in", tmp_path / "out.jsonl"
    with short_folder() as tmp:
        killed = start(
            home, source, output, number=signal.SIGKILL, after=FEW, tmp=tmp, workers=2, keep=KEPT
        )
        assert done(killed)[0] == -signal.SIGKILL
        until(lambda: not named(tmp), "the end of its Ray")
        ended = start(
            home, source, output, number=signal.SIGINT, after=FEW, tmp=tmp, workers=2, keep=KEPT
        )
        assert "KeyboardInterrupt" in done(ended)[1]
        assert not list(tmp.glob("fairlead-*"))
        assert not named(tmp)
    assert not output.exists()
    run(home, source, output, keep=KEPT)
    alike(home, source, output)


def test_a_node_with_other_libraries_is_named(
    nodes: Cluster, home: Path, ground: Path, tmp_path: Path
) -> None:
    versions = json.dumps({"polars": pl.__version__, "onnxruntime": "0.1"})
    status, said = done(
        start(home, ground / "in", tmp_path / "out", versions=versions, workers=1,
              ray_address=nodes.address)
    )  # fmt: skip
    assert status == 1
    assert " node 127.0.0.1 of the Ray cluster has onnxruntime " in said
    assert "instead of 0.1. Install the same on all nodes" in said


@needs_small_disk
def test_a_node_that_does_not_see_the_output_is_named(
    nodes: Cluster, home: Path, ground: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    process = start(
        home, ground / "in", disk / "out", before=tuple(on_small_disk(disk, "40m")), workers=1,
        ray_address=nodes.address,
    )  # fmt: skip
    status, said = done(process)
    assert status == 1
    assert f" node 127.0.0.1 of the Ray cluster cannot see {disk}/out.incomplete/_job/scr" in said
    assert "on a file system that all nodes share" in said


def test_a_cluster_that_is_not_there_is_named(home: Path, ground: Path, tmp_path: Path) -> None:
    status, said = done(
        start(home, ground / "in", tmp_path / "out", workers=1, ray_address="127.0.0.1:1")
    )
    assert status == 1
    assert "UnavailableError: There is no Ray cluster at 127.0.0.1:1" in said
