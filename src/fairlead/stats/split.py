"""Whether units were split over the arms as the weights say: sample ratio mismatch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from fairlead.errors import ConfigError
from fairlead.stats.domain import Numbers, check_counts, check_positive
from fairlead.stats.homogeneity import Test

CONCENTRATION = 100.0


class SplitStep(msgspec.Struct, frozen=True):
    """New units by arm, while the weights were the same.

    Args:
        weights: of the arms, zero or more, in any unit.
        counts: units that were assigned for the first time, by arm.
    """

    weights: tuple[float, ...]
    counts: tuple[int, ...]


class Split(msgspec.Struct, frozen=True):
    """Who was assigned where in a release: a commutative monoid under `merge_splits`.

    Args:
        steps: one for each vector of weights there was, in its order.
    """

    steps: tuple[SplitStep, ...] = ()


def count_split(before: Split, weights: Sequence[float], counts: Sequence[int]) -> Split:
    """Add units that were assigned for the first time.

    Raises:
        ConfigError: there is not one weight for each count, or no arm has any.

    Example:
        >>> count_split(Split(), (0.9, 0.1), (90, 12))
        Split(steps=(SplitStep(weights=(0.9, 0.1), counts=(90, 12)),))
    """
    _check(weights, counts)
    return merge_splits(before, Split((SplitStep(tuple(weights), tuple(counts)),)))


def merge_splits(a: Split, b: Split) -> Split:
    """The units of both, in any order."""
    totals: dict[tuple[float, ...], tuple[int, ...]] = {}
    for step in (*a.steps, *b.steps):
        held = totals.get(step.weights, (0,) * len(step.counts))
        totals[step.weights] = tuple(map(sum, zip(held, step.counts, strict=True)))
    return Split(tuple(SplitStep(weights, totals[weights]) for weights in sorted(totals)))


def log_split_evidence(
    counts: Any, weights: Any, *, concentration: float = CONCENTRATION
) -> Numbers:
    """Log e-value against "units are split as the weights say", for whole arrays.

    ln [B(k w + c) / B(k w)] - sum c ln w: the Dirichlet-multinomial likelihood over that of the
    weights, B the multivariate beta function, k the concentration. It may be looked at after
    every unit: the chance that it ever reaches ln(1 / alpha) is at most alpha. Lindon and Malek
    (2022), "Anytime-valid inference for multinomial count data", arXiv 2011.03567.

    Args:
        counts: new units, shape (..., arms).
        weights: of the arms, zero or more, in any unit, shape (arms,). Arms of weight 0 are left
            out.
        concentration: above 0; the larger, the smaller the mismatches that are found best.

    Returns:
        Natural logs, shape (...); 0 where only one arm has a weight.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> round(float(np.exp(log_split_evidence((10_000, 10_400), (1, 1)))), 4)
        3.4518
    """
    from scipy.special import gammaln

    check_positive("concentration", concentration)
    held, shares = _check(weights, counts)
    prior = concentration * shares
    grown = gammaln(prior + held) - gammaln(prior) - held * np.log(shares)
    total = gammaln(concentration + held.sum(axis=-1)) - gammaln(concentration)
    return np.asarray(grown.sum(axis=-1) - total, dtype=np.float64)


def split_evidence(split: Split, *, concentration: float = CONCENTRATION) -> float:
    """Log e-value of all of a release's steps: those of its weights add up.

    Raises:
        ConfigError: the concentration is not above 0.

    Example:
        >>> fair = count_split(Split(), (0.5, 0.5), (500, 510))
        >>> split_evidence(fair) < 0 < split_evidence(count_split(fair, (0.9, 0.1), (800, 200)))
        True
    """
    return sum(
        float(log_split_evidence(step.counts, step.weights, concentration=concentration))
        for step in split.steps
    )


def split_test(counts: Sequence[float], weights: Sequence[float]) -> Test:
    """Pearson's test of the split, for one look at the end.

    X2 = sum (c - n w)^2 / (n w) against chi-square of arms - 1 degrees; alarm at p < 0.001, as
    Fabijan et al. (2019), "Diagnosing sample ratio mismatch in online controlled experiments".
    Looked at again and again it alarms too often: 200 looks at 0.001 do so in 2 % of fair splits.

    Args:
        counts: units by arm.
        weights: of the arms; those of weight 0 are left out.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> test = split_test((50_500, 49_500), (0.5, 0.5))
        >>> round(test.statistic, 6), test.degrees, round(test.p_value, 6)
        (10.0, 1, 0.001565)
    """
    from scipy.special import chdtrc

    held, shares = _check(weights, counts)
    expected = held.sum() * shares
    degrees = len(shares) - 1
    if not degrees or not held.sum():
        return Test(0.0, 0, 1.0)
    statistic = float(np.sum((held - expected) ** 2 / expected))
    return Test(statistic, degrees, float(chdtrc(degrees, statistic)))


def _check(weights: Any, counts: Any) -> tuple[Numbers, Numbers]:
    """Counts and shares of the arms that have a weight."""
    check_counts("weights", weights)
    check_counts("units", counts)
    w, c = np.asarray(weights, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if w.ndim != 1 or c.shape[-1:] != w.shape or not w.sum() > 0.0:
        raise ConfigError(
            f"Counts of shape {c.shape} do not fit {w.size} weights.",
            hint="Give one weight for each arm, at least one of them above 0.",
        )
    kept = w > 0.0
    return c[..., kept], w[kept] / w.sum()
