"""Releases when processes die, two of them work at once, the store is away, or a clock is set."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from fairlead.clock import ManualClock
from fairlead.errors import ConflictError, StorageError
from fairlead.releases import (
    RELEASES,
    Plan,
    PlanSettings,
    Release,
    ReleaseController,
    Step,
    WorkerView,
    plan_of,
)
from fairlead.releases.outcomes.metrics import Beside, Outcomes, Seen
from fairlead.releases.shadow.comparison import Agreement, Comparison
from fairlead.releases.types import Evidence, Order
from fairlead.routing import ROUTES, SLOTS, Route
from fairlead.stats import Split, count_split, moments
from fairlead.store.memory import MemoryStore
from support.log import Crash, Crashing
from support.routes import SIGNATURE, version

DAY_US = 86_400_000_000
HOUR_S = 3600.0
PLAN = Plan(
    strategy="canary",
    steps=(
        Step("share", 500, DAY_US),
        Step("share", 2500, DAY_US),
        Step("share", SLOTS),
    ),
    bake_us=DAY_US,
)

EXPERIMENT = plan_of(
    PlanSettings(strategy="ab", goal="mean:paid", decide="auto", duration="3d", bake="1d", guard={})
)
SHADOWED = plan_of(PlanSettings(steps=["shadow 20% for 1d", "5% for 1d", "100%"], bake="1d"))
SHADOW = plan_of(PlanSettings(strategy="shadow", duration="1d"))


class Traffic:
    """Requests that come all the time, and workers that have what routes name at once.

    Args:
        plan: of the second version.

    Attributes:
        store: of releases and routes; those who fail are put in its place.
    """

    def __init__(self, plan: Plan = PLAN) -> None:
        self.store = MemoryStore()
        self.clock = ManualClock()
        self.idle = False
        self.newest_us = 0
        self.begin = self.controller()
        self.begin.request("e", version(1), SIGNATURE, "cli")
        self.run(self.begin)
        self.release = self.begin.request("e", version(2), SIGNATURE, "cli", plan)

    def controller(self, store: Any = None) -> ReleaseController:
        return ReleaseController(store or self.store, self.clock, self.evidence)

    def evidence(self, release: Release) -> Evidence:
        if self.idle:
            return Evidence()
        self.newest_us = max(self.newest_us, self.clock.now_us())
        asked = round(self.clock.monotonic_s())
        return Evidence(
            candidate=asked,
            control=asked,
            until_us=self.newest_us,
            compared=Comparison(whole=Agreement(asked)),
            outcomes=paid(asked // 3_600),
        )

    def view(self, release: Release) -> Sequence[WorkerView]:
        stored = self.store.get(ROUTES, ROUTES.key(release.endpoint))
        return [WorkerView(0, 0 if stored is None else stored.value.revision, "ready")]

    def run(self, controller: ReleaseController, hours: int = 0) -> None:
        """Let time pass, with a look each hour and several at the end of it."""
        for _ in range(hours + 1):
            for _ in range(3):
                controller.tick(self.view)
            if hours:
                self.clock.advance(HOUR_S)

    @property
    def now(self) -> Release:
        return self.begin.get(self.release)

    def route(self) -> Route:
        stored = self.store.get(ROUTES, ROUTES.key("e"))
        assert stored is not None
        return stored.value

    def course(self) -> list[tuple[str, int]]:
        """All that happened to the release, as the audit tells it."""
        key = RELEASES.key("e", self.release.id)
        events = [each for each in self.store.events() if each.subject == key]
        return [(each.action, int(str(each.detail.get("step", 0)))) for each in events]

    def told(self) -> list[str]:
        """Why it all happened."""
        return [str(event.detail.get("reason")) for event in self.store.events()]


def paid(units: int) -> Outcomes:
    """So many units of each arm, of which those of the candidate paid more."""
    one, other = (moments(np.arange(units) % 7 + more) for more in (0.0, 6.0))
    split = count_split(Split(), (5_000, 5_000), (units, units))
    return Outcomes(split, 0, {"mean:paid": Seen((Beside(one, other),))})


class AwayError(StorageError):
    """What a store that cannot be reached says."""

    def __init__(self) -> None:
        super().__init__("The store cannot be reached.")


@pytest.fixture
def undisturbed() -> list[tuple[str, int]]:
    traffic = Traffic()
    traffic.run(traffic.begin, 80)
    assert traffic.now.state == "done"
    return traffic.course()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("plan", "revisions"), [(PLAN, 4), (EXPERIMENT, 3), (SHADOWED, 4), (SHADOW, 3)]
)
def test_wherever_the_controller_dies_the_next_one_goes_on_and_no_step_is_taken_twice(
    plan: Plan, revisions: int, after: bool
) -> None:
    quiet = Traffic(plan)
    quiet.run(quiet.begin, 80)
    assert quiet.now.state == "done"
    for commits in range(len(quiet.course())):
        traffic = Traffic(plan)
        dying = traffic.controller(Crashing(traffic.store, "commit", commits, after))
        try:
            traffic.run(dying, 80)
        except Crash:
            traffic.run(traffic.controller(), 80)
        assert traffic.course() == quiet.course(), commits
        assert traffic.now.state == "done"
        there, then = quiet.route(), traffic.route()
        assert (then.arms, then.shadows, then.keep) == (there.arms, there.shadows, there.keep)
        assert traffic.route().revision == revisions, "one for each step, and the first version's"


def test_two_controllers_take_each_step_once(undisturbed: list[tuple[str, int]]) -> None:
    traffic = Traffic()
    one, other = traffic.begin, traffic.controller()
    lost = 0

    def late(release: Release) -> Sequence[WorkerView]:
        other.tick(traffic.view)  # between what the one has read and what it commits
        return traffic.view(release)

    for _ in range(80):
        for _ in range(3):
            try:
                one.tick(late)
            except ConflictError:
                lost += 1
        traffic.clock.advance(HOUR_S)
    assert traffic.course() == undisturbed
    assert lost > 3
    assert traffic.route().revision == 4


def test_while_the_store_is_away_nothing_is_decided_and_then_it_goes_on(
    undisturbed: list[tuple[str, int]],
) -> None:
    traffic = Traffic()
    traffic.run(traffic.begin, 5)
    before = traffic.now
    for method in ("scan", "get", "commit"):
        away = traffic.controller(Crashing(traffic.store, method, 0, error=AwayError))
        for _ in range(60):
            traffic.clock.advance(1.0)
            with suppress(StorageError):
                away.tick(traffic.view)
        assert traffic.now == before, method
    traffic.run(traffic.begin, 80)
    assert traffic.course() == undisturbed


@pytest.mark.parametrize("days", [-3, 3, 400])
def test_a_clock_that_is_set_ends_no_step_and_holds_none_up(
    undisturbed: list[tuple[str, int]], days: int
) -> None:
    traffic = Traffic()
    traffic.run(traffic.begin, 5)
    assert traffic.now.state == "holding"
    traffic.clock.set(traffic.clock.now_us() + days * DAY_US)
    traffic.run(traffic.begin, 10)
    assert (traffic.now.state, traffic.now.step) == ("holding", 0), "16 of 24 hours have passed"
    assert f"The clock was set by {days * 86_400:+d} s." in traffic.told()
    traffic.run(traffic.begin, 10)
    assert traffic.now.step == 1
    traffic.run(traffic.begin, 60)
    set_by_hand = ("release holding", 0)
    assert traffic.course() == [*undisturbed[:4], set_by_hand, *undisturbed[4:]]


def test_of_a_machine_that_sleeps_often_the_audit_tells_and_the_release_does_not_grow() -> None:
    traffic = Traffic()
    traffic.run(traffic.begin, 1)
    awake = traffic.now
    for _ in range(50):
        traffic.clock.set(traffic.clock.now_us() + 10 * 60_000_000)
        traffic.begin.tick(traffic.view)
    assert traffic.now.reason == awake.reason
    assert traffic.told().count("The clock was set by +600 s.") == 50


def test_a_clock_that_runs_a_little_fast_changes_nothing(
    undisturbed: list[tuple[str, int]],
) -> None:
    traffic = Traffic()
    for _ in range(80):
        traffic.run(traffic.begin, 1)
        traffic.clock.set(traffic.clock.now_us() + 1_000_000)
    assert traffic.course() == undisturbed


def test_without_traffic_it_holds_and_then_asks() -> None:
    traffic = Traffic()
    traffic.idle = True
    traffic.run(traffic.begin, 6 * 24)
    assert (traffic.now.state, traffic.now.step) == ("holding", 0)
    traffic.run(traffic.begin, 2 * 24)
    assert traffic.now.state == "asking"
    assert "was asked 0 times" in traffic.now.reason


def test_what_keeps_one_endpoint_from_its_step_keeps_no_other() -> None:
    traffic = Traffic()
    traffic.begin.request("a", version(1), SIGNATURE, "cli")
    told = traffic.evidence

    def evidence(release: Release) -> Evidence:
        if release.endpoint == "a":
            raise ArithmeticError("planted")
        return told(release)

    controller = ReleaseController(traffic.store, traffic.clock, evidence)
    for _ in range(3):
        with pytest.raises(ArithmeticError):
            controller.tick(traffic.view)
    assert traffic.now.state == "holding"
    assert [one.state for one in controller.releases("a")] == ["requested"]


def test_what_cannot_be_judged_can_be_taken_back() -> None:
    traffic = Traffic()
    traffic.run(traffic.begin, 2)
    before = traffic.route().arms

    def unreadable(_: Release) -> Evidence:
        raise AwayError

    controller = ReleaseController(traffic.store, traffic.clock, unreadable)
    with pytest.raises(AwayError):
        controller.order("e", Order("promote", "ann"))
    controller.order("e", Order("abort", "ann"))
    controller.tick(traffic.view)
    assert traffic.now.state == "aborted"
    assert (len(before), [arm.version for arm in traffic.route().arms]) == (3, [version(1)])
