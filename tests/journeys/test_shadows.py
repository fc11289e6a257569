"""Shadows under load: callers notice nothing, and what differs is told by slice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

import fairlead
from fairlead.app.workspace import Workspace
from fairlead.releases import OPEN, Release
from fairlead.routing import ROUTES, Route
from support.platform import Platform
from support.waiting import until

pytestmark = pytest.mark.slow

SETTINGS = """
[monitoring]
window_s = 0.5

[release.churn]
strategy = "canary"
steps = ["shadow for 2s", "50% for 2s", "100%"]
rows = 200
slices = ["plan"]
guard = { disagreement = "<= 0.05" }
prove = ["disagreement"]
bake = "1s"

[release.other]
strategy = "shadow"
duration = "2s"
rows = 200
slices = ["plan"]
"""
CODE = """
import numpy as np

class Model:
    def load(self):
        pass

    def predict(self, batch):
        left = batch["x"] > 2
        return np.where(LEFT, "left", "stay").astype(object)
"""
SAME, OTHER_FOR_FREE = "left", 'left ^ (batch["plan"] == "free")'
PLANS = ("free", "pro", "team")


def package(home: Path, left: str, name: str) -> str:
    folder = home.parent / "code"
    folder.mkdir(exist_ok=True)
    (folder / "model.py").write_text(CODE.replace("LEFT", left))
    rows = [{"x": 1.5 + place, "plan": plan} for place, plan in enumerate(PLANS)]
    return fairlead.package(folder, rows, name=name, home=home).name


class Load(threading.Thread):
    """Asks again and again, and notes who answered and what was wrong."""

    def __init__(self, platform: Platform, endpoint: str) -> None:
        super().__init__(daemon=True)
        self._platform, self._endpoint = platform, endpoint
        self._enough = threading.Event()
        self.statuses: Counter[int] = Counter()
        self.versions: Counter[str] = Counter()
        self.wrong: list[object] = []

    def run(self) -> None:
        number = 0
        while not self._enough.wait(0.002):
            number += 1
            x = 1.0 + number % 20 / 10
            row = {"x": x, "plan": PLANS[number % 3]}
            reply = self._platform.predict(self._endpoint, {"rows": [row]})
            self.statuses[reply.status] += 1
            if reply.status == 200:
                (told,) = reply.json["predictions"]
                self.versions[told["version"]] += 1
                if told["prediction"] != ("left" if x > 2 else "stay"):
                    self.wrong.append(told)

    def stop(self) -> Self:
        self._enough.set()
        self.join()
        return self


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    for name in ("churn", "other"):
        package(home, SAME, name)
    (home / "fairlead.toml").write_text(SETTINGS)
    return home


@pytest.fixture
def platform(home: Path) -> Iterator[Platform]:
    with Platform(home, "churn:1", "other:1", "--workers=2") as platform:
        yield platform


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    workspace = Workspace(home)
    yield workspace
    workspace.close()


def ended(workspace: Workspace, endpoint: str) -> Release | None:
    """The newest release, once it has ended."""
    release = workspace.releases.releases(endpoint)[-1]
    return release if release.state not in OPEN else None


def route_of(workspace: Workspace, endpoint: str) -> Route:
    stored = workspace.store.get(ROUTES, ROUTES.key(endpoint))
    assert stored is not None
    return stored.value


def test_a_shadow_is_compared_by_slice_and_no_caller_gets_its_answers(
    platform: Platform, workspace: Workspace, home: Path
) -> None:
    before = route_of(workspace, "other")
    load = [Load(platform, "other") for _ in range(2)]
    for one in load:
        one.start()
    platform.run("deploy", package(home, OTHER_FOR_FREE, "other"), "--endpoint=other")
    release = until(lambda: ended(workspace, "other"), "the end of the release", 60)
    heard = [one.stop() for one in load]
    assert release.state == "done", release.reason
    after = route_of(workspace, "other")
    assert (after.arms, after.shadows) == (before.arms, ())
    assert sum((one.statuses for one in heard), Counter()).keys() == {200}
    assert sum((one.versions for one in heard), Counter()).keys() == {"other:1"}
    assert not any(one.wrong for one in heard)
    shown = platform.run("release", "show", "other")
    disagree = {
        line.split()[1]: line.split()[3] for line in shown.splitlines() if line.startswith("plan ")
    }
    assert disagree == {"free": "100.00%", "pro": "0.00%", "team": "0.00%"}
    assert "kappa" in shown
    told = platform.control("/v1/endpoints/other/releases").json["releases"][-1]["comparison"]
    assert told["rows"] >= 200
    assert told["apart"]["low"] < 1 / 3 < told["apart"]["high"]


def test_a_canary_goes_on_from_its_shadow_only_where_both_agree(
    platform: Platform, workspace: Workspace, home: Path
) -> None:
    load = [Load(platform, "churn") for _ in range(2)]
    for one in load:
        one.start()
    platform.run("deploy", package(home, OTHER_FOR_FREE, "churn"))
    release = until(lambda: ended(workspace, "churn"), "the end of the release", 60)
    assert release.state == "rolled back", release.reason
    assert "disagreement, at most 0.05, is proven broken" in release.reason
    assert not any(one.versions["churn:2"] for one in load)
    platform.run("deploy", package(home, SAME, "churn"))
    release = until(lambda: ended(workspace, "churn"), "the end of the release", 60)
    assert release.state == "done", release.reason
    heard = [one.stop() for one in load]
    assert route_of(workspace, "churn").arms[0].version.name == "churn:3"
    assert sum((one.statuses for one in heard), Counter()).keys() == {200}
    assert not any(one.wrong for one in heard)
