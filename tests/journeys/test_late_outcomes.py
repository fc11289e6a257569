"""Releases that go by what comes later: wrong labels take one back, better sales promote one."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import fairlead
from fairlead.app.workspace import Workspace
from fairlead.releases import OPEN, Release
from support.load import Load
from support.platform import Platform
from support.reply import Reply
from support.waiting import until

pytestmark = pytest.mark.slow

LATE_S = 2.0
SETTINGS = """
[monitoring]
window_s = 0.5

[release.churn]
"""
CANARY = """
strategy = "canary"
steps = ["50% for 1s", "100%"]
guard = { accuracy = "difference >= -0.05" }
bake = "5m"
"""
EXPERIMENT = """
strategy = "ab"
goal = "mean:paid"
decide = "auto"
duration = "10m"
bake = "1s"
"""
Tell = Callable[[str, float], dict[str, Any]]


def package(home: Path, *, wrong: bool = False) -> str:
    x = np.linspace(0.0, 1.0, 80).reshape(-1, 1)
    labels = np.where((x[:, 0] > 0.5) != wrong, "left", "stayed")
    model = LogisticRegression(C=100.0).fit(x, labels)
    return fairlead.package(model, x, labels, name="churn", home=home).name


def label(_: str, x: float) -> dict[str, Any]:
    """What was true all the time."""
    return {"value": "left" if x > 0.5 else "stayed"}


def paid(version: str, x: float) -> dict[str, Any]:
    """What a user pays, who is offered more by the second version."""
    return {"name": "paid", "value": x + (1.0 if version == "churn:2" else 0.0)}


class Telling(Load):
    """Asks again and again, each time for another unit, and tells later what came of it.

    Args:
        platform: that is asked.
        place: among those who ask.
        tell: what comes of a version's answer.
    """

    pause_s = 0.002  # the first labels that are looked at shall be enough to prove what is wrong

    def __init__(self, platform: Platform, place: int, tell: Tell) -> None:
        super().__init__(place)
        self._platform = platform
        self._tell = tell
        self._later: deque[tuple[float, dict[str, Any]]] = deque()

    def ask(self, number: int) -> None:
        x = (number % 997) / 997
        body = {"rows": [[x]], "unit": f"user-{number}"}
        reply = self._platform.predict("churn", body)
        self.statuses[reply.status] += 1
        (row,) = reply.json["predictions"]
        item = {"id": row["id"], **self._tell(row["version"], x)}
        self._later.append((time.monotonic() + LATE_S, item))
        self._send(time.monotonic())

    def _send(self, now_s: float) -> None:
        due: list[dict[str, Any]] = []
        while self._later and self._later[0][0] <= now_s and len(due) < 50:
            due.append(self._later.popleft()[1])
        if due:
            reply = self._platform.api("/v1/endpoints/churn/feedback", {"feedback": due})
            self.statuses[reply.status] += 1


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    package(home)
    return home


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    workspace = Workspace(home)
    yield workspace
    workspace.close()


def released(
    home: Path, workspace: Workspace, plan: str, tell: Tell, *, wrong: bool
) -> tuple[Release, Reply, str]:
    """What becomes of a second version under load, and what is told of it in two ways."""
    (home / "fairlead.toml").write_text(SETTINGS + plan)
    with Platform(home, "churn:1", "--workers=2") as platform:
        load = [Telling(platform, place, tell) for place in range(3)]
        for one in load:
            one.start()
        platform.run("deploy", package(home, wrong=wrong))
        release = until(lambda: ended(workspace), "the end of the release")
        heard = [one.stop() for one in load]
        told = platform.control("/v1/endpoints/churn/experiment")
        by = "release show churn" if told.status == 404 else "experiment churn"
        shown = platform.run(*by.split())
        assert sum((one.statuses for one in heard), Counter()).keys() == {200}
    return release, told, shown


def ended(workspace: Workspace) -> Release | None:
    """The newest release, once it has ended."""
    release = workspace.releases.releases("churn")[-1]
    return release if release.state not in OPEN else None


def test_a_version_that_is_wrong_is_taken_back_once_labels_have_come(
    home: Path, workspace: Workspace
) -> None:
    release, _, shown = released(home, workspace, CANARY, label, wrong=True)
    assert release.state == "rolled back", release.reason
    assert "accuracy, at most 0.05 below the stable version's, is proven broken" in release.reason
    assert "accuracy" in shown
    held_s = (release.changed_us - release.step_us) / 1e6
    assert held_s > 1.0  # no label, no step: its time was over before any came
    assert release.step == 0
    (rolled,) = [e for e in workspace.store.events() if e.action == "release rolled back"]
    assert rolled.detail["accuracy"] == "worse"


def test_an_experiment_whose_candidate_earns_more_promotes_it(
    home: Path, workspace: Workspace
) -> None:
    release, told, shown = released(home, workspace, EXPERIMENT, paid, wrong=False)
    assert release.state == "done", release.reason
    events = [e for e in workspace.store.events() if e.subject.endswith(release.id)]
    reasons = [str(e.detail["reason"]) for e in events]
    assert any("churn:2 is proven better: mean:paid" in reason for reason in reasons)
    assert told.json["standing"]["found"] == "better"
    assert told.json["candidate"]["value"]["value"] > told.json["control"]["value"]["value"]
    assert told.json["candidate"]["predictions"]["came"] > 0
    assert told.json["candidate"]["predictions"]["delay_s"] >= LATE_S
    assert "Intervals hold at every look" in shown
    assert "Units are split as the route says" in shown
