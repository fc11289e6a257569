"""Proven worse, proven no worse, or not yet known."""

from __future__ import annotations

from math import inf, log
from typing import Literal

import msgspec

from fairlead.stats.beta_mixture import ALPHA
from fairlead.stats.contrast import Contrast
from fairlead.stats.domain import check_counts, check_share
from fairlead.stats.intervals import Estimate

Finding = Literal["worse", "no_worse", "unknown"]

UNITS_MAX = 1e12


class Verdict(msgspec.Struct, frozen=True):
    """What the evidence says of a guard now.

    Args:
        finding: whether harm beyond the margin is proven, or none, or neither.
        log_worse: log e-value against "no worse than the margin allows", where there is one.
        log_no_worse: log e-value against "worse than the margin allows".
        needed: how many more units, about, until one of the two is proven; 0 if one is, None where
            nobody knows.
    """

    finding: Finding
    log_worse: float | None = None
    log_no_worse: float | None = None
    needed: float | None = None


def judge(
    log_worse: float,
    log_no_worse: float,
    *,
    alpha: float = ALPHA,
    needed: float | None = None,
) -> Verdict:
    """A verdict from two e-values, one against each null.

    Each of them is false with a chance of at most alpha, however often it is looked at. Harm comes
    first, should both be proven. Several guards that all must pass need no correction of alpha for
    "no worse" (intersection-union); for "worse", which any of k can cause, use alpha / k.

    Args:
        log_worse: natural log, against "no worse than the margin allows".
        log_no_worse: natural log, against "worse than the margin allows".
        alpha: chance of each of the two errors, between 0 and 1.
        needed: units until one is proven, about; see `failures_needed`.

    Raises:
        ConfigError: alpha is not between 0 and 1.

    Example:
        >>> judge(3.5, -8.0).finding, judge(0.1, 0.2).finding, judge(-9.0, 3.0).finding
        ('worse', 'unknown', 'no_worse')
    """
    check_share("chance of error", alpha)
    enough = log(1.0 / alpha)
    if log_worse >= enough:
        return Verdict("worse", log_worse, log_no_worse, 0.0)
    if log_no_worse >= enough:
        return Verdict("no_worse", log_worse, log_no_worse, 0.0)
    return Verdict("unknown", log_worse, log_no_worse, needed)


def judge_interval(
    interval: Estimate, margin: float, *, more_is_worse: bool, needed: float | None = None
) -> Verdict:
    """A verdict from an interval: worse if all of it is, no worse if none of it is.

    Args:
        interval: of the candidate less the control, or of their relative difference; a confidence
            sequence if it is looked at more than once. Each error has half its chance.
        margin: how much worse is still fine, zero or more, in the interval's unit.
        more_is_worse: as for errors; otherwise less is, as for clicks.
        needed: units until one is proven, about; see `units_needed`.

    Raises:
        ConfigError: the margin is below 0.

    Example:
        >>> judge_interval(Estimate(0.02, 0.011, 0.03), 0.01, more_is_worse=True).finding
        'worse'
        >>> judge_interval(Estimate(0.02, 0.011, 0.03), 0.01, more_is_worse=False).finding
        'no_worse'
    """
    check_counts("margins", margin)
    low, high = (interval.low, interval.high) if more_is_worse else (-interval.high, -interval.low)
    if low > margin:
        return Verdict("worse", needed=0.0)
    if high < margin:
        return Verdict("no_worse", needed=0.0)
    return Verdict("unknown", needed=needed)


def units_needed(
    contrast: Contrast, interval: Estimate, margin: float, *, more_is_worse: bool
) -> float | None:
    """How many more units, about, until an interval leaves out the margin.

    (n + more) = n (half width / distance to the margin)^2, should the value stay as it is.

    Args:
        contrast: as measured.
        interval: its confidence sequence.
        margin: as for `judge_interval`.
        more_is_worse: as for `judge_interval`.

    Returns:
        0 where it does so already; None where the interval is infinite, or the value lies at the
        margin.

    Example:
        >>> one = Contrast(0.0, 0.01, 998.0, 1000, 100)
        >>> round(units_needed(one, Estimate(0.0, -0.03, 0.03), 0.01, more_is_worse=True))
        8000
    """
    border = margin if more_is_worse else -margin
    apart = abs(contrast.value - border)
    half = (
        interval.value - interval.low
        if contrast.value > border
        else (interval.high - interval.value)
    )
    if apart == 0.0 or half == inf or contrast.units * (half / apart) > UNITS_MAX:
        return None
    more = contrast.units * max((half / apart) ** 2 - 1.0, 0.0)
    return more if more < UNITS_MAX else None
