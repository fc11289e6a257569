"""How far two judges agree beyond chance, as a person and a model that shadows them."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from fairlead.errors import ConfigError
from fairlead.stats.domain import Numbers, check_counts
from fairlead.stats.intervals import CONFIDENCE, Estimate, normal_quantile, wilson

NORMAL_MIN = 10

Table = dict[str, dict[str, int]]
"""Rows by the label of the first judge and of the second."""


def classes(table: Table) -> list[str]:
    """All labels that either side said, in the order in which they are told.

    Example:
        >>> classes({"a": {"b": 1}, "c": {"a": 2}})
        ['a', 'b', 'c']
    """
    return [*dict.fromkeys(name for given, row in table.items() for name in (given, *row))]


def square(table: Table) -> list[list[int]]:
    """A line for each label of the first judge, and a column for each of the second."""
    names = classes(table)
    return [[table.get(given, {}).get(other, 0) for other in names] for given in names]


def kappa(table: Any, *, confidence: float = CONFIDENCE) -> Estimate | None:
    """Cohen's kappa, with an interval for one look.

    (o - e) / (1 - e), where o is the share of rows on which both agree and e that which they would
    by chance, with their own habits; 1 is full agreement, 0 that of chance. The interval is normal
    with the variance of Fleiss, Cohen and Everitt (1969), "Large sample standard errors of kappa
    and weighted kappa". With fewer than ten rows of disagreement, or of agreement, it holds also
    what Wilson's interval of o makes of kappa: ten rows of full agreement give no certain 1.
    Cohen (1960), "A coefficient of agreement for nominal scales". For agreement that is looked at
    again and again use `bernoulli_sequence`.

    Args:
        table: rows by the first judge's class and the second's, square, shape (classes, classes).
        confidence: between 0 and 1.

    Returns:
        None where there is no row, or both only ever say one and the same class.

    Raises:
        ConfigError: the table is not square, or not of counts.

    Example:
        >>> one = kappa([[45, 15], [25, 15]])
        >>> round(one.value, 4), round(one.low, 4), round(one.high, 4)
        (0.1304, -0.0629, 0.3238)
    """
    counts = _check(table)
    rows = float(counts.sum())
    if not rows:
        return None
    shares = counts / rows
    ours, theirs = shares.sum(axis=1), shares.sum(axis=0)
    agreed, chance = float(np.trace(shares)), float(ours @ theirs)
    if chance >= 1.0:
        return None
    value = (agreed - chance) / (1.0 - chance)
    half = normal_quantile(confidence) * sqrt(_variance(shares, value, chance) / rows)
    low, high = value - half, value + half
    if min(agreed, 1.0 - agreed) * rows < NORMAL_MIN:
        held = wilson(round(agreed * rows), round(rows), confidence=confidence)
        low = min(low, (held.low - chance) / (1.0 - chance))
        high = max(high, (held.high - chance) / (1.0 - chance))
    return Estimate(value, max(low, -1.0), min(high, 1.0))


def kappa_by_class(table: Any, *, confidence: float = CONFIDENCE) -> list[Estimate | None]:
    """Cohen's kappa of each class against all others.

    `kappa` of the table of two classes: this one, and the rest.

    Args:
        table: as for `kappa`.
        confidence: between 0 and 1, of each.

    Returns:
        One for each class, None where neither judge ever says it or both always do.

    Raises:
        ConfigError: the table is not square, or not of counts.

    Example:
        >>> table = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
        >>> [round(one.value, 2) for one in kappa_by_class(table)]
        [0.56, 0.52, 0.31]
    """
    counts = _check(table)
    total, both = float(counts.sum()), np.diag(counts)
    ours, theirs = counts.sum(axis=1) - both, counts.sum(axis=0) - both
    neither = total - ours - theirs - both
    return [
        kappa([[both[k], ours[k]], [theirs[k], neither[k]]], confidence=confidence)
        for k in range(len(counts))
    ]


def _variance(shares: Numbers, value: float, chance: float) -> float:
    """Of kappa, times the rows."""
    ours, theirs = shares.sum(axis=1), shares.sum(axis=0)
    # Cell (i, j) meets the second judge's share of i and the first's of j.
    margins = theirs[:, None] + ours[None, :]
    agreed = np.diag(shares) @ (1.0 - np.diag(margins) * (1.0 - value)) ** 2
    apart = shares - np.diag(np.diag(shares))
    others = (1.0 - value) ** 2 * float((apart * margins**2).sum())
    both = (value - chance * (1.0 - value)) ** 2
    return max(float(agreed) + others - both, 0.0) / (1.0 - chance) ** 2


def _check(table: Any) -> Numbers:
    check_counts("rows", table)
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ConfigError(
            f"A table of shape {counts.shape} is not square.",
            hint="Give a line and a column for each class.",
        )
    return counts
