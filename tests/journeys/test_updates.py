"""A model is kept right by itself: the concept drifts, labels come late, nobody does anything."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import fairlead
from fairlead.app.workspace import Workspace
from fairlead.updates import Update
from support.platform import Platform, children
from support.waiting import until

pytestmark = pytest.mark.slow

LATE_S = 0.5
WATCHED = """
[monitoring]
window_s = 0.5
grace_s = 0.5
rows_min = 50
learn_windows = 10
alarms_per_month = 4000
"""
SETTINGS = """
[endpoint.churn.update]
train = "churn_model:train"
data = { window = "6s", rows = 200 }
when = ["accuracy"]
evaluate = { metric = "accuracy", holdout = "latest 40%", latency = 0.0 }
debounce = "1s"
cooldown = "2s"
limits = { retries = 1, retry_after = "1s" }

[release.churn]
strategy = "canary"
steps = ["50% for 1s", "100%"]
bake = "1s"
"""
GOOD = """
from sklearn.linear_model import LogisticRegression


def train(data, previous, params):
    print(f"{data.height} rows")
    return LogisticRegression(C=100.0).fit(data[["calls", "months"]], data["label"])
"""
BROKEN = """
def train(data, previous, params):
    raise RuntimeError("the table of prices is empty")
"""
WORSE = """
from sklearn.linear_model import LogisticRegression


def train(data, previous, params):
    turned = ["left" if label == "stayed" else "stayed" for label in data["label"]]
    return LogisticRegression(C=100.0).fit(data[["calls", "months"]], turned)
"""
SLOW = """
import pathlib, time

from sklearn.linear_model import LogisticRegression


def train(data, previous, params):
    pathlib.Path(__file__).with_name("begun").touch()
    while not pathlib.Path(__file__).with_name("go").exists():
        time.sleep(0.05)
    return LogisticRegression(C=100.0).fit(data[["calls", "months"]], data["label"])
