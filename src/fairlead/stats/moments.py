"""Sums over units of what a metric is made of, so that any window of them can be added up."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import msgspec
import numpy as np

from fairlead.errors import ConfigError, ConflictError
from fairlead.stats.domain import Numbers, check_hits


class Moments(msgspec.Struct, frozen=True):
    """Of units with some numbers each: a commutative monoid under `merge_moments`, within rounding.

    Args:
        units: how many.
        means: of each column.
        products: sums over units of (x - mean)(y - mean), for all pairs of columns, row by row.
        nonzero: units whose number is not zero, by column.
    """

    units: int
    means: tuple[float, ...]
    products: tuple[float, ...]
    nonzero: tuple[int, ...]


class Measure(msgspec.Struct, frozen=True):
    """A metric of one arm.

    Args:
        value: in the metric's own unit.
        variance: of one unit's share in it; over `units` it is the square of the standard error.
        units: how many were measured, at least two.
        events: units that carry what is counted; the variance is known no better than these.
    """

    value: float
    variance: float
    units: int
    events: int


def moments(*columns: Any) -> Moments:
    """Sum up units, each a place in every column.

    Args:
        columns: one number for each unit, shape (units,), all finite: for a ratio the sums of a
            user's clicks and of their views.

    Raises:
        ConfigError: there is no column, they differ in length, or a number is not finite.

    Example:
        >>> moments([1.0, 3.0])
        Moments(units=2, means=(2.0,), products=(2.0,), nonzero=(2,))
    """
    sizes = {np.shape(column) for column in columns}
    if len(sizes) != 1 or len(next(iter(sizes))) != 1:
        raise ConfigError(
            "Columns of units differ in length.", hint="Give one number for each unit in each."
        )
    table = np.array(columns, dtype=np.float64)
    if not np.isfinite(table).all():
        raise ConfigError("A number of a unit is not finite.", hint="Leave such units out.")
    if not table.shape[1]:
        size = len(table)
        return Moments(0, (0.0,) * size, (0.0,) * size**2, (0,) * size)
    means = table.mean(axis=1)
    apart = table - means[:, None]
    return Moments(
        units=table.shape[1],
        means=tuple(means.tolist()),
        products=tuple((apart @ apart.T).ravel().tolist()),
        nonzero=tuple(np.count_nonzero(table, axis=1).tolist()),
    )


def merge_moments(a: Moments, b: Moments) -> Moments:
    """The sums of the units of both, which must have none in common.

    products = a + b + (n_a n_b / n) (mean_b - mean_a)(mean_b - mean_a)^T: Chan, Golub and LeVeque
    (1983), "Algorithms for computing the sample variance", which loses no digits.

    Raises:
        ConflictError: they have different numbers of columns.

    Example:
        >>> merge_moments(moments([1.0, 3.0]), moments([5.0])) == moments([1.0, 3.0, 5.0])
        True
    """
    if len(a.means) != len(b.means):
        raise ConflictError(
            "Moments of different metrics cannot be merged.", hint="Sum up the same columns."
        )
    units = a.units + b.units
    if not a.units or not b.units:
        return a if a.units else b
    apart = np.subtract(b.means, a.means)
    means = np.asarray(a.means) + apart * b.units / units
    between = np.outer(apart, apart).ravel() * (a.units / units * b.units)
    products = np.add(a.products, b.products) + between
    return Moments(
        units,
        tuple(means.tolist()),
        tuple(products.tolist()),
        tuple(map(sum, zip(a.nonzero, b.nonzero, strict=True))),
    )


def proportion(hits: int, units: int) -> Measure:
    """A share of units; variance p (1 - p), events the rarer of hits and misses.

    Raises:
        ConfigError: hits are not in 0..units, or there are no units.

    Example:
        >>> proportion(25, 100)
        Measure(value=0.25, variance=0.1875, units=100, events=25)
    """
    check_hits(hits, units)
    share = hits / units
    return Measure(share, share * (1.0 - share), units, min(hits, units - hits))


def measure(of: Moments, columns: Sequence[int] = (0,)) -> Measure:
    """The mean of one column, or the ratio of the sums of two, with the unit as the cluster.

    R = mean M / mean D has variance (var M + R^2 var D - 2 R cov(M, D)) / (mean D)^2 per unit, by
    the delta method: rows of one user may depend on each other as they like. Deng, Knoblich and Lu
    (2018), "Applying the delta method in metric analytics", arXiv 1803.06336.

    Args:
        of: at least two units.
        columns: place of the mean, or of the numerator and of the denominator.

    Raises:
        ConfigError: there are fewer than two units, or the denominator's mean is 0, or so near
            to it that the variance is none.

    Example:
        >>> clicks, views = [1, 0, 3], [4, 2, 9]
        >>> one = measure(moments(clicks, views), (0, 1))
        >>> round(one.value, 4), round(one.variance, 4)
        (0.2667, 0.013)
    """
    value, gradient = linearised(of, columns)
    variance = max(covariance(of, gradient, gradient), 0.0)
    return Measure(value, variance, of.units, of.nonzero[columns[0]])


def linearised(of: Moments, columns: Sequence[int]) -> tuple[float, Numbers]:
    """A mean or ratio, and its derivative by the mean of each column.

    Raises:
        ConfigError: as for `measure`.
    """
    if of.units < 2:
        raise ConfigError(f"There are {of.units} units to measure.", hint="Wait for at least two.")
    gradient = np.zeros(len(of.means))
    if len(columns) == 1:
        gradient[columns[0]] = 1.0
        return of.means[columns[0]], gradient
    over, under = (of.means[place] for place in columns)
    ratio = over / under if under else float("nan")
    if not isfinite(ratio):
        raise ConfigError(
            "The denominator of a ratio is 0 on average.", hint="Choose one that is not."
        )
    gradient[columns[0]], gradient[columns[1]] = 1.0 / under, -ratio / under
    return ratio, gradient


def covariance(of: Moments, one: Numbers, other: Numbers) -> float:
    """Of two weighted sums of the columns, with n - 1.

    Args:
        of: at least two units.
        one: weight of each column.
        other: the same of the other sum.

    Raises:
        ConfigError: it is beyond all numbers.
    """
    size = len(of.means)
    with np.errstate(over="ignore", invalid="ignore"):
        found = float(one @ (np.reshape(of.products, (size, size)) / (of.units - 1)) @ other)
    if not isfinite(found):
        raise ConfigError(
            "A variance is beyond all numbers.",
            hint="Choose a metric of smaller values, or one whose denominator is not near 0.",
        )
    return found
