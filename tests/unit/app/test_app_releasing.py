"""Which plan a release goes by: what is told, then what the settings say, then what is usual."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import fairlead
from fairlead.app.releasing import plan_for
from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError
from fairlead.releases import RELEASES, Evidence, Order, Plan, PlanSettings, Release, plan_of
from fairlead.releases.fold import EVIDENCE, Folded
from fairlead.routing import ROUTES, SLOTS
from fairlead.stats import Failures, FailureStep
from fairlead.store import Put
from support.control import Control, control_of
from support.routes import SIGNATURE, route, version

SHADOW = '[release.churn]\nstrategy = "shadow"\nshare = "50%"\nduration = "2h"\nrows = 70\n'
CANARY = (
    '[release.churn]\nsteps = ["7% for 1h", "100%"]\nguard = { failures = "ratio <= 2" }\n'
    'bake = "3m"\n'
)
HOUR_US = 3_600_000_000


def home_of(folder: Path, settings: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "fairlead.toml").write_text(settings)
    return folder


def plan(folder: Path, settings: str, **told: Any) -> tuple[Plan, str]:
    workspace = Workspace(home_of(folder / "home", settings))
    try:
        return plan_for(workspace, "churn", told)
    finally:
        workspace.close()


def test_a_shadow_goes_by_the_settings_as_any_other_release_does(tmp_path: Path) -> None:
    found, why = plan(tmp_path, SHADOW, strategy="shadow")
    (step,) = found.steps
    assert (step.slots, step.hold_us, found.rows_min) == (SLOTS // 2, 2 * HOUR_US, 70)
    assert why == ("By 'shadow', as [release.churn] of the settings. Its steps take at least 2h.")


@pytest.mark.parametrize("strategy", [{}, {"strategy": "shadow"}])
def test_what_is_told_wins_over_the_settings(tmp_path: Path, strategy: dict[str, str]) -> None:
    found, why = plan(tmp_path, SHADOW, share="5%", **strategy)
    (step,) = found.steps
    assert (step.slots, step.hold_us, found.rows_min) == (500, 2 * HOUR_US, 70)
    assert why.startswith("By 'shadow', as [release.churn] of the settings, but for: share.")


def test_steps_that_are_told_leave_the_guards_of_the_settings(tmp_path: Path) -> None:
    found, _ = plan(tmp_path, CANARY, steps=["9% for 1h", "100%"])
    assert [step.slots for step in found.steps] == [900, SLOTS]
    assert (found.guards[0].bound, found.bake_us) == (2.0, 180_000_000)


def test_a_plan_by_another_strategy_is_another_plan(tmp_path: Path) -> None:
    found, why = plan(tmp_path, CANARY, strategy="blue-green")
    assert [step.slots for step in found.steps] == [SLOTS]
    assert (found.guards[0].bound, found.bake_us) == (1.25, HOUR_US // 2)
    assert "without [release.churn] of the settings, which is by 'canary'" in why


@pytest.mark.parametrize(
    ("told", "strategy"),
    [
        ({"goal": "mean:revenue"}, "ab"),
        ({"goal": "mean:revenue", "duration": "3d"}, "ab"),
        ({"stable": "human:risk"}, "shadow"),
        ({"share": "10%"}, "shadow"),
        ({"steps": ["9% for 1h", "100%"]}, "canary"),
    ],
)
def test_what_only_one_strategy_has_says_which_it_is(
    tmp_path: Path, told: dict[str, Any], strategy: str
) -> None:
    assert plan(tmp_path, "", **told)[0].strategy == strategy


def test_what_no_strategy_has_together_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'canary' has no 'share'"):
        plan(tmp_path, "", share="10%", goal="mean:revenue")
    with pytest.raises(ConfigError, match="'now' has no 'steps'"):
        plan(tmp_path / "other", SHADOW, strategy="now", steps=["100%"])


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    home = home_of(tmp_path_factory.mktemp("released") / "home", SHADOW)
    x = np.arange(40.0).reshape(-1, 1)
    for name in ("churn", "other"):
        fairlead.package(LinearRegression().fit(x, x[:, 0]), x, x[:, 0], name=name, home=home)
    with control_of(home) as control:
        yield control


def test_the_control_plane_takes_what_the_command_line_does(control: Control) -> None:
    wanted = {"version": "churn:1", "strategy": "shadow", "share": "20%"}
    reply = control.ask("/v1/endpoints/churn/releases", wanted)
    assert reply.status == 202, reply.body
    (step,) = reply.json["plan"]["steps"]
    assert (step["slots"], step["hold_us"]) == (2_000, 2 * HOUR_US)
    told = {"version": "other:1", "stable": "human:risk", "duration": "1h"}
    reply = control.ask("/v1/endpoints/other/releases", told)
    assert reply.status == 202, reply.body
    assert (reply.json["plan"]["strategy"], reply.json["plan"]["decided_by"]) == (
        "shadow", "human:risk",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "status", "says"),
    [
        ({"strategy": "canary", "share": "10%"}, 400, "'canary' has no 'share'"),
        ({"share": "ten"}, 400, "no share"),
        ({"duration": 5}, 422, "duration"),
        ({"steps": []}, 422, "steps"),
        ({"guard": {}}, 422, "guard"),
    ],
)
def test_what_makes_no_plan_is_refused(
    control: Control, told: dict[str, Any], status: int, says: str
) -> None:
    reply = control.ask("/v1/endpoints/new/releases", {"version": "churn:1"} | told)
    assert (reply.status, says in reply.body.decode()) == (status, True), reply.body


def test_a_named_approval_is_that_of_the_key_of_that_name(tmp_path: Path) -> None:
    waiting = Release(
        id="r1", endpoint="e", version=version(2), signature=SIGNATURE, actor="ann", created_us=0,
        changed_us=0, state="asking", revision=1, before=route("e", 1, version(1)), shares={2: 500},
        plan=plan_of(PlanSettings(steps=["approve:risk", "100%"])),
    )  # fmt: skip
    with control_of(tmp_path, keys=True) as control:
        book = control.workspace.key_book
        ann, risk = (book.create(name, ["operate"])[1] for name in ("ann", "risk"))
        control.workspace.store.commit(
            Put(RELEASES, RELEASES.key("e", "r1"), waiting, None),
            Put(ROUTES, ROUTES.key("e"), route("e", 1, version(1)), None),
        )
        path = "/v1/endpoints/e/releases/order"
        refused = control.ask(path, {"order": "approve"}, secret=ann)
        assert (refused.status, "the word of 'risk'" in refused.error["message"]) == (403, True)
        assert control.ask(path, {"order": "approve"}, secret=risk).status == 202
        told = control.workspace.releases.get(waiting).order
        assert told == Order("approve", "risk")
        event = [*control.workspace.store.events()][-1]
        assert (event.actor, event.action) == ("risk", "release approve")


def test_the_control_plane_tells_how_guards_stand_by_now(tmp_path: Path) -> None:
    holding = Release(
        id="r1", endpoint="e", version=version(2), signature=SIGNATURE, actor="ann", created_us=0,
        changed_us=0, state="holding", revision=2, before=route("e", 1, version(1)),
        shares={2: 500}, plan=plan_of(PlanSettings(steps=["5% for 1h", "100%"])),
    )  # fmt: skip
    failed = Failures((FailureStep(0.05, candidate=4, control=9),))
    seen = Folded(Evidence(candidate=50, control=950, failures=failed))
    with control_of(tmp_path) as control:
        control.workspace.store.commit(
            Put(RELEASES, RELEASES.key("e", "r1"), holding, None),
            Put(EVIDENCE, EVIDENCE.key("e", "r1"), seen, None),
            Put(ROUTES, ROUTES.key("e"), route("e", 2, version(1)), None),
        )
        (told,) = control.ask("/v1/endpoints/e/releases").json["releases"]
        judged = {one["guard"]["name"]: one["seen"] for one in told["judged"]}
        assert judged["failures"]["failed"] == 4
        assert control.ask("/v1/endpoints/e/experiment/plan").status == 404
