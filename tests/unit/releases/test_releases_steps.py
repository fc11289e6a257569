"""A canary, step by step: what lets it go on, what takes it back, and what a person may say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead.errors import ForbiddenError
from fairlead.releases import (
    OPEN,
    Decision,
    Evidence,
    Order,
    OrderName,
    PlanSettings,
    Release,
    State,
    WorkerView,
    decide,
    plan_of,
)
from fairlead.releases.judge import alpha_of
from fairlead.releases.permit import refuse
from fairlead.releases.types import Tally
from fairlead.releases.weigh import ALONE, BESIDE
from fairlead.routing import SLOTS, Route, owners
from fairlead.stats import Failures, FailureStep
from support.routes import SIGNATURE, route, version

ONE, TWO = version(1), version(2)
MINUTE_US = 60_000_000
PLAN = plan_of(
    PlanSettings(steps=["1% for 10m", "5% for 30m", "approve:risk", "25% for 1h", "100%"])
)
PROVEN = replace(PLAN, prove=("failures",))
BEFORE = route("e", 1, ONE)
READY = (WorkerView(0, 99, "ready"),)
HARM = Evidence(
    candidate=500, control=9_500, failures=Failures((FailureStep(0.05, candidate=25, control=95),))
)
KEPT = Evidence(
    candidate=5_000,
    control=95_000,
    failures=Failures((FailureStep(0.05, candidate=40, control=1_500),)),
)


def begun(state: State = "holding", step: int = 0, **more: object) -> Release:
    release = Release(
        id="r1", endpoint="e", version=TWO, signature=SIGNATURE, actor="cli", created_us=0,
        changed_us=0, state=state, step=step, plan=PLAN, before=BEFORE, revision=2,
    )  # fmt: skip
    return replace(release, **more)


def go(
    release: Release, minutes: float, evidence: Evidence | None = None, on: Route | None = None
) -> Decision | None:
    """Decide after so many minutes, of which the log is known to the end."""
    now_us = int(minutes * MINUTE_US)
    known = replace(evidence or quiet(minutes), until_us=now_us)
    return decide(release, on or BEFORE, READY, known, now_us)


def quiet(minutes: float) -> Evidence:
    """Ten requests a minute, and nothing against the candidate."""
    return Evidence(candidate=int(10 * minutes))


def weights(on: Route) -> dict[str, float]:
    return {arm.name: arm.weight for arm in on.arms}


def walk(release: Release, on: Route, minutes: float) -> list[tuple[Release, Route]]:
    """What it is and who answers at each look, every so many minutes, until it has ended."""
    seen = [(release, on)]
    for look in range(1, 100):
        if release.state not in OPEN:
            break
        decision = go(release, look * minutes, on=on)
        if decision is not None:
            release, on = decision.release, decision.route or on
        if release.state == "asking":
            release = replace(release, order=Order("approve", "risk"))
        seen.append((release, on))
    return seen


def test_a_canary_nothing_is_known_against_takes_over_step_by_step() -> None:
    first = begun("preparing")
    entered = go(first, 0)
    assert entered is not None
    assert entered.route is not None
    assert weights(entered.route) == {"stable": 0.98, "control": 0.01, "candidate": 0.01}
    release, on = walk(entered.release, entered.route, 11)[-1]
    assert release.state == "done"
    assert [(arm.version, arm.weight) for arm in on.arms] == [(TWO, 1.0)]
    assert on.keep == (ONE,)
    assert [*release.shares.values()] == [100, 500, 2_500, SLOTS]


def test_a_unit_that_tries_the_candidate_goes_on_with_it() -> None:
    tried: set[int] = set()
    for _, on in walk(begun("preparing"), BEFORE, 11):
        table = owners(on.arms)
        now = {slot for slot in range(SLOTS) if on.arms[table[slot]].version == TWO}
        assert tried <= now
        tried = now
    assert len(tried) == SLOTS


@pytest.mark.parametrize("state", ["holding", "asking", "baking"])
@pytest.mark.parametrize("paused", [False, True])
def test_proven_harm_takes_it_back_at_any_point(state: State, paused: bool) -> None:
    step = 4 if state == "baking" else 1
    evidence = Evidence(past=Tally(9_000, 90), alone=Tally(300, 30)) if state == "baking" else HARM
    decision = go(begun(state, step, paused=paused), 1, evidence)
    assert decision is not None
    assert decision.route is not None
    assert (decision.release.state, decision.route.arms) == ("rolled back", BEFORE.arms)
    assert "failures, at most 1.25 times" in decision.release.reason
    assert decision.release.judged[0].verdict.finding == "worse"


def test_time_alone_ends_a_step_only_where_no_proof_is_asked_for() -> None:
    assert go(begun(step=1), 29.9) is None
    for evidence in (quiet(30), KEPT):
        decision = go(begun(step=1), 30, evidence)
        assert decision is not None
        assert decision.release.state == "asking", "the third step"
    proven = begun(step=0, plan=PROVEN)
    assert go(proven, 60) is None, "silence proves nothing"
    decision = go(proven, 60, KEPT)
    assert decision is not None
    assert decision.release.state == "switching"


def test_no_data_never_promotes() -> None:
    for evidence in (Evidence(), Evidence(candidate=9), Evidence(candidate=59)):
        held = begun(step_requests=50 if evidence.candidate == 59 else 0)
        assert go(held, 600, evidence) is None
        late = go(held, 8 * 24 * 60, evidence)
        assert late is not None
        assert (late.release.state, late.route) == ("asking", None)
    stale = decide(begun(), BEFORE, READY, quiet(600), 600 * MINUTE_US)
    assert stale is None, "the log of the step's end is not known yet"


def test_what_proves_nothing_for_too_long_asks_a_person() -> None:
    decision = go(begun(step=0, plan=PROVEN), 8 * 24 * 60)
    assert decision is not None
    assert (decision.release.state, decision.route) == ("asking", None)
    approved = replace(decision.release, order=Order("approve", "ann", "it is fine"))
    after = go(approved, 8 * 24 * 60)
    assert after is not None
    assert (after.release.state, after.release.step) == ("switching", 1)
    assert "ann: it is fine" in after.release.reason


@pytest.mark.parametrize(
    ("state", "name", "after", "changes"),
    [
        ("holding", "abort", "aborted", True),
        ("baking", "rollback", "aborted", True),
        ("preparing", "abort", "aborted", True),
        ("requested", "abort", "aborted", True),
        ("holding", "promote", "switching", True),
        ("asking", "promote", "switching", True),
        ("holding", "pause", "holding", False),
        ("asking", "approve", "switching", True),
        ("holding", "approve", "holding", False),
        ("preparing", "promote", "preparing", False),
        ("baking", "promote", "baking", False),
    ],
)
def test_an_order_is_obeyed_where_it_makes_sense(
    state: State, name: OrderName, after: State, changes: bool
) -> None:
    told = begun(state, 2 if state == "asking" else 0, order=Order(name, "risk"))
    decision = go(told, 1)
    assert decision is not None
    assert (decision.release.state, decision.release.order) == (after, None)
    assert (decision.route is not None) == changes


@pytest.mark.parametrize("name", ["approve", "promote"])
def test_a_step_that_waits_for_somebody_goes_by_no_other_word(name: OrderName) -> None:
    asked = begun("asking", 2)
    refused = refuse(asked, Order(name, "ann", "it is fine"), Evidence())
    assert isinstance(refused, ForbiddenError)
    assert refused.message == "m:2 waits for the word of 'risk', and 'ann' gave theirs."
    decision = go(replace(asked, order=Order(name, "ann", "it is fine")), 1)
    assert decision is not None
    assert (decision.release.state, decision.release.step, decision.route) == ("asking", 2, None)
    assert decision.release.reason == refused.message
    assert refuse(asked, Order(name, "risk"), Evidence()) is None


def test_whoever_is_asked_for_no_name_can_approve_and_what_is_passed_binds_nobody() -> None:
    late = begun("asking", 1)  # the longest time of a share is over
    assert refuse(late, Order("approve", "ann"), Evidence()) is None
    assert isinstance(refuse(late, Order("promote", "ann"), Evidence()), ForbiddenError)
    assert refuse(begun("asking", 3), Order("promote", "ann"), Evidence()) is None
    for name in ("pause", "resume", "abort", "rollback"):
        assert refuse(begun("asking", 2), Order(name, "ann"), Evidence()) is None


def test_a_paused_release_stays_until_it_is_resumed() -> None:
    paused = go(begun(order=Order("pause", "ann")), 1)
    assert paused is not None
    assert go(paused.release, 600) is None
    resumed = go(replace(paused.release, order=Order("resume", "ann")), 600)
    assert resumed is not None
    after = go(resumed.release, 600)
    assert after is not None
    assert after.release.state == "switching"


def test_a_paused_release_that_is_promoted_goes_on_to_its_end() -> None:
    promoted = go(begun(paused=True, order=Order("promote", "risk")), 1)
    assert promoted is not None
    baking = go(promoted.release, 2, on=promoted.route)
    assert baking is not None
    done = go(baking.release, 60, on=promoted.route)
    assert done is not None, "else what was before is kept warm for ever"
    assert done.release.state == "done"


def test_the_way_back_leads_to_all_that_was_warm() -> None:
    older = route("e", 1, ONE, keep=(version(9),))
    decision = go(begun(before=older, order=Order("abort", "ann")), 1, on=route("e", 2, TWO))
    assert decision is not None
    assert decision.route is not None
    assert (decision.route.arms, decision.route.keep) == (older.arms, older.keep)


def test_all_tests_of_a_plan_share_its_chance_of_error() -> None:
    assert alpha_of(PLAN) == pytest.approx(0.05 / 2)
    assert alpha_of(replace(PLAN, guards=PLAN.guards[1:])) == 0.05
    assert alpha_of(replace(PLAN, guards=())) == 0.05
    assert pytest.approx(1.0) == BESIDE + ALONE


def test_a_candidate_that_a_worker_cannot_load_any_more_is_taken_back() -> None:
    views = (WorkerView(0, 99, "ready"), WorkerView(1, 99, "failed: no memory"))
    decision = decide(begun(step=1), BEFORE, views, Evidence(), MINUTE_US)
    assert decision is not None
    assert decision.release.state == "rolled back"
    assert "no memory" in decision.release.reason


tallies = st.integers(0, 10**6).flatmap(
    lambda n: st.integers(0, n).map(lambda failed: Tally(n, failed))
)
evidences = st.builds(
    Evidence,
    candidate=st.integers(0, 10**6),
    control=st.integers(0, 10**7),
    failures=st.lists(
        st.builds(
            FailureStep,
            st.sampled_from([0.01, 0.05, 0.25]),
            st.integers(0, 10**5),
            st.integers(0, 10**6),
        ),
        max_size=3,
        unique_by=lambda step: step.share,
    ).map(lambda steps: Failures(tuple(steps))),
    past=tallies,
    alone=tallies,
)


@settings(max_examples=300)
@given(
    state=st.sampled_from(sorted(OPEN)),
    step=st.integers(0, 4),
    evidence=evidences,
    minutes=st.integers(-1_000, 10**6),
    order=st.none()
    | st.sampled_from(["approve", "pause", "resume", "promote", "abort", "rollback"]),
    views=st.lists(st.sampled_from(["absent", "loading", "ready", "failed: x"]), max_size=3),
    paused=st.booleans(),
)
def test_there_is_a_decision_whatever_is_known_and_always_the_same(
    state: State, step: int, evidence: Evidence, minutes: int, order: OrderName | None,
    views: list[str], paused: bool,
) -> None:  # fmt: skip
    if state == "asking":
        step = 2
    elif state == "baking":
        step = 4
    elif step in (2, 4):
        step -= 1  # nobody is held where a person is asked, nor at the end
    told = begun(state, step, order=Order(order, "ann") if order else None, paused=paused)
    seen = [WorkerView(place, 3, view) for place, view in enumerate(views)]
    once, twice = (decide(told, BEFORE, seen, evidence, minutes * MINUTE_US) for _ in range(2))
    assert once == twice
    if once is not None and once.route is not None and once.route.arms:
        assert len(owners(once.route.arms)) == SLOTS
