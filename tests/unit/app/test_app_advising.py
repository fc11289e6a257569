"""Advice from an endpoint's own log, by the function of its settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fairlead.app.advising import Wanted, advise_endpoint
from fairlead.app.workspace import Workspace
from fairlead.clock import ManualClock
from fairlead.errors import ConfigError
from fairlead.predictionlog import JournalWriter
from fairlead.signature import Batch
from support.log import DAY_US, START_US, label
from support.review import put_route, route, rows

DAYS, EACH = 24, 40
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
