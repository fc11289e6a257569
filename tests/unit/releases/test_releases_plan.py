"""Plans: what people may write, and what they are told where it makes no sense."""

from __future__ import annotations

import pytest

from fairlead.errors import ConfigError
from fairlead.releases import Guard, PlanSettings, Step, plan_of, settings_of
from fairlead.releases.outcomes.metrics import Goal, Metric
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


def test_blue_green_may_see_live_requests_first_and_move_in_slices() -> None:
    steps = ["shadow for 10m", "50% for 5m", "100%"]
    plan = plan_of(PlanSettings(strategy="blue-green", steps=steps))
    assert [(step.kind, step.slots) for step in plan.steps] == [
        ("shadow", 10_000), ("share", 5_000), ("share", 10_000),
    ]  # fmt: skip


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
    assert plan.guards == (Guard("disagreement", 0.05, kind="value"),)
    assert (plan.prove, plan.rows_min, plan.slices) == (("disagreement",), 50, ("plan",))


def test_a_canary_may_begin_as_a_shadow() -> None:
    steps = ["shadow 20% for 1h", "approve", "shadow for 90s", "5% for 1h", "100%"]
    plan = plan_of(PlanSettings(steps=steps, guard={"difference": "<= 2.5"}))
    kinds = [(step.kind, step.slots) for step in plan.steps]
    assert kinds == [("shadow", 2_000), ("approve", 0), ("shadow", 10_000), ("share", 500),
                     ("share", 10_000)]  # fmt: skip
    assert plan.guards == (Guard("difference", 2.5, kind="value"),)


@pytest.mark.parametrize(
    ("told", "fits", "says"),
    [
        ({"slices": ["plam"]}, LABELS, "Did you mean 'plan'"),
        ({"guard": {"difference": "<= 1"}}, LABELS, "'disagreement' does"),
        ({"guard": {"disagreement": "<= 0.1"}}, SIGNATURE, "'difference' does"),
        ({}, Signature(inputs=(), outputs=()), "one value a row"),
        (
            {},
            Signature(
                inputs=(), outputs=(Field(name="a", kind="number"), Field(name="b", kind="number"))
            ),
            "or several",
        ),
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


def test_an_experiment_has_a_share_a_time_and_a_goal_of_which_it_is_known_what_is_better() -> None:
    plan = plan_of(
        PlanSettings(
            strategy="ab", goal="error", split="20%", duration="2h", mde="2.5%", decide="auto",
            covariate_before="14d", peek=False, units=900,
        )
    )  # fmt: skip
    assert plan.steps == (Step("share", 2_000, 2 * HOUR_US), Step("share", 10_000))
    assert plan.goal == Goal(
        name="error", metric=Metric("error"), higher=False, mde=0.025, units=900,
        before_us=14 * 24 * HOUR_US, peek=False, auto=True,
    )  # fmt: skip
    usual = plan_of(PlanSettings(strategy="ab", goal="mean:paid")).goal
    assert usual is not None
    assert (usual.higher, usual.peek, usual.auto) == (True, True, False)


def test_guards_of_outcomes_say_what_they_allow() -> None:
    told = {"accuracy": "difference >= -0.02", "mean:paid": "ratio >= 0.95", "error": "ratio <= 2"}
    guards = plan_of(PlanSettings(guard=told, prove=["mean:paid"])).guards
    assert guards == (
        Guard("accuracy", -0.02, at_least=True, kind="difference", metric=Metric("accuracy")),
        Guard("mean:paid", 0.95, at_least=True, metric=Metric("mean", "paid")),
        Guard("error", 2.0, metric=Metric("error")),
    )
    assert [guard.allows for guard in guards] == [
        "at most 0.02 below the stable version's", "at least 0.95 times the stable version's",
        "at most 2 times the stable version's",
    ]  # fmt: skip


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
        ({"strategy": "now", "steps": ["100%"]}, "no 'steps'"),
        ({"guard": {"failure": "ratio <= 2"}}, "Did you mean 'failures'"),
        ({"guard": {"failures": "2"}}, "ratio <= 1.25"),
        ({"guard": {"failures": "ratio <= 0.5"}}, "below 1"),
        ({"guard": {"failures": "ratio >= 0.5"}}, "from above"),
        ({"guard": {"failures": "difference <= 0.5"}}, "from above"),
        ({"guard": {"accurracy": "ratio >= 0.9"}}, "Did you mean 'accuracy'"),
        ({"guard": {"median:paid": "ratio >= 0.9"}}, "mean:NAME"),
        ({"guard": {"mean:a/b": "ratio >= 0.9"}}, "no metric"),
        ({"guard": {"accuracy": "at least 0.9"}}, "difference >= -0.02"),
        ({"guard": {"accuracy": "ratio >= 1.1"}}, "above 1"),
        ({"guard": {"accuracy": "ratio >= 0"}}, "allows anything"),
        ({"guard": {"accuracy": "difference >= 0.1"}}, "above 0"),
        ({"guard": {"error": "difference <= -0.1"}}, "below 0"),
        ({"goal": "mean:paid"}, "has no 'goal'"),
        ({"strategy": "ab"}, "needs a 'goal'"),
        ({"strategy": "ab", "goal": "paid"}, "no metric 'paid'"),
        ({"strategy": "ab", "goal": "error", "steps": ["100%"]}, "no 'steps'"),
        ({"strategy": "ab", "goal": "error", "split": "100%"}, "both versions"),
        ({"strategy": "ab", "goal": "error", "split": "half"}, "no share"),
        ({"strategy": "ab", "goal": "error", "mde": "0%"}, "above 0"),
        ({"strategy": "ab", "goal": "error", "power": 1.0}, "below 1"),
        ({"strategy": "ab", "goal": "error", "units": 0}, "above 0"),
        ({"strategy": "ab", "goal": "error", "duration": "long"}, "length of time"),
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
        ({"strategy": "shadow", "duration": "soon"}, "for 'duration'"),
        ({"strategy": "shadow", "share": "half"}, "no share for 'share'"),
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


def test_a_third_arm_is_refused_and_told_what_to_do_instead() -> None:
    with pytest.raises(ConfigError, match="no key 'arms'") as refused:
        settings_of({"strategy": "ab", "arms": {"b": "churn:4", "c": "churn:5"}})
    assert "two arms" in str(refused.value.hint)
    for split in ("40%/30%/30%", "0.4, 0.3", "three"):
        with pytest.raises(ConfigError, match="no share for 'split'") as refused:
            plan_of(PlanSettings(strategy="ab", goal="mean:revenue", split=split))
        assert "one after the other" in str(refused.value.hint)
    with pytest.raises(ConfigError) as refused:
        settings_of({"goals": "mean:revenue"})
    assert refused.value.hint == "Did you mean 'goal'?"
