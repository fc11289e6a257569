"""Whether a share has risen over that of a reference."""

from __future__ import annotations

from math import hypot

from fairlead.stats.intervals import CONFIDENCE, Estimate, wilson


def share_rise(
    hits: float,
    rows: float,
    reference_hits: float,
    reference_rows: float,
    *,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Difference of the shares of two samples, with Newcombe's interval.

    p - q, with ends at the root of the squared distances to the ends of the two Wilson intervals.
    Newcombe (1998), "Interval estimation for the difference between independent proportions",
    method 10.

    Args:
        hits: rows that have it.
        rows: how many there are, at least one.
        reference_hits: the same of the reference.
        reference_rows: at least one.
        confidence: between 0 and 1.

    Raises:
        ConfigError: hits are not in 0..rows, or there are no rows.

    Example:
        >>> one = share_rise(56, 70, 48, 80)
        >>> round(one.low, 4), round(one.value, 4), round(one.high, 4)
        (0.0524, 0.2, 0.3339)
    """
    ours = wilson(hits, rows, confidence=confidence)
    theirs = wilson(reference_hits, reference_rows, confidence=confidence)
    apart = ours.value - theirs.value
    low = apart - hypot(ours.value - ours.low, theirs.high - theirs.value)
    high = apart + hypot(ours.high - ours.value, theirs.value - theirs.low)
    return Estimate(apart, min(low, apart), max(high, apart))


def rise_p_value(hits: float, rows: float, reference_hits: float, reference_rows: float) -> float:
    """Chance of at least so many of all hits in the later rows, were they as frequent there.

    Binomial tail P(X >= hits), X of hits + reference_hits trials with chance rows / (rows +
    reference_rows): exact for rare events, on the safe side for others. Przyborowski and
    Wilenski (1940), "Homogeneity of results in testing samples from Poisson series".

    Args:
        hits: rows that have it; fractions are fine, as of dependent rows.
        rows: how many there are.
        reference_hits: the same of the reference. For what lies beyond the reference's own range
            count one more; the test is then exact for any distribution.
        reference_rows: how many there are.

    Example:
        >>> round(rise_p_value(5, 1000, 2, 9000), 6)
        0.000177
    """
    from scipy.special import betainc

    if hits <= 0 or rows <= 0 or reference_rows <= 0:
        return 1.0
    return float(betainc(hits, reference_hits + 1.0, rows / (rows + reference_rows)))
