"""Advice from an endpoint's own log, by the function of its settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from fairlead.app.advising import Wanted, advise_endpoint
from fairlead.app.workspace import Workspace
from fairlead.clock import ManualClock
from fairlead.errors import ConfigError, ModelError
from fairlead.predictionlog import JournalWriter
from fairlead.signature import Batch
from support.log import DAY_US, START_US, label
from support.review import put_route, route, rows

DAYS, EACH = 24, 40
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TRAIN = """
import numpy as np


class Side:
    classes_ = ["left", "stayed"]

    def __init__(self, bound):
        self.bound = bound

    def predict(self, rows):
        return np.where(np.asarray(rows)[:, 0] < self.bound, "left", "stayed")


def train(data, previous, params):
    assert params == {"share": 0.5}
    left = data.filter(data["label"] == "left")["x"]
    stayed = data.filter(data["label"] == "stayed")["x"]
    return Side((left.max() + stayed.min()) / 2)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "fairlead.toml").write_text(
        '[endpoint.churn.update]\ntrain = "side:train"\nparams = { share = 0.5 }\n'
        'data = { rows = 60 }\nevaluate = { metric = "accuracy" }\n'
    )
    (tmp_path / "side.py").write_text(TRAIN)
    clock = ManualClock(START_US + (DAYS + 1) * DAY_US)
    workspace = Workspace(tmp_path / ".fairlead", clock)
    put_route(workspace.store, route())
    return workspace


def fill(workspace: Workspace) -> None:
    """Days in which values below 20 leave, later those below 10; labels come six hours later."""
    workspace.home.journals.mkdir(parents=True, exist_ok=True)
    writer = JournalWriter(workspace.home.journals, "w", workspace.clock, rotate_bytes=1 << 22)
    values = np.arange(EACH, dtype=np.float64)
    for day in range(DAYS):
        first, bound = 1 + day * EACH, 20 if day < DAYS // 2 else 10
        asked = START_US + day * DAY_US + np.arange(EACH, dtype=np.int64) * 1_000_000
        inputs = Batch(EACH, ("x",), values[:, None], {})
        writer.append(rows(first, EACH, decided_by=None, time_us=asked, inputs=inputs))
        told = [(first + n, "left" if n < bound else "stayed") for n in range(EACH)]
        writer.append(label(*told, received=day * DAY_US + DAY_US // 4))
    writer.close()


def test_a_log_is_played_by_what_was_known_when(workspace: Workspace) -> None:
    fill(workspace)
    advice = advise_endpoint(workspace, Wanted(endpoint="churn", block_us=DAY_US))
    assert advice.rows == DAYS * EACH
    assert advice.metric == "accuracy"
    lines = {line.policy.name: line for line in advice.lines}
    never, often = (lines[name].by_block for name in ("never", "every 1d, last 4d"))
    assert never[0] == often[0]
    assert never[-1] is not None
    assert often[-1] is not None
    assert never[-1] < 0.8 < 0.9 < often[-1]
    # Labels of the day before come at six: a window of two days knows one of them.
    assert "every 1d, last 2d" in {one.policy for one in advice.left_out}
    assert not [*workspace.home.cache.iterdir()]


def test_an_empty_log_is_too_little(workspace: Workspace) -> None:
    advice = advise_endpoint(workspace, Wanted(endpoint="churn"))
    assert advice.verdict == "too little history"
    assert advice.words[0] == "There are no labelled rows."


def test_without_a_function_nothing_is_asked(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match=r"endpoint\.price\.update"):
        advise_endpoint(workspace, Wanted(endpoint="price"))


PLUS = """
import numpy as np


def eats(data, previous, params):
    keep = []
    while True:
        keep.append(np.ones(4_000_000))


def eats_at_once(data, previous, params):
    return np.ones(1_000_000_000)


class Count:
    classes_ = ["left", "stayed"]

    def predict(self, rows):
        return np.full(len(rows), "left")

    def predict_proba(self, rows):
        return np.full((len(rows), 2), 0.5)


def counts(data, previous, params):
    assert data.columns == ["x", "label", "time"]
    log, plus = data.filter(data["x"] < 100), data.filter(data["x"] >= 100)
    assert plus["time"].drop_nulls().le(log["time"].max()).all()
    with open(__file__.replace("plus.py", "told"), "a") as told:
        print(plus.height, file=told)
    return Count()
"""


def with_plus(workspace: Workspace, limits: str = "", **columns: object) -> Workspace:
    """As it is with ten rows of a file beside those of the log."""
    folder = workspace.home.path.parent
    (folder / "plus.py").write_text(PLUS)
    rows = {"x": [100.0 + n for n in range(10)], "label": ["left"] * 10, **columns}
    pl.DataFrame(rows).write_parquet(folder / "base.parquet")
    settings = folder / "fairlead.toml"
    both = settings.read_text().replace("{ rows = 60 }", '{ rows = 60, plus = "base.parquet" }')
    settings.write_text(f"{both}{limits}")
    return Workspace(workspace.home.path, workspace.clock)


def told(workspace: Workspace) -> list[int]:
    """How many rows of the file each training was given."""
    return [int(line) for line in (workspace.home.path.parent / "told").read_text().split()]


def counted(**changes: Any) -> Wanted:
    known = {"endpoint": "churn", "train": "plus:counts", "block_us": DAY_US, "trainings_max": 30}
    return Wanted(**{**known, **changes})


def test_rows_of_the_file_are_learnt_from_once_they_are_known(workspace: Workspace) -> None:
    first = EPOCH + timedelta(microseconds=START_US)
    workspace = with_plus(workspace, time=[first + timedelta(days=day) for day in range(10)])
    fill(workspace)
    advice = advise_endpoint(workspace, counted())
    assert min(told(workspace)) < max(told(workspace)) == 10
    (note,) = advice.notes
    assert note.startswith("Each training also learns from the 10 rows of 'data.plus' that are")


def test_rows_of_the_file_without_a_time_belong_to_all_and_it_is_said(workspace: Workspace) -> None:
    workspace = with_plus(workspace)
    fill(workspace)
    path = workspace.home.path.parent / "past.parquet"
    log = workspace.read("churn").collect().sort("time")
    log.select(log["in.x"].alias("x"), "label", "time").write_parquet(path)
    for given in (None, path):
        advice = advise_endpoint(workspace, counted(rows=given))
        assert "of which 10 have no time" in advice.notes[0]
    assert set(told(workspace)) == {10}
    with_plus(workspace, x=["a"] * 10)
    with pytest.raises(ConfigError, match=r"columns of base\.parquet are not of the same kind"):
        advise_endpoint(workspace, counted(rows=path))


@pytest.mark.parametrize("name", ["eats", "eats_at_once"])
def test_what_takes_more_memory_than_it_may_is_ended(workspace: Workspace, name: str) -> None:
    workspace = with_plus(workspace, 'limits = { memory = "700MiB", time = "1m" }\n')
    fill(workspace)
    said = f"'plus:{name}' took more memory than 700 MiB, which 'limits.memory' of the update"
    with pytest.raises(ModelError, match=said):
        advise_endpoint(workspace, counted(train=f"plus:{name}"))
    assert not [*workspace.home.cache.iterdir()]
