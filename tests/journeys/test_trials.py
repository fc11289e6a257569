"""Releases under load: a bad version is taken back by itself, a good one takes over by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fairlead
from fairlead.app.workspace import Workspace
from fairlead.releases import OPEN, Release
from support.load import Load
from support.platform import Platform
from support.waiting import until

pytestmark = pytest.mark.slow

JSON = {"content-type": "application/json"}
SETTINGS = """
[monitoring]
window_s = 0.5

[release.doubling]
strategy = "canary"
steps = ["10% for 4s", "50% for 4s", "100%"]
bake = "3s"
"""
GOOD = """
class Model:
    def load(self):
        pass

    def predict(self, batch):
        return batch["x"] * 2
"""
BAD = """
class Model:
    def load(self):
        pass

    def predict(self, batch):
        if ((batch["x"] * 1000).astype(int) % 3 == 1).any():
            raise ValueError("planted")
        return batch["x"] * 2
"""
SLOW = """
import time

class Model:
    def load(self):
        pass

    def predict(self, batch):
        time.sleep(0.03 * (batch["x"] > 2.5).any())
        return batch["x"] * 2
"""


def package(home: Path, code: str) -> str:
    folder = home.parent / "code"
    folder.mkdir(exist_ok=True)
    (folder / "model.py").write_text(code)
    return fairlead.package(folder, [{"x": 1.5}, {"x": 2.25}], name="doubling", home=home).name


class Doubling(Load):
    """Asks again and again, each time for another unit, and notes every reply.

    Args:
        platform: that is asked.
        place: among those who ask.
    """

    def __init__(self, platform: Platform, place: int) -> None:
        super().__init__(place)
        self._platform = platform
        self.wrong: list[Any] = []
        self.versions: Counter[str] = Counter()

    def ask(self, number: int) -> None:
        x = 2.501 + (number % 900) / 1000
        reply = self._platform.predict("doubling", {"rows": [{"x": x}], "unit": f"user-{number}"})
        self.statuses[reply.status] += 1
        if reply.status == 200:
            (row,) = reply.json["predictions"]
            self.versions[row["version"]] += 1
            if abs(row["prediction"] - 2 * x) > 1e-9:
                self.wrong.append(row)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    package(home, GOOD)
    (home / "fairlead.toml").write_text(SETTINGS)
    return home


@pytest.fixture
def platform(home: Path) -> Iterator[Platform]:
    with Platform(home, "doubling:1", "--workers=2") as platform:
        yield platform


def loaded(platform: Platform) -> list[Doubling]:
    load = [Doubling(platform, place) for place in range(4)]
    for one in load:
        one.start()
    return load


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    workspace = Workspace(home)
    yield workspace
    workspace.close()


def newest(workspace: Workspace) -> Release:
    return workspace.releases.releases("doubling")[-1]


def ended(workspace: Workspace) -> Release | None:
    """The newest release, once it has ended."""
    release = newest(workspace)
    return release if release.state not in OPEN else None


@pytest.mark.parametrize(("code", "guard"), [(BAD, "failures"), (SLOW, "latency_p95")])
def test_a_bad_version_is_taken_back_by_itself_and_no_caller_pays_for_it(
    platform: Platform, workspace: Workspace, home: Path, code: str, guard: str
) -> None:
    load = loaded(platform)
    steps = ["--step", "10% for 4s", "--step", "50% for 5m", "--step", "100%"]
    platform.run("deploy", package(home, code), *steps)  # until enough is known, however slow
    release = until(lambda: ended(workspace), "the end of the release")
    assert release.state == "rolled back", release.reason
    shown = platform.run("release", "show", "doubling")
    until(lambda: answered_by(platform) == "doubling:1", "the way back")
    heard = [one.stop() for one in load]
    assert guard in release.reason
    assert guard in shown
    assert "rolled back" in shown
    assert sum((one.statuses for one in heard), Counter()).keys() == {200}
    assert not any(one.wrong for one in heard)
    assert any(one.versions["doubling:1"] for one in heard)
    audit = [e.action for e in workspace.store.events() if e.subject.endswith(release.id)]
    assert audit[-1] == "release rolled back"


def test_a_good_version_takes_over_by_itself_and_goes_back_on_request(
    platform: Platform, workspace: Workspace, home: Path
) -> None:
    load = loaded(platform)
    platform.run("deploy", package(home, GOOD))
    release = until(lambda: ended(workspace), "the end of the release")
    assert release.state == "done", release.reason
    assert answered_by(platform) == "doubling:2"
    platform.run("release", "rollback", "doubling", "--reason=to try it")
    until(lambda: answered_by(platform) == "doubling:1", "the way back")
    heard = [one.stop() for one in load]
    assert sum((one.statuses for one in heard), Counter()).keys() == {200}
    versions = sum((one.versions for one in heard), Counter())
    assert versions.keys() == {"doubling:1", "doubling:2"}


def test_people_have_the_last_word(platform: Platform, workspace: Workspace, home: Path) -> None:
    platform.run("deploy", package(home, GOOD), "--step", "5% for 1d", "--step", "approve",
                 "--step", "100%")  # fmt: skip
    assert "5.00%" in platform.run("release", "show", "doubling")
    assert "is holding, paused" in platform.run("release", "pause", "doubling")
    path = "/v1/endpoints/doubling/releases/order"
    resume = {"order": "resume", "reason": "by mistake"}
    assert platform.control(path, resume, headers=JSON).status == 202
    until(lambda: not newest(workspace).paused, "the end of the pause")
    assert "by mistake" in newest(workspace).reason
    refused = platform.control(path, {"order": "explode"}, headers=JSON)
    assert refused.status == 422
    assert b"'rollback'" in refused.body
    assert b"application/json" in platform.control(path, resume).body
    platform.run("release", "promote", "doubling", "--reason=sure")
    until(lambda: answered_by(platform) == "doubling:2", "the promotion")
    platform.run("release", "abort", "doubling")
    until(lambda: answered_by(platform) == "doubling:1", "the way back")
    assert newest(workspace).state == "aborted"
    assert "No release" in platform.run("release", "approve", "doubling", status=1)


def answered_by(platform: Platform) -> str:
    """The only version that answers; empty while there are several."""
    seen = {
        platform.predict("doubling", {"rows": [{"x": 1.0}]}).json["predictions"][0]["version"]
        for _ in range(8)
    }
    return seen.pop() if len(seen) == 1 else ""
