"""Estimates with confidence intervals that have a closed form."""

from __future__ import annotations

from math import sqrt

import msgspec

from fairlead.errors import ConfigError

CONFIDENCE = 0.95


class Estimate(msgspec.Struct, frozen=True):
    """A value and the interval that holds the true one with some confidence.

    Args:
        value: as measured.
        low: lower end of the interval, at most `value`.
        high: upper end, at least `value`.
    """

    value: float
    low: float
    high: float


def wilson(hits: float, rows: float, *, confidence: float = CONFIDENCE) -> Estimate:
    """A share with Wilson's score interval.

    The shares p for which |hits / rows - p| <= z sqrt(p (1 - p) / rows): it stays in 0..1 and has
    a width even where all or none are hits. Wilson (1927), "Probable inference, the law of
    succession, and statistical inference".

    Args:
        hits: how many rows have it; fractions are fine, as of dependent rows.
        rows: how many there are, at least one.
        confidence: between 0 and 1.

    Raises:
        ConfigError: hits are not in 0..rows, or there are no rows.

    Example:
        >>> one = wilson(9, 10)
        >>> round(one.low, 3), one.value, round(one.high, 3)
        (0.596, 0.9, 0.982)
    """
    if not 0 <= hits <= rows or rows < 1:
        raise ConfigError(
            f"{hits} of {rows} rows is no share.", hint="Give 0 <= hits <= rows, with a row."
        )
    z = normal_quantile(confidence)
    share = hits / rows
    centre = (hits + z * z / 2.0) / (rows + z * z)
    half = z / (rows + z * z) * sqrt(hits * (1.0 - share) + z * z / 4.0)
    # The ends are exact at 0 and 1, where the formula leaves rounding.
    low = 0.0 if hits == 0 else min(max(centre - half, 0.0), share)
    high = 1.0 if hits == rows else max(min(centre + half, 1.0), share)
    return Estimate(share, low, high)


def share_difference(
    gained: int, lost: int, rows: int, *, confidence: float = CONFIDENCE
) -> Estimate:
    """Difference of two shares of the same rows, with the interval of Bonett and Price.

    Each discordant count gets one row more, then Wald's interval: p = (count + 1) / (rows + 2),
    (p_g - p_l) -+ z sqrt((p_g + p_l - (p_g - p_l)^2) / (rows + 2)). Few discordant rows make a
    bootstrap too sure; this is not. Bonett and Price (2012), "Adjusted Wald confidence interval
    for a difference of binomial proportions based on paired data".

    Args:
        gained: rows that only the first has.
        lost: rows that only the second has.
        rows: how many there are, at least one.
        confidence: between 0 and 1.

    Raises:
        ConfigError: the counts are negative or add up to more than the rows.

    Example:
        >>> one = share_difference(5, 0, 1000)
        >>> one.value, one.low < 0 < one.high
        (0.005, True)
    """
    if min(gained, lost) < 0 or gained + lost > rows or rows < 1:
        raise ConfigError(
            f"{gained} rows gained and {lost} lost of {rows} is no difference of shares.",
            hint="Give counts of zero or more that add up to at most the rows.",
        )
    z = normal_quantile(confidence)
    first, second = (gained + 1) / (rows + 2), (lost + 1) / (rows + 2)
    half = z * sqrt((first + second - (first - second) ** 2) / (rows + 2))
    centre = first - second
    value = (gained - lost) / rows
    low, high = max(centre - half, -1.0), min(centre + half, 1.0)
    return Estimate(value, min(low, value), max(high, value))


def normal_quantile(confidence: float) -> float:
    """How many standard deviations each side of the mean hold a share of a normal distribution.

    Raises:
        ConfigError: the confidence is not between 0 and 1.

    Example:
        >>> round(normal_quantile(0.95), 2)
        1.96
    """
    from scipy.special import ndtri

    return float(ndtri(_upper(confidence)))


def expanded_tail(rows: int, confidence: float) -> float:
    """The share to leave out on each side of resampled values: Phi(-sqrt(n / (n - 1)) t).

    t is Student's quantile of n - 1 degrees. Resampling n rows gives values that lie too close
    by sqrt((n - 1) / n), and quantiles of a normal distribution where t's are due; this makes
    up for both. Hesterberg (2015), "What teachers should know about the bootstrap", section 3.4.

    Args:
        rows: how many there are, at least two.
        confidence: between 0 and 1.

    Raises:
        ConfigError: the confidence is not between 0 and 1.

    Example:
        >>> round(expanded_tail(10, 0.95), 4), round(expanded_tail(10_000, 0.95), 4)
        (0.0086, 0.025)
    """
    from scipy.special import ndtr, stdtrit

    return float(ndtr(-sqrt(rows / (rows - 1)) * stdtrit(rows - 1, _upper(confidence))))


def _upper(confidence: float) -> float:
    if not 0.0 < confidence < 1.0:
        raise ConfigError(
            f"A confidence of {confidence} is none.", hint="Give one between 0 and 1, as 0.95."
        )
    return (1.0 + confidence) / 2.0
