"""What an experiment will take: how many units, and how long they take to come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from msgspec.structs import replace

from fairlead.predictionlog.tables import FEEDBACK_SCHEMA
from fairlead.releases import Plan, PlanSettings, plan_of
from fairlead.releases.outcomes.foresee import Foreseen, foresee
from fairlead.stats import size_for_proportions
from support.routes import SIGNATURE

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NOW_US = int(NOW.timestamp() * 1e6)
PLAN = plan_of(PlanSettings(strategy="ab", goal="share:bought", mde="10%", duration="4d"))


def reckoned(plan: Plan = PLAN, units: int = 1_000, every: int = 5, **more: Any) -> Foreseen | None:
    """Over the last two days, so many units, of which every fifth bought something."""
    start = NOW - timedelta(days=2)
    numbers = range(units)
    rows = pl.DataFrame(schema_overrides={"id": pl.String, "unit": pl.String}, data={
        "id": [f"{n:023}-{n}" for n in numbers],
        "time": [start + timedelta(days=2) * n / units for n in numbers],
        "unit": [f"u{n}" for n in numbers],
        "revision": 1, "role": "stable", "assigned_by": "hash", "source": "live", **more,
    })  # fmt: skip
    entry = {"name": "bought", "number": 1.0, "received": NOW, "time": NOW}
    came = [{"prediction_id": f"{n:023}-{n}", **entry} for n in numbers if n % every == 0]
    feedback = pl.DataFrame(came, schema=FEEDBACK_SCHEMA)
    return foresee(plan, SIGNATURE, rows.lazy(), feedback.lazy(), NOW_US)


def test_the_past_tells_how_many_units_and_days_it_takes() -> None:
    assert PLAN.goal is not None
    once = replace(PLAN, goal=replace(PLAN.goal, peek=False))
    found = reckoned(once)
    assert found is not None
    size = size_for_proportions(0.2, 0.22)
    assert found.value == pytest.approx(0.2)
    assert found.units == pytest.approx(size.control + size.candidate, rel=0.05)
    assert found.days == pytest.approx(found.units / 500, rel=0.01)


def test_looking_at_any_time_takes_more_units_and_so_does_an_uneven_split() -> None:
    assert PLAN.goal is not None
    once = reckoned(replace(PLAN, goal=replace(PLAN.goal, peek=False)))
    peeking = reckoned()
    uneven = reckoned(plan_of(PlanSettings(strategy="ab", goal="share:bought", mde="10%",
                                           split="5%", duration="4d")))  # fmt: skip
    assert once is not None
    assert peeking is not None
    assert uneven is not None
    assert peeking.units == pytest.approx(1.91 * once.units, rel=0.01)
    assert uneven.units == pytest.approx(peeking.units / (4 * 0.05 * 0.95), rel=0.01)


@pytest.mark.parametrize(
    "told", [{"units": 0}, {"units": 1}, {"every": 1}, {"role": "candidate"}, {"source": "batch"}]
)
def test_a_past_that_does_not_tell_foresees_nothing(told: dict[str, Any]) -> None:
    assert reckoned(**told) is None
