"""Evidence against a share that holds whenever it is looked at: a mixture of likelihood ratios."""

from __future__ import annotations

from math import log
from typing import Any, Literal

import numpy as np

from fairlead.stats.domain import Numbers, check_counts, check_positive, check_share

Side = Literal["both", "above", "below"]

ALPHA = 0.05
CONCENTRATION_MIN = 1e-3
TAIL_MIN = 1e-250
TERMS_MAX = 100_000


def log_beta_mixture(
    hits: Any, misses: Any, null: Any, *, concentration: float, side: Side = "above"
) -> Numbers:
    """Log e-value against "each trial is a hit with chance at most, at least, or equal to null".

    ln of the integral of (u / p)^c ((1 - u) / (1 - p))^s over u, weighted by the distribution
    Beta(k p, k (1 - p)), cut to u > p for `above` and to u < p for `below`; p is the null, c the
    hits, s the misses, k the concentration. Where the null is true, the chance that the e-value
    ever reaches 1 / alpha is at most alpha, however often it is looked at, and also where the
    chance changes from trial to trial within the null. E-values of separate trials multiply.
    Robbins (1970), "Statistical methods related to the law of the iterated logarithm"; Howard,
    Ramdas, McAuliffe and Sekhon (2021), "Time-uniform, nonparametric, nonasymptotic confidence
    sequences", proposition 7.

    Args:
        hits: counts from 0 on; any shapes that broadcast, as one number for each simulated run.
        misses: the same.
        null: between 0 and 1.
        concentration: above 0: how closely the alternatives lie around the null. See
            `tuned_concentration`.
        side: of the null on which the alternatives lie.

    Returns:
        Natural logs, of the broadcast shape; finite.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> round(float(log_beta_mixture(9, 3, 0.05, concentration=20.0)), 6)
        11.124223
        >>> log_beta_mixture([0, 5], [100, 95], 0.05, concentration=20.0).round(2).tolist()
        [-1.83, -0.79]
    """
    from scipy.special import betaln

    check_counts("hits", hits)
    check_counts("misses", misses)
    check_share("null", null)
    check_positive("concentration", concentration)
    c, s, p = (np.asarray(value, dtype=np.float64) for value in (hits, misses, null))
    if side == "below":
        c, s, p = s, c, 1.0 - p
    a, b = concentration * p, concentration * (1.0 - p)
    ratio = betaln(a + c, b + s) - betaln(a, b) - c * np.log(p) - s * np.log1p(-p)
    if side != "both":
        ratio = ratio + _log_above(a + c, b + s, p) - _log_above(a, b, p)
    return np.asarray(ratio, dtype=np.float64)


def tuned_concentration(rows: float, *, alpha: float = ALPHA, side: Side = "above") -> float:
    """The concentration that makes evidence strongest after about so many trials.

    n / (2 ln(1 / a) + ln(1 + 2 ln(1 / a))) - 1, with a = alpha for two sides and 2 alpha for one;
    it does not depend on the null. Howard et al. (2021), section 3.5. The evidence stays valid at
    any other number of trials; twice or half as many cost little.

    Args:
        rows: trials, above 0.
        alpha: chance of a false finding, below a half.
        side: as for `log_beta_mixture`.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> round(tuned_concentration(1000, side="both"), 2)
        125.01
    """
    check_positive("number of rows", rows)
    chance = alpha if side == "both" else 2.0 * alpha
    check_share("chance of a false finding", chance)
    surprise = 2.0 * log(1.0 / chance)
    return max(rows / (surprise + log(1.0 + surprise)) - 1.0, CONCENTRATION_MIN)


def _log_above(a: Numbers, b: Numbers, x: Numbers) -> Numbers:
    """Log of the chance that a Beta(a, b) is above x, also where that is no double any more."""
    from scipy.special import betaincc

    a, b, x = np.broadcast_arrays(a, b, x)
    chance = np.asarray(betaincc(a, b, x))
    tiny = chance < TAIL_MIN
    logs = np.asarray(np.log(np.where(tiny, 1.0, chance)))  # an array also of one number
    if tiny.any():
        logs[tiny] = _log_tail(b[tiny], a[tiny], 1.0 - x[tiny])
    return logs


def _log_tail(p: Numbers, q: Numbers, y: Numbers) -> Numbers:
    """Log of the incomplete beta I_y(p, q), for y far below p / (p + q).

    y^p (1 - y)^q / (p B(p, q)) times the sum of prod (p + q + k) y / (p + 1 + k), whose terms fall
    at least geometrically there. NIST Digital Library of Mathematical Functions, 8.17.8.
    """
    from scipy.special import betaln

    term, total = np.ones_like(y), np.ones_like(y)
    for place in range(TERMS_MAX):
        term = term * (p + q + place) / (p + 1.0 + place) * y
        total += term
        if np.all(term < 1e-17 * total):
            break
    return np.asarray(p * np.log(y) + q * np.log1p(-y) - np.log(p) - betaln(p, q) + np.log(total))
