"""How many units an experiment needs, and how long they take to come, from the log so far."""

from __future__ import annotations

from functools import reduce
from math import ceil
from typing import TYPE_CHECKING

import msgspec

from fairlead.errors import ConfigError
from fairlead.monitoring.answer import answer_of
from fairlead.releases.fold import on_trial
from fairlead.releases.outcomes.beside import (
    STABLE,
    in_part,
    moments_of,
    parts_of,
    told_of,
    unit,
)
from fairlead.releases.outcomes.metrics import Goal, Metric
from fairlead.releases.outcomes.worth import worth
from fairlead.releases.types import Plan
from fairlead.routing import SLOTS
from fairlead.signature import Signature
from fairlead.stats import Moments, measure, merge_moments, size_for_difference

if TYPE_CHECKING:
    import polars as pl

DAY_US = 86_400_000_000


class Foreseen(msgspec.Struct, frozen=True):
    """What an experiment takes.

    Args:
        value: of the goal's metric, until now.
        units: of both arms, to find the least difference worth finding with the wanted power.
        days: that so many take to come, as they came until now.
    """

    value: float
    units: int
    days: float


def foresee(
    plan: Plan, signature: Signature, predictions: pl.LazyFrame, feedback: pl.LazyFrame, now_us: int
) -> Foreseen | None:
    """Reckon what an experiment takes from as much of the past as it may last itself.

    Args:
        plan: with a goal.
        signature: of the version that answers.
        predictions: of the endpoint's log.
        feedback: of the endpoint's log.
        now_us: microseconds since 1970.

    Returns:
        None where the past does not tell: nothing came, all was the same, or it is 0 on average.
    """
    import polars as pl

    goal = plan.goal
    assert goal is not None
    since_us = now_us - plan.steps[0].hold_us
    lately = predictions.filter(
        on_trial(), pl.col("role") == STABLE, pl.col("time").dt.epoch("us") >= since_us
    )
    rows, first_us = (
        lately.select(pl.len(), pl.col("time").dt.epoch("us").min())
        .collect(engine="streaming")
        .row(0)
    )
    summed = _summed(goal.metric, signature, lately, feedback, parts_of(rows))
    try:
        known = measure(summed, goal.metric.place)
    except ConfigError:
        return None
    apart = goal.mde * abs(known.value)
    if not apart or not known.variance:
        return None
    wanted = _units(goal, apart, known.variance, plan.steps[0].slots / SLOTS, plan.alpha)
    return Foreseen(known.value, wanted, wanted / known.units * (now_us - first_us) / DAY_US)


def _summed(
    metric: Metric, signature: Signature, asked: pl.LazyFrame, feedback: pl.LazyFrame, parts: int
) -> Moments:
    """Of all units, part after part."""
    import polars as pl

    answer = answer_of(signature)
    said = [] if answer is None else [f"out.{answer.name}"]
    there = [name for name in said if name in asked.collect_schema()]
    tried = asked.select("id", "time", "role", *there, unit=unit(), revision=pl.lit(0, pl.Int64))
    found = []
    for part in range(parts):
        rows = tried.filter(in_part(part, parts)).collect(engine="streaming")
        told = told_of(rows["id"], feedback)
        units = worth(metric, rows.lazy(), told, {STABLE: signature})
        found.append(moments_of(metric, units))
    return reduce(merge_moments, found)


def _units(goal: Goal, apart: float, variance: float, share: float, alpha: float) -> int:
    size = size_for_difference(
        apart,
        variance,
        variance,
        share=share,
        alpha=alpha,
        power=goal.power,
        sequential=goal.peek,
    )
    return ceil(size.control + size.candidate)
