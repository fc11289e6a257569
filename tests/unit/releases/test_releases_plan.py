"""Plans: what people may write, and what they are told where it makes no sense."""

from __future__ import annotations

import pytest

from fairlead.errors import ConfigError
from fairlead.releases import Guard, PlanSettings, Step, plan_of
from fairlead.releases.plan import check_fit
from fairlead.signature import Field, Signature
from support.routes import SIGNATURE

HOUR_US = 3_600_000_000
LABELS = Signature(
    inputs=(Field(name="plan", kind="category"),),
    outputs=(Field(name="label", kind="category"),),
    task="classification",
)


def test_a_plan_says_how_much_for_how_long_and_who_is_asked() -> None:
    told = PlanSettings(
        steps=["0.01% for 90s", "5% for 2h", "approve:risk", "25% for 1d", "approve", "100%"],
        guard={"failures": "ratio <= 2"},
        prove=["failures"],
        bake="1h",
    )
    plan = plan_of(told)
    assert plan.steps == (
        Step("share", 1, 90_000_000), Step("share", 500, 2 * HOUR_US), Step("approve", who="risk"),
        Step("share", 2_500, 24 * HOUR_US), Step("approve"), Step("share", 10_000),
    )  # fmt: skip
    assert (plan.guards, plan.prove, plan.bake_us) == (
        (Guard("failures", 2.0),),
        ("failures",),
        HOUR_US,
    )


def test_blue_green_switches_at_once_and_bakes_and_now_looks_at_nothing() -> None:
    switch = (Step("share", 10_000),)
    blue, now = (plan_of(PlanSettings(strategy=s)) for s in ("blue-green", "now"))
    assert (blue.steps, bool(blue.guards), bool(blue.bake_us)) == (switch, True, True)
    assert (now.steps, now.guards, now.bake_us) == (switch, (), 0)


def test_a_shadow_sees_all_for_a_day_unless_it_is_told_otherwise() -> None:
    plain = plan_of(PlanSettings(strategy="shadow"))
    assert plain.steps == (Step("shadow", 10_000, 24 * HOUR_US),)
    assert (plain.guards, plain.is_moving, plain.rows_min) == ((), False, 500)
    guards = {"disagreement": "<= 0.05"}
    told = PlanSettings(
        strategy="shadow", share="20%", duration="2h", rows=50, guard=guards,
        prove=["disagreement"], slices=["plan"],
    )  # fmt: skip
    plan = plan_of(told)
    assert plan.steps == (Step("shadow", 2_000, 2 * HOUR_US),)
    assert plan.guards == (Guard("disagreement", most=0.05),)
    assert (plan.prove, plan.rows_min, plan.slices) == (("disagreement",), 50, ("plan",))


def test_a_canary_may_begin_as_a_shadow() -> None:
    steps = ["shadow 20% for 1h", "approve", "shadow for 90s", "5% for 1h", "100%"]
    plan = plan_of(PlanSettings(steps=steps, guard={"difference": "<= 2.5"}))
    kinds = [(step.kind, step.slots) for step in plan.steps]
    assert kinds == [("shadow", 2_000), ("approve", 0), ("shadow", 10_000), ("share", 500),
                     ("share", 10_000)]  # fmt: skip
    assert plan.guards == (Guard("difference", most=2.5),)


@pytest.mark.parametrize(
    ("told", "fits", "says"),
    [
        ({"slices": ["plam"]}, LABELS, "Did you mean 'plan'"),
        ({"guard": {"difference": "<= 1"}}, LABELS, "'disagreement' does"),
        ({"guard": {"disagreement": "<= 0.1"}}, SIGNATURE, "'difference' does"),
        ({}, Signature(inputs=(), outputs=()), "one value a row"),
    ],
)
def test_a_version_that_lacks_what_is_compared_is_refused(
    told: dict[str, object], fits: Signature, says: str
) -> None:
    plan = plan_of(PlanSettings(strategy="shadow", **told))  # type: ignore[arg-type]
    with pytest.raises(ConfigError) as refused:
        check_fit(plan, fits)
    assert says in str(refused.value)
    check_fit(plan_of(PlanSettings()), fits)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"steps": []}, "100%"),
        ({"steps": ["5% for 1h"]}, "100%"),
        ({"steps": ["5% for 1h", "100%", "approve"]}, "100%"),
        ({"steps": ["25% for 1h", "5% for 1h", "100%"]}, "larger"),
        ({"steps": ["5% for 1h", "5% for 1h", "100%"]}, "larger"),
        ({"steps": ["5%", "100%"]}, "for how long"),
        ({"steps": ["5% for ever", "100%"]}, "no step"),
        ({"steps": ["0% for 1h", "100%"]}, "between"),
        ({"steps": ["101% for 1h", "100%"]}, "between"),
        ({"strategy": "blue-green", "steps": ["100%"]}, "no 'steps'"),
        ({"guard": {"failure": "ratio <= 2"}}, "Did you mean 'failures'"),
        ({"guard": {"failures": "2"}}, "ratio <= 1.25"),
        ({"guard": {"failures": "ratio <= 0.5"}}, "below 1"),
        ({"prove": ["failures"], "guard": {}}, "There are: none"),
        ({"steps": ["5% for 1h", "shadow for 1h", "100%"]}, "before the first share"),
        ({"steps": ["shadow for 1h"]}, "100%"),
        ({"steps": ["shadow", "100%"]}, "no step"),
        ({"steps": ["shadow 0% for 1h", "100%"]}, "between"),
        ({"strategy": "shadow", "steps": ["shadow for 1h"]}, "no 'steps'"),
        ({"stable": "human:risk"}, "no 'stable'"),
        ({"strategy": "shadow", "stable": "churn:1"}, "human:QUEUE"),
        ({"strategy": "shadow", "stable": "human:"}, "human:QUEUE"),
        ({"strategy": "shadow", "stable": "human:risk", "share": "20%"}, "sees all"),
        ({"strategy": "shadow", "duration": "soon"}, "no step"),
        ({"share": "20%"}, "no 'share'"),
        ({"strategy": "blue-green", "duration": "2h"}, "no 'duration'"),
        ({"strategy": "shadow", "guard": {"failures": "ratio <= 2"}}, "answers nobody"),
        ({"guard": {"disagreement": "<= 0.05"}}, "no step is one"),
        ({"strategy": "shadow", "guard": {"disagreement": "ratio <= 2"}}, "<= 0.05"),
        ({"strategy": "shadow", "guard": {"disagreement": "<= 1"}}, "allows all"),
        ({"strategy": "shadow", "guard": {"difference": "<= 0"}}, "allows all"),
        ({"bake": "soon"}, "length of time"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_and_says_why(
    told: dict[str, object], says: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        plan_of(PlanSettings(**told))  # type: ignore[arg-type]
    assert says in str(refused.value)
