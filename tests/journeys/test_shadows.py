"""Shadows under load: callers notice nothing, and what differs is told by slice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import fairlead
from fairlead.app.workspace import Workspace
from fairlead.releases import OPEN, Release
from fairlead.routing import ROUTES, Route
from support.load import Load
from support.platform import Platform
from support.waiting import until

pytestmark = pytest.mark.slow

JSON = {"content-type": "application/json"}
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

[release.loans]
strategy = "shadow"
stable = "human:risk"
duration = "2s"
rows = 40

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


class Asking(Load):
    """Asks again and again, and notes who answered and what was wrong."""

    def __init__(self, platform: Platform, endpoint: str) -> None:
        super().__init__()
        self._platform, self._endpoint = platform, endpoint
        self.versions: Counter[str] = Counter()
        self.wrong: list[object] = []

    def ask(self, number: int) -> None:
        x = 1.0 + number % 20 / 10
        row = {"x": x, "plan": PLANS[number % 3]}
        reply = self._platform.predict(self._endpoint, {"rows": [row]})
        self.statuses[reply.status] += 1
        if reply.status == 200:
            (told,) = reply.json["predictions"]
            self.versions[told["version"]] += 1
            if told["prediction"] != ("left" if x > 2 else "stay"):
                self.wrong.append(told)


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
    load = [Asking(platform, "other") for _ in range(2)]
    for one in load:
        one.start()
    platform.run("deploy", package(home, OTHER_FOR_FREE, "other"), "--endpoint=other")
    release = until(lambda: ended(workspace, "other"), "the end of the release")
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
    load = [Asking(platform, "churn") for _ in range(2)]
    for one in load:
        one.start()
    platform.run("deploy", package(home, OTHER_FOR_FREE, "churn"))
    release = until(lambda: ended(workspace, "churn"), "the end of the release")
    assert release.state == "rolled back", release.reason
    assert "disagreement, at most 0.05, is proven broken" in release.reason
    assert not any(one.versions["churn:2"] for one in load)
    platform.run("deploy", package(home, SAME, "churn"))
    release = until(lambda: ended(workspace, "churn"), "the end of the release")
    assert release.state == "done", release.reason
    heard = [one.stop() for one in load]
    assert route_of(workspace, "churn").arms[0].version.name == "churn:3"
    assert sum((one.statuses for one in heard), Counter()).keys() == {200}
    assert not any(one.wrong for one in heard)


def decide(platform: Platform, ids: list[str], values: list[str]) -> None:
    """A person decides under the ids that callers were given."""
    said = [
        {"id": one, "value": value, "name": "decision"}
        for one, value in zip(ids, values, strict=True)
    ]
    sent = platform.api("/v1/endpoints/loans/feedback", {"feedback": said}, headers=JSON)
    assert sent.json == {"accepted": len(ids)}


def test_a_person_decides_while_the_model_predicts_silently_and_is_promoted(
    platform: Platform, workspace: Workspace, home: Path
) -> None:
    platform.run("deploy", package(home, SAME, "loans"))
    xs = [1.0 + n % 2 * 2 for n in range(60)]
    rows = [{"x": x, "plan": "pro"} for x in xs]
    got = platform.predict("loans", {"rows": rows})
    assert got.status == 202
    said = [{**row, "id": ""} for row in got.json["predictions"]]
    assert said == [{"id": "", "decided_by": "pending"}] * len(rows)
    ids = [row["id"] for row in got.json["predictions"]]
    assert platform.api("/invocations", {"dataframe_records": rows}, headers=JSON).status != 200
    refused = platform.api("/endpoints/loans/invocations", {"instances": rows}, headers=JSON)
    assert (refused.status, b"A person decides every row here" in refused.body) == (409, True)
    agreed = ["left" if x > 2 else "stay" for x in xs]
    decide(platform, ids[:30], ["stay", "stay", *agreed[2:30]])
    assert "shadow (risk)" in platform.run("endpoints")
    decide(platform, ids[30:], agreed[30:])
    asks = until(lambda: asking(workspace, platform), "the end of its time")
    assert "human:risk decides until it is promoted" in asks.reason
    assert platform.predict("loans", {"rows": rows[:1]}).status == 202
    shown = platform.run("release", "show", "loans")
    assert "Cohen's kappa is 0.9" in shown
    given = {line.split()[1]: line.split()[3] for line in shown.splitlines() if "given " in line}
    assert given["left"] == "0.00%"
    assert given["stay"] != "0.00%"
    platform.run("release", "promote", "loans")
    answered = platform.predict("loans", {"rows": rows[:1]})
    assert (answered.status, answered.json["predictions"][0]["version"]) == (200, "loans:1")


def test_nobody_answers_once_a_person_alone_decided_and_it_is_taken_back(
    platform: Platform, home: Path
) -> None:
    platform.run("deploy", package(home, SAME, "loans"))
    body = {"rows": [{"x": 1.0, "plan": "pro"}]}
    assert platform.predict("loans", body).status == 202
    platform.run("release", "abort", "loans")
    until(lambda: platform.predict("loans", body).status == 404, "the way back")


def asking(workspace: Workspace, platform: Platform) -> Release | None:
    """The release once it waits for a person, while callers go on."""
    assert platform.predict("loans", {"rows": [{"x": 1.0, "plan": "pro"}]}).status == 202
    release = workspace.releases.releases("loans")[-1]
    return release if release.state == "asking" else None
