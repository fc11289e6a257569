"""What answers were worth: sums, means and ratios of what came later, and costs of mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import TYPE_CHECKING, Literal

import msgspec

from fairlead.errors import ConfigError
from fairlead.monitoring.labels import NUMBER_MAX
from fairlead.signature import Numbers
from fairlead.stats import CONFIDENCE, Estimate
from fairlead.stats.intervals import normal_quantile

if TYPE_CHECKING:
    import polars as pl

GoalKind = Literal["sum", "mean", "ratio", "cost", "function"]


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of one's own.

    Args:
        kind: `sum` over all predictions, `mean` over those that have the value, `ratio` of the
            sums of two values; of labelled rows, the mean of a `cost` or of a `function`.
        value: name of the feedback; of a function, its module and name: `my_metrics:cost`.
        over: for a ratio, name of the feedback below; without it a ratio is per prediction.
        costs: for a cost, by truth and answer; of all that is not named it is 0.
    """

    kind: GoalKind
    value: str = ""
    over: str | None = None
    costs: dict[str, dict[str, float]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Of the feedback it is made of, beside labels."""
        if self.kind in {"cost", "function"}:
            return ()
        return (self.value,) if self.over is None else (self.value, self.over)


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """What a goal adds up to over independent groups of rows; that of others can be added.

    Args:
        goal: whose.
        groups: how many: units, and rows of no unit.
        above: sum of the values.
        below: sum of what is below them: how many values there are, for a mean.
        squares: sum over the groups of their squared values.
        products: sum over the groups of value times what is below.
        squares_below: sum over the groups of the squares of what is below.
    """

    goal: Goal
    groups: int = 0
    above: float = 0.0
    below: float = 0.0
    squares: float = 0.0
    products: float = 0.0
    squares_below: float = 0.0


def count_worth(goal: Goal, above: Numbers, below: Numbers) -> Worth:
    """Add up the totals of groups.

    Args:
        goal: whose.
        above: each group's sum of values, shape (groups,).
        below: each group's sum of what is below.

    Example:
        >>> import numpy as np
        >>> count_worth(Goal(kind="sum", value="paid"), np.array([3.0, 4.0]), np.ones(2)).squares
        25.0
    """
    if goal.kind not in {"sum", "ratio"}:
        above, below = above[below > 0], below[below > 0]
    return Worth(
        goal=goal,
        groups=len(above),
        above=float(above.sum()),
        below=float(below.sum()),
        squares=float(above @ above),
        products=float(above @ below),
        squares_below=float(below @ below),
    )


def add_worth(a: Worth, b: Worth) -> Worth:
    """The worth of the groups of both, none of which is in both."""
    return Worth(
        goal=a.goal,
        groups=a.groups + b.groups,
        above=a.above + b.above,
        below=a.below + b.below,
        squares=a.squares + b.squares,
        products=a.products + b.products,
        squares_below=a.squares_below + b.squares_below,
    )


def weigh(worth: Worth, *, confidence: float = CONFIDENCE) -> Estimate | None:
    """A goal's value with its interval.

    A sum's is normal, z sqrt(G / (G - 1) sum (a_g - mean a)^2) over the G groups. All others are
    ratios R of sums, by their linearisation (delta method), z sqrt(G / (G - 1) sum (a_g - R b_g)^2)
    / sum b. Cochran (1977), "Sampling techniques", chapter 6.

    Args:
        worth: of a goal.
        confidence: of the interval.

    Returns:
        None where it is undefined: of fewer than two groups, or over 0.
    """
    if worth.groups < 2 or (worth.goal.kind != "sum" and worth.below == 0.0):
        return None
    if worth.goal.kind == "sum":
        value, scale = worth.above, 1.0
        apart = worth.squares - worth.above**2 / worth.groups
    else:
        value, scale = worth.above / worth.below, abs(worth.below)
        apart = worth.squares - 2 * value * worth.products + value**2 * worth.squares_below
    spread = max(apart, 0.0) * worth.groups / (worth.groups - 1)
    half = normal_quantile(confidence) * sqrt(spread) / scale
    return Estimate(value, value - half, value + half)


def business(
    predictions: pl.DataFrame,
    feedback: pl.DataFrame,
    goals: Mapping[str, Goal],
    *,
    confidence: float = CONFIDENCE,
) -> dict[str, Estimate]:
    """Measure business metrics of predictions.

    Entries of one name under one prediction are added up, as several purchases are. Units are
    independent, and predictions without one are.

    Args:
        predictions: with a column `id`, and `unit` if there is one.
        feedback: as `predictionlog.feedback` gives it, collected; of these or other predictions.
        goals: sums, means and ratios by the name they are shown under.
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
    totals = total(feedback)
    found = {}
    for name, goal in goals.items():
        groups = group(predictions, goal_values(goal, predictions, totals))
        above, below = groups["above"].to_numpy(), groups["below"].to_numpy()
        found[name] = weigh(count_worth(goal, above, below), confidence=confidence)
    return {name: one for name, one in found.items() if one is not None}


def total(feedback: pl.DataFrame) -> pl.DataFrame:
    """Each prediction's numbers of one name added up: `prediction_id`, `name`, `number`.

    One that is not finite, or so large that its square may not be, is left out.
    """
    import polars as pl

    came = feedback.filter(pl.col("number").abs() < NUMBER_MAX)
    return came.group_by("prediction_id", "name").agg(pl.col("number").sum())


def goal_values(goal: Goal, predictions: pl.DataFrame, totals: pl.DataFrame) -> pl.DataFrame:
    """What each prediction adds to a sum, mean or ratio: `above` and `below`, in their order.

    Args:
        goal: one of these.
        predictions: with a column `id`.
        totals: as `total` gives them.
    """
    import polars as pl

    above = _totals(predictions, totals, goal.value)
    below = pl.repeat(1.0, len(above), eager=True)
    if goal.over is not None:
        below = _totals(predictions, totals, goal.over).fill_null(0.0)
    elif goal.kind == "mean":
        below = above.is_not_null().cast(pl.Float64)
    return pl.DataFrame({"above": above.fill_null(0.0), "below": below})


def group(predictions: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """Values added up by unit, of rows without one by prediction: `group`, `above`, `below`.

    Args:
        predictions: with a column `id`, and `unit` if there is one.
        values: `above` and `below` of each.

    Returns:
        The groups' keys are hashes, alike for a unit within one process.
    """
    import polars as pl

    alone = pl.col("id").hash(seed=1)
    unit = pl.col("unit")
    known = "unit" in predictions.columns and predictions["unit"].dtype == pl.String
    key = pl.when(unit.is_null()).then(alone).otherwise(unit.hash()) if known else alone
    named = values.with_columns(predictions.select(key.alias("group"))["group"])
    return named.group_by("group").agg(pl.col("above").sum(), pl.col("below").sum())


def _totals(predictions: pl.DataFrame, totals: pl.DataFrame, name: str) -> pl.Series:
    """Each prediction's total of one name; null where nothing came."""
    import polars as pl

    mine = totals.filter(pl.col("name") == name)
    joined = predictions.select("id").join(
        mine, left_on="id", right_on="prediction_id", how="left", maintain_order="left"
    )
    return joined["number"].cast(pl.Float64)
