"""A shadow from its first request to its end: nobody is moved, silence proves nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead.releases import (
    OPEN,
    Decision,
    Evidence,
    Guard,
    Order,
    OrderName,
    Plan,
    PlanSettings,
    Release,
    State,
    WorkerView,
    decide,
    plan_of,
)
from fairlead.releases.shadow.comparison import Agreement, Comparison
from fairlead.releases.shadow.differ import judge_answers
from fairlead.routing import SLOTS, Arm, Automation, Route
from fairlead.stats import Finding
from support.routes import SIGNATURE, route, version

ONE, TWO, OTHER = version(1), version(2), version(7)
MINUTE_US = 60_000_000
SHADOW = plan_of(PlanSettings(strategy="shadow", share="20%", duration="1h"))
STEPS = ["shadow for 1h", "5% for 1h", "100%"]
GUARDED = plan_of(PlanSettings(steps=STEPS, guard={"disagreement": "<= 0.05"}))
PROVEN = replace(GUARDED, prove=("disagreement",))
WATCHER = Arm("shadow", OTHER, "shadow", ((0, 10),))
BEFORE = replace(route("e", 1, ONE, keep=(version(9),)), shadows=(WATCHER,))
READY = (WorkerView(0, 99, "ready"),)


def begun(plan: Plan = SHADOW, state: State = "holding", **more: object) -> Release:
    release = Release(
        id="r1", endpoint="e", version=TWO, signature=SIGNATURE, actor="cli", created_us=0,
        changed_us=0, state=state, plan=plan, before=BEFORE, revision=2, shares={2: 0},
    )  # fmt: skip
    return replace(release, **more)


def go(
    release: Release, minutes: float, rows: int = 0, apart: int = 0, on: Route = BEFORE
) -> Decision | None:
    """Decide after so many minutes, in which so many rows were compared."""
    now_us = int(minutes * MINUTE_US)
    compared = Comparison(whole=Agreement(rows, apart))
    return decide(release, on, READY, Evidence(until_us=now_us, compared=compared), now_us)


def entered(plan: Plan = SHADOW) -> tuple[Release, Route]:
    decision = go(begun(plan, "preparing", shares={}), 0)
    assert decision is not None
    assert decision.route is not None
    return decision.release, decision.route


def test_a_shadow_sees_its_share_and_the_arms_stay_as_they_are() -> None:
    release, on = entered()
    assert (on.arms, on.keep, on.signature) == (BEFORE.arms, BEFORE.keep, BEFORE.signature)
    assert on.revision == 2
    watcher, shadow = on.shadows
    assert (watcher, shadow.version, shadow.role) == (WATCHER, TWO, "shadow")
    assert shadow.weight == 0.2
    assert release.shares == {2: 0}
    assert release.share == 0
    assert "sees 20.00% of the requests, and answers nobody" in release.reason


@settings(max_examples=50)
@given(name=st.text(min_size=1, max_size=9), slots=st.integers(1, SLOTS))
def test_whatever_it_sees_is_as_much_as_it_should_and_no_slot_twice(name: str, slots: int) -> None:
    plan = replace(SHADOW, steps=(replace(SHADOW.steps[0], slots=slots),))
    decision = go(begun(plan, "preparing", id=name), 0)
    assert decision is not None
    assert decision.route is not None
    seen = [s for start, end in decision.route.shadows[-1].slots for s in range(start, end)]
    assert len(seen) == len(set(seen)) == slots
    assert set(seen) <= set(range(SLOTS))


def test_a_shadow_ends_where_it_began_once_enough_was_compared() -> None:
    release, on = entered()
    settled = go(release, 0, on=on)
    assert settled is not None
    assert (settled.release.state, settled.release.reason) == ("holding", "m:2 sees requests.")
    assert go(settled.release, 59, 5_000, on=on) is None, "its time is not over"
    assert go(settled.release, 600, 499, on=on) is None, "too little was compared"
    ended = go(settled.release, 60, 500, on=on)
    assert ended is not None
    assert ended.route is not None
    assert ended.release.state == "done"
    assert "Nobody was moved." in ended.release.reason
    assert (ended.route.arms, ended.route.shadows) == (BEFORE.arms, BEFORE.shadows)
    assert (ended.route.keep, ended.route.prepare) == (BEFORE.keep, ())


def test_silence_never_ends_a_shadow_and_asks_a_person_at_last() -> None:
    late = go(begun(), 8 * 24 * 60, 499)
    assert late is not None
    assert (late.release.state, late.route) == ("asking", None)
    assert "compared on 499 rows" in late.release.reason
    approved = go(replace(late.release, order=Order("approve", "ann")), 8 * 24 * 60)
    assert approved is not None
    assert (approved.release.state, approved.route and approved.route.arms) == ("done", BEFORE.arms)


def test_a_canary_goes_on_from_its_shadow_by_itself_and_the_shadow_ends() -> None:
    release, on = entered(GUARDED)
    settled = go(release, 0, on=on)
    assert settled is not None
    after = go(settled.release, 60, 500, 20, on=on)
    assert after is not None
    assert after.route is not None
    assert {arm.name: arm.weight for arm in after.route.arms} == {
        "stable": 0.9, "control": 0.05, "candidate": 0.05,
    }  # fmt: skip
    assert after.route.shadows == BEFORE.shadows
    assert after.release.shares == {2: 0, 3: 500}


def test_disagreement_beyond_what_is_allowed_is_taken_back_at_any_point() -> None:
    for held in (begun(GUARDED), begun(GUARDED, step=1), begun(GUARDED, paused=True)):
        decision = go(held, 1, 500, 80)
        assert decision is not None
        assert decision.route is not None
        assert decision.release.state == "rolled back"
        assert decision.route.shadows == BEFORE.shadows
        assert "disagreement, at most 0.05, is proven broken (rows 500, apart 80)" in (
            decision.release.reason
        )


def test_what_is_to_be_proven_holds_the_shadow_until_it_is() -> None:
    assert go(begun(PROVEN), 60, 500, 20) is None
    decision = go(begun(PROVEN), 60, 5_000, 150)
    assert decision is not None
    assert (decision.release.state, decision.release.step) == ("switching", 1)
    both = replace(PROVEN, guards=(*PROVEN.guards, Guard("failures", 1.25)))
    both = replace(both, prove=("disagreement", "failures"))
    onward = go(begun(both), 60, 50_000, 150)
    assert onward is not None, "nobody fails for callers while it is a shadow"
    assert onward.release.state == "switching"


def test_what_a_person_let_go_on_unproven_is_not_asked_for_again_at_each_step() -> None:
    released = go(begun(PROVEN, "asking", order=Order("approve", "ann")), 60, 500, 20)
    assert released is not None
    share = replace(released.release, state="holding", step_us=0)
    seen = Evidence(
        candidate=100, until_us=60 * MINUTE_US, compared=Comparison(whole=Agreement(500, 20))
    )
    decision = decide(share, BEFORE, READY, seen, 60 * MINUTE_US)
    assert decision is not None
    assert decision.release.step == 2, "as a shadow it sees no more"


@pytest.mark.parametrize(
    ("name", "after", "changes"),
    [
        ("abort", "aborted", True), ("rollback", "aborted", True), ("pause", "holding", False),
        ("resume", "holding", False), ("promote", "switching", True), ("approve", "holding", False),
    ],
)  # fmt: skip
def test_an_order_is_obeyed_where_it_makes_sense(
    name: OrderName, after: State, changes: bool
) -> None:
    decision = go(begun(order=Order(name, "ann")), 1)
    assert decision is not None
    assert (decision.release.state, decision.release.order) == (after, None)
    assert (decision.route is not None) == changes
    if after == "aborted" and decision.route is not None:
        assert (decision.route.arms, decision.route.shadows) == (BEFORE.arms, BEFORE.shadows)


@pytest.mark.parametrize("plan", [SHADOW, GUARDED])
def test_whom_a_person_promotes_answers_all_and_is_a_shadow_no_more(plan: Plan) -> None:
    promoted = go(begun(plan, order=Order("promote", "ann")), 1)
    assert promoted is not None
    assert promoted.route is not None
    assert [arm.version for arm in promoted.route.arms] == [TWO]
    assert promoted.route.shadows == ()
    settled = go(promoted.release, 2, on=promoted.route)
    assert settled is not None
    assert (settled.release.state, settled.release.share) == ("baking", 1)
    baked = go(settled.release, 60, on=promoted.route)
    assert baked is not None
    assert (baked.release.state, baked.route) == ("done", None)


def test_where_nobody_answers_there_is_nothing_to_compare_with() -> None:
    empty = route("e", 1)
    decision = decide(begun(state="requested", before=None), empty, (), Evidence(), 0)
    assert decision is not None
    assert (decision.release.state, decision.route) == ("failed", None)
    assert "nothing to compare with" in decision.release.reason


HUMAN = plan_of(PlanSettings(strategy="shadow", stable="human:risk", duration="1h", rows=50))


@pytest.mark.parametrize(
    "before",
    [
        BEFORE,
        replace(BEFORE, arms=(), keep=()),
        replace(BEFORE, automation=Automation("partial", "label == yes", audit=0.1)),
    ],
)
def test_where_a_person_decides_the_shadow_is_the_only_arm_until_a_person_ends_it(
    before: Route,
) -> None:
    asked = begun(HUMAN, "requested", before=None, shares={})
    prepared = go(asked, 0, on=before)
    assert prepared is not None
    assert prepared.route is not None
    entered = go(prepared.release, 0, on=prepared.route)
    assert entered is not None
    on = entered.route
    assert on is not None
    assert [(arm.role, arm.version, arm.weight) for arm in on.arms] == [("shadow", TWO, 1.0)]
    assert (on.automation, on.queue) == (Automation("shadow", queue="risk"), "risk")
    assert on.shadows == ()
    assert {arm.version for arm in before.arms} <= {*on.keep}
    held = go(entered.release, 0, on=on)
    assert held is not None
    assert go(held.release, 60, 49, on=on) is None
    over = go(held.release, 60, 50, on=on)
    assert over is not None
    assert (over.release.state, over.route) == ("asking", None), "callers go on to be heard"
    assert go(over.release, 10**5, 50, on=on) is None
    for name, state, arms in (
        ("approve", "done", before.arms),
        ("abort", "aborted", before.arms),
        ("promote", "switching", None),
    ):
        told = replace(over.release, order=Order(name, "ann"))  # type: ignore[arg-type]
        ended = go(told, 90, 50, on=on)
        assert ended is not None
        assert ended.route is not None
        assert (ended.release.state, ended.route.automation) == (state, before.automation)
        if arms is not None:
            assert ended.route.arms == arms
        else:
            assert [(arm.role, arm.version) for arm in ended.route.arms] == [("stable", TWO)]


agreements = st.integers(0, 10**6).flatmap(
    lambda rows: st.builds(
        Agreement, st.just(rows), st.integers(0, rows), st.floats(0, 1e9), st.floats(0, 1e18)
    )
)


@settings(max_examples=300)
@given(
    state=st.sampled_from(sorted(OPEN - {"baking"})),
    plan=st.sampled_from([SHADOW, HUMAN, GUARDED, PROVEN, replace(
        SHADOW, guards=(Guard("difference", 2.5, kind="value"),), prove=("difference",))]),
    compared=st.builds(Comparison, numeric=st.booleans(), whole=agreements),
    minutes=st.integers(-1_000, 10**6),
    order=st.none()
    | st.sampled_from(["approve", "pause", "resume", "promote", "abort", "rollback"]),
    views=st.lists(st.sampled_from(["absent", "loading", "ready", "failed: x"]), max_size=3),
    paused=st.booleans(),
)  # fmt: skip
def test_there_is_a_decision_whatever_is_compared_and_a_shadow_never_answers(
    state: State, plan: Plan, compared: Comparison, minutes: int, order: OrderName | None,
    views: list[str], paused: bool,
) -> None:  # fmt: skip
    told = begun(plan, state, order=Order(order, "ann") if order else None, paused=paused)
    seen = [WorkerView(place, 3, view) for place, view in enumerate(views)]
    evidence = Evidence(compared=compared, until_us=minutes * MINUTE_US)
    once, twice = (decide(told, BEFORE, seen, evidence, minutes * MINUTE_US) for _ in range(2))
    assert once == twice
    promoted = order == "promote" and state not in ("requested", "preparing")
    if not plan.is_moving and not promoted and once is not None and once.route is not None:
        assert once.route.arms == BEFORE.arms or once.route.automation.mode == "shadow"


@pytest.mark.parametrize(
    ("whole", "finding"),
    [
        (Agreement(), "unknown"),
        (Agreement(19, 19, 1_900.0, 190_000.0), "unknown"),
        (Agreement(500, 0, 0.0, 0.0), "no_worse"),
        (Agreement(500, 500, 500.0, 600.0), "no_worse"),
        (Agreement(500, 500, 2_500.0, 12_500.0), "worse"),
        (Agreement(500, 500, 1_250.0, 3_500.0), "unknown"),
    ],
)
def test_a_mean_difference_is_judged_by_its_sequence(whole: Agreement, finding: Finding) -> None:
    guard = Guard("difference", 2.5, kind="value")
    judged = judge_answers(guard, Comparison(numeric=True, whole=whole, span=(0.0, 50.0)), 0.05)
    assert judged.verdict.finding == finding
    assert judged.seen["rows"] == whole.rows


def test_that_no_difference_was_seen_yet_proves_little_where_they_can_be_large() -> None:
    """Of rows that hardly ever differ, and then by much, the first ones look all alike."""
    guard = Guard("difference", 0.05, kind="value")
    found = {
        rows: judge_answers(
            guard, Comparison(numeric=True, whole=Agreement(rows), span=(0.0, 10.0)), 0.05
        ).verdict.finding
        for rows in (21, 500, 5_000)
    }
    assert found == {21: "unknown", 500: "unknown", 5_000: "no_worse"}


def test_a_guard_of_other_answers_knows_nothing() -> None:
    labels = Comparison(whole=Agreement(500, 400, 9e9, 9e19), span=(0.0, 9e9))
    assert (
        judge_answers(Guard("difference", 0.1, kind="value"), labels, 0.05).verdict.finding
        == "unknown"
    )


@pytest.mark.parametrize(
    ("share", "finding", "most"), [(0.2, "worse", 70), (0.1, "worse", 300), (0.02, "no_worse", 400)]
)
def test_it_is_found_soon(share: float, finding: Finding, most: int) -> None:
    random, guard, took = np.random.default_rng(5), Guard("disagreement", 0.05, kind="value"), []
    looks = np.unique(np.geomspace(20, 2_000, 60).astype(int)).tolist()
    for _ in range(41):
        hits = (random.uniform(size=2_000) < share).cumsum()
        found = (
            judge_answers(guard, Comparison(whole=Agreement(n, int(hits[n - 1]))), 0.05).verdict
            for n in looks
        )
        took.append(next(n for n, one in zip(looks, found, strict=True) if one.finding == finding))
    assert np.median(took) <= most


@pytest.mark.parametrize("name", ["disagreement", "difference"])
def test_however_often_it_is_looked_at_the_chance_of_error_holds(name: str) -> None:
    random, looks, runs, alpha = np.random.default_rng(11), 30, 400, 0.05
    drawn = (
        (random.uniform(size=(runs, looks * 40)) < 0.05).astype(float)
        if name == "disagreement"
        else random.exponential(0.05, size=(runs, looks * 40))
    )
    total, squares = drawn.cumsum(axis=1), (drawn**2).cumsum(axis=1)
    guard = Guard(name, 0.05, kind="value")
    wrong = {"worse": 0, "no_worse": 0}
    for run in range(runs):
        found = set()
        for rows in range(40, looks * 40 + 1, 40):
            one, two = float(total[run, rows - 1]), float(squares[run, rows - 1])
            whole = (
                Agreement(rows, int(one))
                if name == "disagreement"
                else Agreement(rows, rows, one, two)
            )
            compared = Comparison(numeric=name == "difference", whole=whole, span=(0.0, 0.5))
            found.add(judge_answers(guard, compared, alpha).verdict.finding)
        for finding in found & wrong.keys():
            wrong[finding] += 1
    most = runs * alpha + 3 * np.sqrt(runs * alpha * (1 - alpha))
    assert max(wrong.values()) <= most
