"""How many rows an endpoint has, window by window, beside what is usual at such an hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import expm1, log1p, sqrt

import msgspec
import numpy as np
from msgspec.structs import replace

from fairlead.monitoring.recall import DAY_US, WEEK_US
from fairlead.monitoring.retain import AHEAD_US
from fairlead.monitoring.types import Repetition, Volume
from fairlead.records import Kind
from fairlead.stats import Estimate

STABLE, SHADOW = "stable", "shadow"
"""The role whose findings tell of the endpoint's traffic, and the one that has no part in it."""
PAST_MIN = 8
"""Earlier windows below which nothing is usual yet; of days, they hold a weekend."""
PAST_DAYS, PAST_WEEKS = 28, 8
LENGTH_MIN_US = 60_000_000
"""Of windows that are counted; shorter ones are for trying things out, and would be too many."""
LOG_MAX = 700.0
"""The logarithm of the largest number there is, nearly."""
KEPT_US = 9 * WEEK_US


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of an endpoint in each window of the last nine weeks, whichever version answered.

    Args:
        endpoint: that is asked.
        length_us: of a window.
        since_us: start of the first window it had rows in.
        rows: by start of the window; a window without rows is not here.
        stopped: starts of windows that had none where some were due: they are not usual.
        repeated: by start of the window, how many rows of it repeated each other, where no more
            did than is usual.
        inputs: fields of which those rows were alike.
    """

    endpoint: str
    length_us: int
    since_us: int
    rows: dict[int, int] = {}
    stopped: tuple[int, ...] = ()
    repeated: dict[int, Repetition] = {}
    inputs: tuple[str, ...] = ()


TRAFFIC = Kind("traffic", Traffic)


def count(
    before: Traffic | None, endpoint: str, length_us: int, rows: Mapping[int, int], now_us: int
) -> Traffic | None:
    """Add rows to an endpoint's windows, and forget those of long ago.

    Rows of nine weeks ago, or of tomorrow, are some machine's wrong clock: they are not counted.

    Args:
        before: what is known of it.
        endpoint: its name.
        length_us: of a window, a minute at least; where it was another one before, all begins anew.
        rows: by start of the window, microseconds since 1970.
        now_us: microseconds since 1970.

    Returns:
        What is known now; None as long as there is nothing to know.

    Example:
        >>> known = count(None, "churn", 3_600_000_000, {0: 5}, 1)
        >>> count(known, "churn", 3_600_000_000, {0: 1, 3_600_000_000: 2}, 2).rows
        {0: 6, 3600000000: 2}
    """
    if length_us < LENGTH_MIN_US:
        return None
    if before is not None and before.length_us != length_us:
        before = None
    low_us, high_us = now_us - KEPT_US, now_us + AHEAD_US
    found = {} if before is None else dict(before.rows)
    for start_us, more in rows.items():
        found[start_us] = found.get(start_us, 0) + more
    kept = {start: n for start, n in sorted(found.items()) if low_us <= start < high_us}
    if before is None:
        first_us = min(kept, default=None)
        return None if first_us is None else Traffic(
            endpoint=endpoint, length_us=length_us, since_us=first_us, rows=kept
        )  # fmt: skip
    return replace(
        before,
        since_us=min(before.since_us, *kept) if kept else before.since_us,
        rows=kept,
        stopped=tuple(start for start in before.stopped if start >= low_us),
        repeated={start: one for start, one in before.repeated.items() if start >= low_us},
    )


def usual(traffic: Traffic, start_us: int) -> list[int]:
    """Rows in earlier windows like one: at the same hour of past days.

    Of an endpoint that is asked on some days and not on others, at the same hour of past weeks,
    once there are eight of them. Hours without rows count as such, since the first one with any;
    those in which traffic had stopped do not count.

    Args:
        traffic: of the endpoint.
        start_us: of the window, microseconds since 1970.
    """
    days = _back(traffic, start_us, DAY_US, PAST_DAYS)
    if any(days) and not all(days):
        weeks = _back(traffic, start_us, WEEK_US, PAST_WEEKS)
        if len(weeks) >= PAST_MIN:
            return weeks
    return days


def repeat(traffic: Traffic, start_us: int, inputs: tuple[str, ...], found: Repetition) -> Traffic:
    """Add how many rows of a window repeated each other; with other fields all begins anew."""
    known = traffic.repeated if traffic.inputs == inputs else {}
    return replace(traffic, repeated=known | {start_us: found}, inputs=inputs)


def usual_repeats(traffic: Traffic, start_us: int, inputs: tuple[str, ...]) -> list[Repetition]:
    """How many rows repeated each other at the same hour of past days, newest first."""
    if traffic.inputs != inputs:
        return []
    starts = (start_us - back * DAY_US for back in range(1, PAST_DAYS + 1))
    return [traffic.repeated[start] for start in starts if start in traffic.repeated]


def volume(rows: int, past: Sequence[int], alpha: float) -> Volume | None:
    """Compare a window's rows with those of earlier windows like it, as of the same hour.

    Student's prediction interval of ln(1 + rows), whose deviation is at least that of counts of
    independent events, 1 / sqrt(mean). Where counts are small their logarithms are far from
    normal: the interval is at least that of a negative binomial distribution with the mean and
    variance of the past, or of Poisson's where these vary no more than that.

    Args:
        rows: of the window.
        past: rows of earlier windows.
        alpha: chance of an alert where nothing changed.

    Returns:
        None with fewer than eight earlier windows.

    Example:
        >>> quiet = volume(10, [100, 110, 95, 105, 90, 100, 98, 102], 0.01)
        >>> quiet.broken, 50 < quiet.expected.low < 95
        (True, True)
        >>> volume(0, [5, 4, 6, 3, 5, 7, 5, 4, 6, 5], 0.001).broken
        False
    """
    from scipy.special import stdtr, stdtrit

    if len(past) < PAST_MIN:
        return None
    logs = np.log1p(np.array(past, dtype=np.float64))
    mean, windows = float(logs.mean()), len(past)
    least = 1.0 / sqrt(max(float(np.mean(past)), 1.0))
    doubt = max(float(logs.std(ddof=1)), least) * sqrt(1.0 + 1.0 / windows)
    half = float(stdtrit(windows - 1, 1.0 - alpha / 2.0)) * doubt
    by_logs = 2.0 * float(stdtr(windows - 1, -abs(log1p(rows) - mean) / doubt))
    by_counts, low, high = _of_counts(rows, past, alpha)
    p_value = max(by_logs, by_counts)
    expected = Estimate(
        expm1(mean),
        min(max(0.0, expm1(mean - half)), low),
        max(expm1(min(mean + half, LOG_MAX)), high),
    )
    return Volume(rows=rows, expected=expected, p_value=p_value, broken=p_value <= alpha)


def _back(traffic: Traffic, start_us: int, period_us: int, most: int) -> list[int]:
    """Rows of the windows that began whole periods earlier, newest first."""
    starts = (start_us - back * period_us for back in range(1, most + 1))
    return [
        traffic.rows.get(start, 0)
        for start in starts
        if start >= traffic.since_us and (start in traffic.rows or start not in traffic.stopped)
    ]


def _of_counts(rows: int, past: Sequence[int], alpha: float) -> tuple[float, float, float]:
    """Two-sided p-value of a count, and the ends of the interval of counts."""
    from scipy.special import betainc, nbdtrik, pdtr, pdtrc, pdtrik

    # Of a mean of few windows something is unknown: as if one more event had been seen.
    mean = float(np.mean(past)) + 1.0 / len(past)
    variance = float(np.var(past, ddof=1)) * (1.0 + 1.0 / len(past))
    if variance <= mean:
        ends = (pdtrik(alpha / 2.0, mean), pdtrik(1.0 - alpha / 2.0, mean))
        below, above = pdtr(rows, mean), pdtrc(rows - 1, mean) if rows else 1.0
    else:
        size = mean * mean / (variance - mean)
        chance = size / (size + mean)
        ends = tuple(nbdtrik(p, size, chance) for p in (alpha / 2.0, 1.0 - alpha / 2.0))
        below = betainc(size, rows + 1.0, chance)
        above = 1.0 - betainc(size, float(rows), chance) if rows else 1.0
    low, high = (float(np.nan_to_num(end, nan=mean)) for end in ends)
    return float(min(1.0, 2.0 * min(below, above))), max(low, 0.0), high
