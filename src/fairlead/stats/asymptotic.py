"""Metrics that are looked at again and again: asymptotic confidence sequences."""

from __future__ import annotations

from math import inf, log, sqrt
from typing import Any

import numpy as np

from fairlead.stats.beta_mixture import ALPHA, Side
from fairlead.stats.contrast import Contrast
from fairlead.stats.domain import Numbers, check_counts, check_positive, check_share
from fairlead.stats.intervals import CONFIDENCE, Estimate

EVENTS_MIN = 20


def tuned_rho(units: float, *, alpha: float = ALPHA, sides: int = 2) -> float:
    """The rho that makes a sequence narrowest at some number of units, chosen before the start.

    sqrt((-2 ln a + ln(1 - 2 ln a)) / N), a = alpha for two sides and 2 alpha for one. Waudby-Smith,
    Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform central limit theory and asymptotic
    confidence sequences", arXiv 2103.06476.

    Args:
        units: of both arms, at which a decision is expected.
        alpha: chance of error, below a half for one side.
        sides: 1 or 2.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> round(tuned_rho(5000), 6), round(tuned_rho(5000, sides=1), 6)
        (0.03984, 0.035578)
    """
    check_positive("number of units", units)
    chance = alpha if sides == 2 else 2.0 * alpha
    check_share("chance of error", chance)
    surprise = -2.0 * log(chance)
    return sqrt((surprise + log(1.0 + surprise)) / units)


def half_width(
    variance: Any, units: Any, rho: float, *, alpha: float = ALPHA, sides: int = 2
) -> Numbers:
    """How far a mean may lie from the true one, at every look, for whole arrays.

    sqrt(v 2 (n r^2 + 1) / (n r)^2 ln(sqrt(n r^2 + 1) / alpha)) for two sides; for one the last
    logarithm is ln(1 + sqrt(n r^2 + 1) / (2 alpha)). arXiv 2103.06476.

    Args:
        variance: of one unit, zero or more.
        units: above 0.
        rho: see `tuned_rho`.
        alpha: chance of error.
        sides: 1 or 2.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> round(float(half_width(1.0, 1000, tuned_rho(5000))), 6)
        0.106375
    """
    check_counts("variances", variance)
    check_positive("number of units", units)
    check_positive("rho", rho)
    check_share("chance of error", alpha)
    n = np.asarray(units, dtype=np.float64)
    grown = n * rho * rho + 1.0
    surprise = (
        np.log(np.sqrt(grown) / alpha) if sides == 2 else np.log1p(np.sqrt(grown) / (2.0 * alpha))
    )
    return np.asarray(np.sqrt(variance * 2.0 * grown / (n * rho) ** 2 * surprise))


def asymptotic_sequence(
    contrast: Contrast,
    rho: float,
    *,
    confidence: float = CONFIDENCE,
    side: Side = "both",
    events_min: int = EVENTS_MIN,
) -> Estimate:
    """A contrast with an interval that holds the true one at every look, once there are events.

    `half_width` of n SE^2, n the units of both arms. It rests on the central limit, so with few
    events it says nothing at all: at a split of 95:5, before the candidate's first failure, its
    variance would be 0 and the candidate better in 54 % of cases where nothing differs. With 20
    events in each arm that falls to 1.3 %. For failures use `failure_evidence`, which needs none.

    Args:
        contrast: see `difference` and `lift`.
        rho: see `tuned_rho`, with the same number of sides.
        confidence: between 0 and 1.
        side: `above` for a lower end alone, `below` for an upper one.
        events_min: of each arm, below which both ends are infinite.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> known = Contrast(0.0052, 0.0031, 19_991.0, 20_000, 480)
        >>> one = asymptotic_sequence(known, tuned_rho(20_000))
        >>> round(one.low, 4), round(one.high, 4)
        (-0.0042, 0.0146)
    """
    check_share("confidence", confidence)
    if contrast.events < events_min or contrast.standard_error == 0.0:
        return Estimate(contrast.value, -inf, inf)
    variance = contrast.units * contrast.standard_error**2
    sides, alpha = (2 if side == "both" else 1), 1.0 - confidence
    half = float(half_width(variance, contrast.units, rho, alpha=alpha, sides=sides))
    low = -inf if side == "below" else contrast.value - half
    high = inf if side == "above" else contrast.value + half
    return Estimate(contrast.value, low, high)


def log_normal_mixture(
    apart: Any, variance: Any, prior_variance: Any, *, side: Side = "both"
) -> Numbers:
    """Log e-value against "the true difference is zero", of a normal one: the mixture SPRT.

    1/2 ln(V / (V + t)) + t d^2 / (2 V (V + t)) for both sides, where t is the variance of the
    alternatives around zero; cut to one side it gains ln 2 + ln Phi(d sqrt(t / (V (V + t)))). Its
    p-value at any look is the least of exp(-log e) so far. With t = rho^2 n V it is the same as
    the two-sided `asymptotic_sequence`. Robbins (1970), "Statistical methods related to the law
    of the iterated logarithm"; Johari, Pekelis and Walsh (2017), "Always valid inference",
    arXiv 1512.04922.

    Args:
        apart: the difference d so far, of any shape.
        variance: V of that difference, above 0.
        prior_variance: t, above 0, in the difference's unit squared.
        side: on which the alternatives lie.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> round(float(np.exp(log_normal_mixture(0.0052, 9.606576e-06, 0.005**2))), 6)
        1.456293
    """
    from scipy.special import log_ndtr

    check_positive("variance", variance)
    check_positive("variance of the alternatives", prior_variance)
    d, v, t = (np.asarray(value, np.float64) for value in (apart, variance, prior_variance))
    square = t / (v + t) / v
    both = -0.5 * np.log1p(t / v) + 0.5 * square * d * d
    if side == "both":
        return np.asarray(both)
    towards = d if side == "above" else -d
    return np.asarray(both + log(2.0) + log_ndtr(towards * np.sqrt(square)))


def sequence_p_value(contrast: Contrast, rho: float, *, events_min: int = EVENTS_MIN) -> float:
    """The p-value at this look that belongs to the two-sided `asymptotic_sequence`.

    It is below alpha where the interval of confidence 1 - alpha leaves out 0. The least so far is
    valid at any look.

    Raises:
        ConfigError: rho is not above 0.

    Example:
        >>> round(sequence_p_value(Contrast(0.0052, 0.0031, 19_991.0, 20_000, 480), 0.02), 2)
        0.86
    """
    check_positive("rho", rho)
    variance = contrast.standard_error**2
    if contrast.events < events_min or variance == 0.0:
        return 1.0
    prior = rho * rho * contrast.units * variance
    return float(np.exp(min(0.0, -float(log_normal_mixture(contrast.value, variance, prior)))))
