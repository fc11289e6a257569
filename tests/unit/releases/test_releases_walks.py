"""Releases of every kind, told anything at any time: there is a decision, and it makes sense."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead.releases import (
    OPEN,
    RELEASES,
    Decision,
    Evidence,
    Order,
    OrderName,
    Plan,
    PlanSettings,
    Release,
    WorkerView,
    decide,
    plan_of,
)
from fairlead.releases.outcomes.beside import wanted_of
from fairlead.releases.outcomes.interim import interim
from fairlead.releases.outcomes.metrics import Arrived, Beside, Metric, Outcomes, Seen
from fairlead.releases.shadow.comparison import Agreement, Comparison
from fairlead.releases.types import Tally
from fairlead.routing import SLOTS, Arm, Automation, Route, owners
from fairlead.stats import Failures, FailureStep, Split, count_split, moments
from support.routes import SIGNATURE, route, version

LATE = {"accuracy": "difference >= -0.05", "mean:paid": "ratio >= 0.9", "error": "ratio <= 1.1"}
SHADOW = {"disagreement": "<= 0.05"}
MIXED = SHADOW | LATE | {"failures": "ratio <= 1.25", "latency_p95": "ratio <= 1.5"}
EXPERIMENT: dict[str, Any] = {"strategy": "ab", "duration": "2h", "guard": LATE, "longest": "4h"}
PLANS = [plan_of(PlanSettings(**each)) for each in (
    {"steps": ["shadow 20% for 1h", "approve", "5% for 1h", "25% for 1h", "100%"], "guard": MIXED,
     "prove": ["disagreement", "accuracy", "failures"], "longest": "4h"},
    {"steps": ["shadow for 1h", "100%"], "guard": SHADOW | LATE, "prove": ["mean:paid"]},
    {"strategy": "blue-green", "guard": LATE},
    {"strategy": "shadow", "share": "40%", "duration": "1h", "guard": SHADOW, "rows": 50},
    {"strategy": "shadow", "stable": "human:risk", "duration": "1h", "guard": SHADOW, "rows": 50},
    {**EXPERIMENT, "goal": "mean:paid", "covariate_before": "1d", "decide": "auto"},
    {**EXPERIMENT, "goal": "ratio:paid/seen", "peek": False, "units": 50, "prove": ["accuracy"]},
    {**EXPERIMENT, "goal": "share:paid", "better": "lower", "split": "0.01%"},
    {**EXPERIMENT, "goal": "absolute_error", "guard": {}, "decide": "auto"},
)]  # fmt: skip
WATCHER = Arm("shadow", version(7), "shadow", ((0, 10),))
PARTIAL = Automation("partial", "label == yes", "desk", 0.1)
BESIDE = Automation("shadow", queue="risk")
BEFORE = replace(
    route("e", 1, version(1), keep=(version(9),)), shadows=(WATCHER,), automation=PARTIAL
)
EMPTY = replace(BEFORE, arms=(), keep=(), shadows=(), automation=Automation())
MINUTE_US = 60_000_000
counts = st.integers(0, 10**6)
values = st.sampled_from([0.0, 0.0, 1.0, 1.0, 2.5, -3.0, 1e-60, -1e59, 1e59])


@st.composite
def arms(draw: st.DrawFn, metric: Metric, known: bool) -> Any:
    """The sums of an arm, whatever its units were worth, and whatever was known of them."""
    units = draw(st.integers(0, 12))
    times = draw(st.sampled_from([1, 40]))
    shares = metric.other is not None

    def column() -> list[float]:
        some = st.sampled_from([0.0, 1.0]) if shares else values
        return draw(st.lists(some, min_size=units, max_size=units)) * times

    own = [np.array(column()) for _ in metric.place]
    if shares:
        own[1:] = [np.ones(units * times)] * (len(metric.place) - 1)
        own.append(1.0 - own[0])
    return moments(*own, *([np.array(column()) for _ in metric.place] if known else []))


@st.composite
def evidences(draw: st.DrawFn, release: Release, now_us: int) -> Evidence:
    metrics = {}
    wanted = wanted_of(release)
    for name, metric in wanted.metrics.items():
        one = arms(metric, name in wanted.before_us)
        steps = draw(st.lists(st.builds(Beside, one, one), max_size=2))
        came = st.builds(Arrived, counts, counts, st.none() | st.floats(0, 1e9))
        metrics[name] = Seen(tuple(steps), draw(came), draw(came))
    split = count_split(Split(), (5_000, 5_000), draw(st.tuples(counts, counts)))
    rows = draw(st.sampled_from([0, 49, 600, 10**6]))
    squares = draw(st.floats(0, 1e18))
    whole = Agreement(rows, draw(st.integers(0, rows)), draw(st.floats(0, 1e9)), squares)
    failed = draw(st.tuples(st.integers(0, 200), st.integers(0, 200)))
    times = st.dictionaries(st.integers(0, 474), st.integers(1, 10**5), max_size=3)
    return Evidence(
        candidate=draw(counts),
        control=draw(counts),
        failures=Failures((FailureStep(0.05, candidate=failed[0], control=failed[1]),)),
        past=Tally(1_000, draw(st.integers(0, 1_000))),
        alone=Tally(1_000, draw(st.integers(0, 1_000))),
        until_us=now_us - draw(st.integers(0, 10)) * MINUTE_US,
        latency={"candidate": draw(times), "control": draw(times)},
        compared=Comparison(numeric=draw(st.booleans()), whole=whole),
        outcomes=Outcomes(split, draw(counts), metrics),
    )


def check(plan: Plan, before: Route, was: Release, on: Route, taken: Decision) -> None:
    """What holds of every step of every release."""
    release, after = taken.release, taken.route
    if after is None:
        return
    assert after.revision in (on.revision, on.revision + 1)
    if after.arms:
        assert len(owners(after.arms)) == SLOTS
    step = release.plan.steps[release.step]
    answering = [a.version for a in after.arms if a.role != "shadow"]
    if release.state == "switching":
        assert release.shares[after.revision] == (step.slots if step.kind == "share" else 0)
        assert (release.version in answering) == (step.kind == "share")
        people = step.kind == "shadow" and bool(plan.decided_by)
        assert after.automation == (BESIDE if people else before.automation)
    elif release.state not in OPEN and was.state not in ("requested", "preparing"):
        assert (after.arms, after.shadows, after.keep) == (
            before.arms, before.shadows, before.keep,
        )  # fmt: skip
        assert after.automation == before.automation


@settings(max_examples=100, deadline=None)
@given(data=st.data(), plan=st.sampled_from(PLANS), before=st.sampled_from([BEFORE, EMPTY]))
def test_whatever_happens_there_is_a_decision_that_makes_sense_and_always_the_same(
    data: st.DataObject, plan: Plan, before: Route
) -> None:
    release, on, now_us = Release(
        id="r1", endpoint="e", version=version(2), signature=SIGNATURE, actor="cli", created_us=0,
        changed_us=0, plan=plan,
    ), before, 0  # fmt: skip
    names = st.sampled_from(get_args(OrderName))
    for _ in range(8):
        now_us += data.draw(st.sampled_from([0, 1, 61, 300])) * MINUTE_US
        order = data.draw(st.none() | st.none() | names)
        told = replace(release, order=Order(order, "ann") if order else None)
        version_ = st.sampled_from(["ready", "ready", "ready", "loading", "failed: x"])
        views = [WorkerView(n, on.revision, data.draw(version_)) for n in range(2)]
        evidence = data.draw(evidences(release, now_us))
        taken = decide(told, on, views, evidence, now_us)
        read = RELEASES.decode(RELEASES.encode(told))
        assert decide(read, on, views, evidence, now_us) == taken, "as its record says"
        if plan.goal is not None:
            interim(replace(told, before=before), evidence)
        if taken is None:
            continue
        check(plan, before, told, on, taken)
        release, on = taken.release, taken.route or on
        if release.state not in OPEN:
            break
