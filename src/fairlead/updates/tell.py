"""Fields that alone tell the label of training rows, as what is known only afterwards does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fairlead.stats import roc_auc

Numbers = npt.NDArray[np.float64]

TOLD_MIN = 0.999
"""Of training rows, from which a field tells the label."""
HELD_MAX = 0.95
"""Of the holdout, from which it tells there as well, and is just a good field."""
SIDE_MIN = 10
"""Rows of each class, or of numbers at all, below which nothing is said."""
CLASSES_MAX = 20
VALUES_MAX = 50
"""Of numbers, up to which each value is one by itself."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A field that alone tells the label of training rows, and how well it does on the holdout.

    Args:
        field: of the inputs.
        trained: how well on training rows that the rule was not made from; 1 is perfectly.
        held: how well the same rule does on the holdout.
    """

    field: str
    trained: float
    held: float


def telling(
    train: pl.DataFrame, holdout: pl.DataFrame, fields: Sequence[str], label: str
) -> tuple[Telling, ...]:
    """Fields that tell the label of training rows nearly perfectly, and not that of the holdout.

    A rule is made of one half of the training rows and tried on the other, so that a field of
    which every value is another, as an id, tells nothing.

    Args:
        train: rows that were trained on.
        holdout: rows that are judged on.
        fields: the inputs, columns of both.
        label: the column of labels of both.
    """
    made, tried = train[::2], train[1::2]
    found = []
    for name in fields:
        if train[name].dtype.is_nested() or train[name].dtype == pl.Binary:
            continue
        trained = _told(made, tried, name, label)
        if trained is None or trained < TOLD_MIN:
            continue
        held = _told(made, holdout, name, label)
        if held is not None and held < HELD_MAX:
            found.append(Telling(name, trained, held))
    return tuple(found)


def _told(made: pl.DataFrame, tried: pl.DataFrame, name: str, label: str) -> float | None:
    """How well a rule of one field, made on some rows, does on others; None if nobody knows."""
    field, number = made[name], made[name].dtype.is_numeric()
    counts = made[label].drop_nulls().value_counts().filter(pl.col("count") >= SIDE_MIN)
    if made[label].dtype.is_numeric() and made[label].n_unique() > CLASSES_MAX:
        return _lined_up(made, tried, name, label) if number else None
    if not 2 <= counts.height <= CLASSES_MAX:
        return None
    by_value = not number or field.n_unique() <= VALUES_MAX
    areas = []
    for each in counts[label].to_list():
        ours, theirs = ((frame[label] == each).fill_null(False) for frame in (made, tried))
        if min(theirs.sum(), tried.height - theirs.sum()) < SIDE_MIN:
            continue
        if by_value:
            scores = _shares(field, ours, tried[name])
            areas.append(roc_auc(theirs.to_numpy(), scores))
        else:
            sign = _sign(ours.to_numpy(), _numbers(field))
            areas.append(roc_auc(theirs.to_numpy(), sign * _numbers(tried[name])))
    return min(areas) if areas else None


def _shares(field: pl.Series, positive: pl.Series, values: pl.Series) -> Numbers:
    """How often each value was of the class; of a value that was not there, how often any is."""
    usual = float(positive.mean() or 0.0)  # type: ignore[arg-type]
    table = pl.DataFrame({"value": field.cast(pl.String), "share": positive.cast(pl.Float64)})
    means = table.group_by("value").agg(pl.col("share").mean())
    asked = pl.DataFrame({"value": values.cast(pl.String)})
    joined = asked.join(means, on="value", how="left", nulls_equal=True, maintain_order="left")
    return joined["share"].fill_null(usual).to_numpy()


def _sign(positive: Any, numbers: Numbers) -> float:
    return 1.0 if roc_auc(positive, numbers) >= 0.5 else -1.0


def _lined_up(made: pl.DataFrame, tried: pl.DataFrame, name: str, label: str) -> float | None:
    """How far the field rises with the label, or falls with it: Spearman's correlation."""
    along = [_correlation(frame[name], frame[label]) for frame in (made, tried)]
    if along[0] is None or along[1] is None:
        return None
    return along[1] if along[0] >= 0.0 else -along[1]


def _correlation(field: pl.Series, label: pl.Series) -> float | None:
    frame = pl.DataFrame({"label": label.cast(pl.Float64), "field": _numbers(field)})
    known = frame.filter(pl.col("label").is_finite())
    if known.height < SIDE_MIN:
        return None
    found = known.select(pl.corr("label", "field", method="spearman")).item()
    return float(found) if found is not None and isfinite(found) else 0.0


def _numbers(field: pl.Series) -> Numbers:
    """As numbers, with what is missing below all that is there: to be missing may tell as well."""
    numbers = field.cast(pl.Float64).fill_nan(None)
    below = numbers.min()
    return numbers.fill_null(float(below) - 1.0 if isinstance(below, float) else 0.0).to_numpy()
