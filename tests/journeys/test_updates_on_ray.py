"""A function fits its model on a real Ray of two nodes, and is cancelled with its update."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from fairlead.updates.types import Broken, Doing, Done
from support.platform import lives
from support.ray import OWN, Cluster, cluster
from support.updating import Ground, add_plain, ended, make_empty
from support.waiting import until

pytestmark = pytest.mark.slow

FUNCTIONS = '''
"""Fits on a node."""
import os, sys, time
import fairlead
from helping import Shifted

def train(data, previous, params):
    print("a node says", data.height, params["words"])
    fairlead.progress(0.25)
    while not os.path.exists(params["go"]):
        time.sleep(0.1)
    return Shifted().fit(data[["x0", "x1"]].to_numpy(), data["label"].to_numpy())

def raises(data, previous, params):
    raise ValueError("of Mary Miller")

def dies(data, previous, params):
    os._exit(3)

def hangs(data, previous, params):
    print("process", os.getpid(), flush=True)
    time.sleep(600)
'''
HELPING = """
from sklearn.linear_model import LogisticRegression as Shifted
"""


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    with cluster() as found:
        yield found


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    ground = make_empty(tmp_path_factory.mktemp("updating"))
    add_plain(ground)
    ground.write("functions", FUNCTIONS)
    ground.write("helping", HELPING)
    yield ground
    ground.workspace.close()


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (OWN | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}).items():
        monkeypatch.setenv(name, value)


def asked(nodes: Cluster) -> dict[str, object]:
    return {"endpoint": "plain", "engine": "ray", "ray_address": nodes.address}


def test_a_node_fits_and_its_words_and_progress_come_back(nodes: Cluster, ground: Ground) -> None:
    go, lines = ground.folder / "go", [""]
    params = {"words": "all is well", "go": str(go)}
    process = ground.begin("functions:train", id="1", params=params, **asked(nodes))  # type: ignore[arg-type]
    try:
        until(lambda: process.look() == Doing("train", 0.25), "its progress")
        go.touch()
        told = until(lambda: ended(process, lines), "its end")
    finally:
        process.close()
        ground.free("plain", "1")
    assert isinstance(told, Done), (told, lines)
    assert any("a node says 450 all is well" in line for line in lines)
    version = ground.workspace.registry.resolve(told.made.candidate)
    assert version.lineage.update is not None
    assert version.lineage.update.engine == "ray"


def test_what_goes_wrong_there_is_told_here(nodes: Cluster, ground: Ground) -> None:
    told, log = ground.ran("functions:raises", id="2", **asked(nodes))
    assert isinstance(told, Broken)
    assert told.error.startswith("'functions:raises' failed with ValueError at functions.py:15.")
    assert "of Mary Miller" in log
    told, _ = ground.ran("functions:dies", id="3", **asked(nodes))
    assert isinstance(told, Broken)
    assert told.error.startswith("Ray did not run 'functions:dies' to its end (WorkerCrashedError)")


def test_it_is_cancelled_with_its_update(nodes: Cluster, ground: Ground) -> None:
    process, lines = ground.begin("functions:hangs", id="4", **asked(nodes)), [""]  # type: ignore[arg-type]

    def begun() -> int | None:
        assert not isinstance(process.look(), Broken)
        lines.extend(process.lines())
        found = (line.partition("process ")[2] for line in lines if "process " in line)
        return next((int(each) for each in found if each.isdecimal()), None)

    there = until(begun, "its process")
    assert there is not None
    process.close()
    ground.free("plain", "4")
    until(lambda: not lives(there), "the end of the task")
