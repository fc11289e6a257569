"""What answers were worth: sums, means and ratios of what came later under predictions' ids."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from fairlead.errors import ConfigError
from fairlead.signature import Numbers
from fairlead.stats import CONFIDENCE, Estimate
from fairlead.stats.intervals import normal_quantile

if TYPE_CHECKING:
    import polars as pl


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A business metric.

    Args:
        kind: `sum` over all predictions, `mean` over those that have the value, `ratio` of the
            sums of two values.
        value: name of the feedback.
        over: for a ratio, name of the feedback below; without it a ratio is per prediction.
    """

    kind: Literal["sum", "mean", "ratio"]
    value: str
    over: str | None = None


def business(
    predictions: pl.DataFrame,
    feedback: pl.DataFrame,
    goals: dict[str, Goal],
    *,
    confidence: float = CONFIDENCE,
) -> dict[str, Estimate]:
    """Measure business metrics of predictions.

    Entries of one name under one prediction are added up, as several purchases are. Predictions
    are the independent unit: intervals are normal, of a ratio by its linearisation
    sqrt(sum (a - R b)^2) / sum b; where one user asks often they are too short.

    Args:
        predictions: with a column `id`.
        feedback: as `predictionlog.feedback` gives it, collected; of these or other predictions.
        goals: by the name they are shown under.
        confidence: of the intervals.

    Returns:
        By name; what is undefined is left out: a mean of fewer than two, a ratio over 0.

    Raises:
        ConfigError: only ratios have something below.

    Example:
        >>> import polars as pl
        >>> asked = pl.DataFrame({"id": ["a", "b"]})
        >>> came = pl.DataFrame({"prediction_id": ["a", "a"], "name": ["paid"] * 2,
        ...                      "number": [3.0, 4.0]})
        >>> business(asked, came, {"revenue": Goal(kind="sum", value="paid")})["revenue"].value
        7.0
    """
    wrong = [name for name, goal in goals.items() if goal.over and goal.kind != "ratio"]
    if wrong:
        raise ConfigError(
            f"The goal '{wrong[0]}' is no ratio, but has something below.",
            hint='Give it kind = "ratio", or leave `over` out.',
        )
    found = {}
    for name, goal in goals.items():
        above = _totals(predictions, feedback, goal.value)
        below = None if goal.over is None else _totals(predictions, feedback, goal.over)
        one = _measure(goal, above, below, normal_quantile(confidence))
        if one is not None:
            found[name] = one
    return found


def _totals(predictions: pl.DataFrame, feedback: pl.DataFrame, name: str) -> Numbers:
    """Each prediction's total of one name; NaN where nothing came."""
    import polars as pl

    came = feedback.filter((pl.col("name") == name) & pl.col("number").is_finite())
    sums = came.group_by("prediction_id").agg(pl.col("number").sum())
    joined = predictions.select("id").join(
        sums, left_on="id", right_on="prediction_id", how="left", maintain_order="left"
    )
    return joined["number"].cast(pl.Float64).to_numpy().copy()


def _measure(goal: Goal, above: Numbers, below: Numbers | None, width: float) -> Estimate | None:
    if goal.kind == "mean":
        above = above[np.isfinite(above)]
    filled = np.nan_to_num(above)
    if len(filled) < 2:
        return None
    total = float(filled.sum())
    if goal.kind == "ratio":
        under = np.ones_like(filled) if below is None else np.nan_to_num(below)
        base = float(under.sum())
        if base == 0.0:
            return None
        value = total / base
        return _around(value, width * _root_sum(filled - value * under) / abs(base))
    half = width * _root_sum(filled - filled.mean())
    if goal.kind == "mean":
        return _around(total / len(filled), half / len(filled))
    return _around(total, half)


def _root_sum(apart: Numbers) -> float:
    """Standard deviation of a sum of as many values that lie so far from their mean."""
    return sqrt(float(np.square(apart).sum()) * len(apart) / (len(apart) - 1))


def _around(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half)