"""


def rows(count: int, seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).uniform(0.0, 1.0, (count, 2)).round(4)


def truth(drawn: np.ndarray[Any, Any], *, drifted: bool) -> np.ndarray[Any, Any]:
    """Those who call much leave; after the drift it is those who are there for long."""
    return np.where(drawn[:, 1 if drifted else 0] > 0.5, "left", "stayed")


class Stream(threading.Thread):
    """Asks about forty customers a few times a second, and tells half a second later who left."""

    def __init__(self, platform: Platform) -> None:
        super().__init__()
        self._platform = platform
        self._enough = threading.Event()
        self._later: deque[tuple[float, list[dict[str, str]]]] = deque()
        self.drifted = False
        self.right: deque[float] = deque(maxlen=20)
        """Share of right answers of the last requests."""
        self.versions: list[str] = []
        self.failed: list[int] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self.join()

    @property
    def accuracy(self) -> float:
        """Of the last requests."""
        return float(np.mean(list(self.right))) if self.right else 0.0

    def run(self) -> None:
        seed = 0
        while not self._enough.wait(0.1):
            seed += 1
            drawn = rows(40, seed)
            told = truth(drawn, drifted=self.drifted)
            asked = [{"calls": float(a), "months": float(b)} for a, b in drawn]
            self._ask(asked, told)
            self._tell()

    def _ask(self, asked: list[dict[str, float]], told: np.ndarray[Any, Any]) -> None:
        reply = self._platform.predict("churn", {"rows": asked})
        if reply.status != 200:
            self.failed.append(reply.status)
            return
        answers = reply.json["predictions"]
        self.right.append(float(np.mean([a["label"] for a in answers] == told)))
        self.versions.append(answers[0]["version"])
        items = [
            {"id": answer["id"], "value": str(label)}
            for answer, label in zip(answers, told, strict=True)
        ]
        self._later.append((time.monotonic() + LATE_S, items))

    def _tell(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            _, items = self._later.popleft()
            path = "/v1/endpoints/churn/feedback"
            status = self._platform.api(path, {"feedback": items}).status
            self.failed += [status] if status != 200 else []


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("packaged") / ".fairlead"
    drawn = rows(400, 10_000)
    labels = truth(drawn, drifted=False)
    import polars as pl

    frame = pl.DataFrame({"calls": drawn[:, 0], "months": drawn[:, 1]})
    model = LogisticRegression(C=100.0).fit(frame, labels)
    fairlead.package(model, frame, labels, name="churn", home=home)
    return home


@pytest.fixture
def home(packaged: Path, tmp_path: Path) -> Path:
    home = tmp_path / ".fairlead"
    shutil.copytree(packaged, home)
    (tmp_path / "fairlead.toml").write_text(SETTINGS)
    (tmp_path / "churn_model.py").write_text(GOOD)
    return home


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    workspace = Workspace(home)
    yield workspace
    workspace.close()


def newest(workspace: Workspace, outcome: str) -> Update | None:
    """The newest update that ended so."""
    found = workspace.update_book.updates("churn")
    return next((one for one in found if one.outcome == outcome), None)


def settled(stream: Stream) -> bool:
    return len(stream.right) == 20 and stream.accuracy > 0.9


def controller_of(platform: Platform) -> int:
    """The process that is no worker."""
    workers = {worker["pid"] for worker in platform.workers()}
    (pid,) = set(children(platform.process.pid)) - workers
    return pid


def test_the_loop_closes_by_itself_and_the_audit_tells_each_step(
    home: Path, workspace: Workspace
) -> None:
    settings = home.parent / "fairlead.toml"
    settings.write_text(f"{WATCHED}{SETTINGS}")
    with Platform(home, "churn:1", "--workers=1") as platform, Stream(platform) as stream:
        until(lambda: settled(stream) and len(stream.versions) > 120, "a past to learn from")
        assert set(stream.versions) == {"churn:1"}
        stream.drifted = True
        until(lambda: len(stream.right) == 20 and stream.accuracy < 0.7, "harm")
        update = until(lambda: newest(workspace, "promoted"), "the update")
        until(lambda: settled(stream), "the recovery")
        assert stream.failed == []
    assert update.made is not None
    assert update.made.judgement.verdict == "promote"
    assert {cause.kind for cause in update.causes} == {"accuracy"}
    assert any(line.text.endswith("rows") for line in update.log), "what the function printed"
    version = workspace.registry.resolve(update.made.candidate)
    assert version.lineage.parent == workspace.registry.resolve(update.made.champion).digest
    tell = [event for event in workspace.store.events() if event.actor != "cli"]
    mine = [event.action for event in tell if event.subject.endswith(update.id)]
    assert mine == [
        "update opened", "update running", "update releasing", "update releasing",
        "update promoted",
    ]  # fmt: skip
    opened = next(event for event in tell if event.subject.endswith(update.id))
    alerts = [event for event in tell if event.subject.startswith("alert/churn/accuracy")]
    assert alerts[0].time_us <= opened.time_us
    releases = [event for event in tell if event.actor == f"update {update.name}"]
    assert {"register", "release requested"} <= {event.action for event in releases}


def test_what_is_broken_or_worse_changes_nothing_and_a_kill_loses_and_doubles_nothing(
    home: Path, workspace: Workspace
) -> None:
    code = home.parent / "churn_model.py"
    code.write_text(BROKEN)
    with Platform(home, "churn:1", "--workers=1") as platform, Stream(platform) as stream:
        until(lambda: len(stream.versions) > 40, "rows to learn from")
        platform.run("update", "churn", "--reason", "to see it fail")
        failed = until(lambda: newest(workspace, "failed"), "the failure")
        assert "the table of prices is empty" in platform.run("updates", "log", "churn")
        assert (failed.failures, failed.made) == (2, None)
        until(lambda: firing(workspace, "updates"), "an alert of it")

        code.write_text(WORSE)
        platform.run("update", "churn")
        until(lambda: newest(workspace, "rejected"), "the rejection")

        stream.drifted = True
        passed = len(stream.versions) + 75
        until(lambda: len(stream.versions) > passed, "the window to hold the new alone")
        code.write_text(SLOW)
        platform.run("update", "churn")
        until((home.parent / "begun").exists, "the training")
        os.kill(controller_of(platform), signal.SIGKILL)
        interrupted = until(lambda: was_interrupted(workspace), "another attempt")
        (home.parent / "go").touch()
        update = until(lambda: newest(workspace, "promoted"), "its end on record")
        until(lambda: settled(stream), "the recovery")
        assert stream.failed == []
    assert (update.name, update.interruptions) == (interrupted.name, 1)
    actions = [event.action for event in workspace.store.events()]
    assert actions.count("update promoted") == 1
    numbers = [version.number for version in workspace.registry.versions("churn")]
    updates = [one for one in workspace.update_book.updates("churn") if one.made is not None]
    candidates = [one.made.candidate for one in updates if one.made is not None]
    assert len(candidates) == len(set(candidates)) == len(numbers) - 1, "none was made twice"


def was_interrupted(workspace: Workspace) -> Update | None:
    found = workspace.update_book.updates("churn")
    return next((one for one in found if one.interruptions), None)


def firing(workspace: Workspace, rule: str) -> bool:
    alerts = workspace.alert_book.alerts()
    return any(alert.rule == rule and alert.state == "firing" for alert in alerts)
