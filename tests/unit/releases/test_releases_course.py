"""What was known of a release over time: ends that say what verdicts say, in a bounded course."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead.clock import ManualClock
from fairlead.releases import RELEASES, Evidence, Plan, Release, ReleaseController, Step
from fairlead.releases.course import COURSE, LOOKS_MAX, Course, Look, add_look
from fairlead.releases.enclose import Enclosed, enclose, measured_in
from fairlead.releases.guards import read_guard
from fairlead.releases.judge import judge
from fairlead.releases.outcomes.metrics import Beside, Outcomes, Seen
from fairlead.releases.shadow.comparison import Agreement, Comparison
from fairlead.releases.types import Guard, Tally
from fairlead.routing import ROUTES, SLOTS
from fairlead.stats import Failures, FailureStep, moments
from fairlead.store import Put
from fairlead.store.memory import MemoryStore
from support.routes import SIGNATURE, route, version

MINUTE_US = 60_000_000
counts = st.integers(0, 300)


def ends_agree(guard: Guard, evidence: Evidence, share: float) -> None:
    """All of the interval beyond the bound is proven worse, none of it is proven no worse."""
    (judged,) = judge(Plan(guards=(guard,)), evidence, share)
    found = enclose(guard, evidence, share, 0.05)
    first, last = (found.high, found.low) if guard.at_least else (found.low, found.high)
    side = -1.0 if guard.at_least else 1.0
    beyond = first is not None and side * first > side * guard.bound
    within = last is not None and side * last < side * guard.bound
    said = "worse" if beyond else "no_worse" if within else "unknown"
    assert judged.verdict.finding == said, found


@settings(max_examples=60, deadline=None)
@given(ours=counts, theirs=counts, bound=st.floats(1.0, 3.0), share=st.sampled_from([0.01, 0.5]))
def test_ends_of_failures_say_what_the_verdict_says(
    ours: int, theirs: int, bound: float, share: float
) -> None:
    failures = Failures((FailureStep(share, ours, theirs),))
    seen = Evidence(candidate=1_000, control=9_000, failures=failures)
    ends_agree(Guard("failures", bound), seen, share)


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 5_000), part=st.floats(0, 1), bound=st.floats(0.01, 0.3))
def test_ends_of_disagreement_say_what_the_verdict_says(
    rows: int, part: float, bound: float
) -> None:
    seen = Evidence(compared=Comparison(whole=Agreement(rows, int(part * rows))))
    ends_agree(Guard("disagreement", bound, kind="value"), seen, 0.0)


@settings(max_examples=40, deadline=None)
@given(
    right=st.tuples(st.integers(0, 900), st.integers(0, 900)),
    text=st.sampled_from(["difference >= -0.02", "ratio >= 0.95", "ratio <= 1.1"]),
)
def test_ends_of_outcomes_say_what_the_verdict_says(right: tuple[int, int], text: str) -> None:
    guard = read_guard("accuracy", text)
    arms = []
    for hits in right:
        labels = np.repeat([1.0, 0.0], [hits, 900 - hits])
        arms.append(moments(labels, np.ones(900), 1.0 - labels))
    ends_agree(guard, _with(guard, Beside(*arms)), 0.5)


def _with(guard: Guard, *steps: Beside) -> Evidence:
    return Evidence(outcomes=Outcomes(metrics={guard.name: Seen(steps)}))


@pytest.mark.parametrize("slower", [1.0, 1.3, 2.0])
def test_ends_of_latency_say_what_the_verdict_says(slower: float) -> None:
    shift = round(np.log(slower) / np.log(1.02))
    control = dict.fromkeys(range(50, 110), 20)
    latency = {"control": control, "candidate": {p + shift: n for p, n in control.items()}}
    guard = Guard("latency_p95", 1.5)
    ends_agree(guard, Evidence(latency=latency), 0.05)
    found = enclose(guard, Evidence(latency=latency), 0.05, 0.05)
    assert found.value == pytest.approx(slower, rel=0.03)
    assert measured_in(guard) == "seconds"


def test_once_all_is_moved_failures_are_held_against_the_hour_before() -> None:
    seen = Evidence(past=Tally(9_000, 90), alone=Tally(300, 30))
    found = enclose(Guard("failures", 1.25), seen, 1.0, 0.05)
    assert (found.candidate, found.control, found.high) == (0.1, 0.01, None)
    assert found.low is not None
    assert found.low > 1.25
    ends_agree(Guard("failures", 1.25), seen, 1.0)


@pytest.mark.parametrize("name", ["failures", "latency_p95", "disagreement", "accuracy"])
def test_nothing_is_told_of_nothing(name: str) -> None:
    text = {"disagreement": "<= 0.05", "accuracy": "ratio >= 0.9"}.get(name, "ratio <= 2")
    assert enclose(read_guard(name, text), Evidence(), 0.05, 0.05) == Enclosed()


@settings(max_examples=50)
@given(gaps=st.lists(st.integers(-(10**9), 10**12), min_size=1, max_size=700))
def test_a_course_stays_small_in_order_and_ends_with_the_newest(gaps: list[int]) -> None:
    course, now_us = Course(), 0
    for place, gap in enumerate(gaps):
        now_us += gap
        course = add_look(course, Look(now_us, place))
        assert len(course.looks) <= LOOKS_MAX
    places = [look.requests for look in course.looks]
    assert places[0] == 0
    assert places[-1] == len(gaps) - 1
    assert all(one < other for one, other in pairwise(places))


def test_looks_of_a_long_release_lie_evenly() -> None:
    course = Course()
    for minute in range(20_000):
        course = add_look(course, Look(minute * MINUTE_US, minute))
    kept = [look.time_us for look in course.looks[:-1]]
    apart = {second - first for first, second in pairwise(kept)}
    assert len(course.looks) > LOOKS_MAX // 3
    assert max(apart) <= 2 * min(apart)


def test_the_controller_keeps_the_course_and_goes_on_with_it_after_its_death() -> None:
    store, clock, seen = MemoryStore(), ManualClock(), [Evidence()]
    plan = Plan(
        strategy="canary",
        steps=(Step("share", 500, 10**12), Step("share", SLOTS)),
        guards=(Guard("failures", 1.25),),
    )
    release = Release(
        id="r1", endpoint="e", version=version(2), signature=SIGNATURE, actor="ann", created_us=0,
        changed_us=0, state="holding", plan=plan, before=route("e", 1, version(1)), revision=2,
        shares={2: 500},
    )  # fmt: skip
    key = RELEASES.key("e", "r1")
    store.commit(Put(RELEASES, key, release, None), Put(ROUTES, "route/e", route("e", 2), None))
    for failed in (3, 30, 30, 60):
        controller = ReleaseController(store, clock, lambda _: seen[0])
        failures = Failures((FailureStep(0.05, 0, failed),))
        seen[0] = replace(seen[0], control=100 * failed, candidate=failed, failures=failures)
        clock.advance(60.0)
        for _ in range(3):
            controller.tick(lambda _: ())
    course = controller.course(release)
    assert [look.requests for look in course.looks] == [3, 30, 60]
    highs = [look.ends["failures"].high for look in course.looks]
    assert all(high is not None for high in highs[1:])
    assert len(store.scan(COURSE)) == 1
