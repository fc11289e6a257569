"""An experiment: what ends it, who has to be asked, and what must never promote."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead.clock import ManualClock
from fairlead.errors import ConflictError
from fairlead.releases import (
    RELEASES,
    Decision,
    Evidence,
    Order,
    OrderName,
    PlanSettings,
    Release,
    ReleaseController,
    WorkerView,
    decide,
    plan_of,
)
from fairlead.releases.outcomes.experiment import stand
from fairlead.releases.outcomes.interim import interim
from fairlead.releases.outcomes.metrics import Beside, Outcomes, Seen
from fairlead.releases.permit import refuse
from fairlead.routing import ROUTES, SLOTS
from fairlead.stats import Split, count_split, moments
from fairlead.store import Put
from fairlead.store.memory import MemoryStore
from support.routes import SIGNATURE, route, version

HOUR_US = 3_600_000_000
BEFORE = route("e", 1, version(1))
READY = (WorkerView(0, 99, "ready"),)
TOLD: dict[str, Any] = {
    "strategy": "ab", "goal": "mean:paid", "duration": "24h", "decide": "auto", "guard": {},
}  # fmt: skip


def begun(**more: Any) -> Release:
    plan = plan_of(PlanSettings(**(TOLD | more)))
    return Release(
        id="r1", endpoint="e", version=version(2), signature=SIGNATURE, actor="cli", created_us=0,
        changed_us=0, state="holding", plan=plan, before=BEFORE, revision=2, shares={2: 5_000},
    )  # fmt: skip


def paid(
    control: float, candidate: float, units: int = 2_000, split: tuple[int, int] | None = None
) -> Outcomes:
    """So many units of each arm, who paid about so much."""
    random = np.random.default_rng(5)
    arms = [moments(mean + random.normal(0.0, 1.0, units)) for mean in (control, candidate)]
    counted = count_split(Split(), (5_000, 5_000), split or (units, units))
    return Outcomes(counted, 0, {"mean:paid": Seen((Beside(*arms),))})


def go(release: Release, outcomes: Outcomes, hours: float = 1.0) -> Decision | None:
    now_us = int(hours * HOUR_US)
    seen = Evidence(candidate=5_000, control=5_000, until_us=now_us, outcomes=outcomes)
    return decide(release, BEFORE, READY, seen, now_us)


def ended(release: Release, outcomes: Outcomes, hours: float = 1.0) -> tuple[str, str]:
    decision = go(release, outcomes, hours)
    assert decision is not None
    return decision.release.state, decision.release.reason


BETTER, WORSE, ALIKE = paid(10.0, 10.4), paid(10.0, 9.6), paid(10.0, 10.0)


def test_what_is_proven_better_takes_over_by_itself_if_it_may() -> None:
    decision = go(begun(), BETTER)
    assert decision is not None
    assert decision.route is not None
    assert decision.release.shares[decision.route.revision] == SLOTS
    assert "proven better" in decision.release.reason


def test_else_a_person_is_asked_and_their_word_promotes_it() -> None:
    state, reason = ended(begun(decide="ask"), BETTER)
    assert (state, "proven better" in reason, "person" in reason) == ("asking", True, True)


def test_what_is_proven_worse_is_taken_back() -> None:
    state, reason = ended(begun(decide="ask"), WORSE)
    assert (state, "proven worse" in reason) == ("rolled back", True)
    assert "9.6" in reason


def test_of_some_metrics_less_is_better() -> None:
    assert ended(begun(better="lower"), BETTER)[0] == "rolled back"
    assert ended(begun(better="lower"), WORSE)[0] == "switching"


def test_without_proof_it_goes_on_until_its_time_is_over_and_then_asks() -> None:
    assert go(begun(), ALIKE, 23.0) is None
    state, reason = ended(begun(), ALIKE, 24.0)
    assert (state, "The time is over. It is not proven" in reason) == ("asking", True)


def test_what_nothing_is_known_of_is_never_promoted() -> None:
    assert go(begun(), Outcomes(), 23.0) is None
    assert ended(begun(), Outcomes(), 25.0)[0] == "asking"
    assert ended(begun(), paid(10.0, 10.0, 0), 25.0)[0] == "asking"


@pytest.mark.parametrize("outcomes", [paid(10.0, 12.0, split=(2_600, 2_000)),
                                      paid(10.0, 8.0, split=(2_600, 2_000))])  # fmt: skip
def test_arms_that_are_not_split_as_the_route_says_decide_nothing(outcomes: Outcomes) -> None:
    state, reason = ended(begun(), outcomes)
    assert (state, "not split" in reason) == ("asking", True)


MIXED_UP = paid(10.0, 12.0, split=(2_600, 2_000))


@pytest.mark.parametrize("name", ["approve", "promote"])
def test_what_nothing_is_known_of_is_not_approved_by_mistake(name: OrderName) -> None:
    asked = replace(begun(), state="asking")
    refused = refuse(asked, Order(name, "ann"), Evidence(outcomes=MIXED_UP))
    assert isinstance(refused, ConflictError)
    assert "not split as the route says" in refused.message
    state, reason = ended(replace(asked, order=Order(name, "ann")), MIXED_UP)
    assert (state, reason) == ("asking", refused.message)
    assert refuse(asked, Order(name, "ann"), Evidence(outcomes=ALIKE)) is None


def test_it_is_promoted_all_the_same_by_who_says_why() -> None:
    asked = replace(begun(), state="asking", order=Order("promote", "ann", "the split is known"))
    state, reason = ended(asked, MIXED_UP)
    assert (state, "ann: the split is known" in reason) == ("switching", True)


def test_an_order_that_makes_no_sense_is_refused_when_it_is_given() -> None:
    store, clock = MemoryStore(), ManualClock()
    asked = replace(begun(), state="asking")
    store.commit(Put(RELEASES, RELEASES.key("e", "r1"), asked, None))
    controller = ReleaseController(store, clock, lambda _: Evidence(outcomes=MIXED_UP))
    with pytest.raises(ConflictError, match="cannot be approved"):
        controller.order("e", Order("approve", "ann"))
    assert controller.get(asked).order is None
    controller.order("e", Order("abort", "ann"))
    assert controller.get(asked).order == Order("abort", "ann")


@pytest.mark.parametrize("outcomes", [ALIKE, paid(10.0, 10.0, 3), Outcomes()])
def test_what_was_known_when_it_was_decided_is_on_the_audit(outcomes: Outcomes) -> None:
    store, clock = MemoryStore(), ManualClock()
    begun_us = clock.now_us() - 24 * HOUR_US
    running = replace(begun(), step_us=begun_us, created_us=begun_us, changed_us=begun_us)
    store.commit(
        Put(RELEASES, RELEASES.key("e", "r1"), running, None),
        Put(ROUTES, ROUTES.key("e"), BEFORE, None),
    )
    seen = Evidence(until_us=clock.now_us(), outcomes=outcomes)
    controller = ReleaseController(store, clock, lambda _: seen)
    controller.tick(lambda _: READY)
    told = [*store.events()][-1]
    standing = stand(running.plan, outcomes)
    assert (told.action, told.detail["goal"]) == ("release asking", standing.found)
    assert told.detail["goal.units"] == standing.units
    known = standing.difference if standing.units == 4_000 else None
    ends = (None, None) if known is None else (known.low, known.high)
    assert (told.detail["goal.low"], told.detail["goal.high"]) == ends
    assert controller.get(running).looked is not None


def test_a_paused_experiment_stays_where_it_is() -> None:
    assert go(replace(begun(), paused=True), BETTER) is None


def test_a_better_one_waits_for_guards_that_have_to_be_proven() -> None:
    guarded = begun(guard={"share:paid": "ratio >= 0.9"}, prove=["share:paid"])
    assert go(guarded, BETTER) is None
    state, reason = ended(guarded, BETTER, 24.0)
    assert (state, "share:paid" in reason) == ("asking", True)


def test_a_planned_look_is_the_only_one() -> None:
    planned = begun(peek=False, units=4_000)
    few = paid(10.0, 10.4, 1_900)
    standing = stand(planned.plan, few)
    assert (standing.difference, standing.is_complete, standing.needed) == (None, False, 200.0)
    assert go(planned, few) is None
    assert ended(planned, BETTER)[0] == "switching"
    state, reason = ended(planned, ALIKE)
    assert (state, "The planned units are there." in reason) == ("asking", True)


def test_the_report_goes_on_to_tell_what_the_planned_look_found() -> None:
    planned = begun(peek=False, units=4_000)
    before = interim(planned, Evidence(outcomes=ALIKE))
    assert (before.standing.difference, before.standing.units) == (None, 4_000), "not looked yet"
    decision = go(planned, ALIKE)
    assert decision is not None
    looked = interim(decision.release, Evidence(outcomes=ALIKE))
    later = interim(decision.release, Evidence(outcomes=paid(10.0, 10.4, 9_000)))
    assert looked.standing.difference is not None
    assert (later.standing, later.note) == (looked.standing, looked.note)
    assert "what came since is no test" in later.note


def test_where_the_time_was_over_before_the_planned_units_there_is_no_look() -> None:
    decision = go(begun(peek=False, units=9_000), BETTER, 24.0)
    assert decision is not None
    told = interim(decision.release, Evidence(outcomes=paid(10.0, 10.4, 9_000)))
    assert (told.state, told.standing.difference) == ("asking", None)
    assert "there was no look" in told.note


def test_looks_in_between_cost_width() -> None:
    peek, once = (stand(begun(peek=p, units=4_000).plan, ALIKE).difference for p in (True, False))
    assert peek is not None
    assert once is not None
    assert once.high - once.low < 0.7 * (peek.high - peek.low)


def test_what_is_known_of_units_before_narrows_the_interval() -> None:
    random = np.random.default_rng(8)
    before = random.normal(10.0, 1.0, (2, 1_000))
    now = before + random.normal(0.0, 0.3, (2, 1_000)) + [[0.0], [0.1]]
    arms = [moments(*columns) for columns in zip(now, before, strict=True)]
    outcomes = Outcomes(metrics={"mean:paid": Seen((Beside(arms[0], arms[1]),))})
    plain = stand(begun().plan, outcomes)
    known = stand(begun(covariate_before="14d").plan, outcomes)
    assert known.explained == pytest.approx(0.92, abs=0.03)
    assert (plain.found, known.found) == ("unknown", "better")
    assert known.ratio is not None
    assert known.ratio.low == pytest.approx(0.01, abs=0.006)


def test_a_lift_over_nothing_is_not_told() -> None:
    arm = moments([1.0, -1.0] * 50)
    assert (
        stand(begun().plan, Outcomes(metrics={"mean:paid": Seen((Beside(arm, arm),))})).ratio
        is None
    )


numbers = st.lists(st.floats(-1e6, 1e6), max_size=30)


@given(control=numbers, candidate=numbers, hours=st.floats(0.0, 48.0), peek=st.booleans(),
       split=st.tuples(st.integers(0, 9_999), st.integers(0, 9_999)))  # fmt: skip
def test_whatever_comes_there_is_a_decision_or_none(
    control: list[float], candidate: list[float], hours: float, peek: bool, split: tuple[int, int]
) -> None:
    beside = Beside(moments(control), moments(candidate))
    counted = count_split(Split(), (5_000, 5_000), split)
    release = begun(peek=peek, units=20, guard={"mean:paid": "ratio >= 0.9"})
    go(release, Outcomes(counted, 1, {"mean:paid": Seen((beside,))}), hours)
