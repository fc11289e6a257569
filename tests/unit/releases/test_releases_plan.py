"""Plans: what people may write, and what they are told where it makes no sense."""

from __future__ import annotations

import pytest

from fairlead.errors import ConfigError
from fairlead.releases import Guard, PlanSettings, Step, plan_of

HOUR_US = 3_600_000_000


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
        ({"bake": "soon"}, "length of time"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_and_says_why(
    told: dict[str, object], says: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        plan_of(PlanSettings(**told))  # type: ignore[arg-type]
    assert says in str(refused.value)
