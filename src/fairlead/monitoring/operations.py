"""How many requests were answered well, over stretches of minutes to days."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from fairlead.records import Kind

FINE_S, COARSE_S = 60, 300
FINE_KEPT_S, KEPT_S = 3600, 3 * 86_400 + 3600
BAD_CODES = frozenset({"unavailable", "storage_failed", "internal"})
"""Of refusals that are the server's fault; a caller's bad request is no failure of ours."""


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """What was counted up to a moment.

    Args:
        time_us: the moment, microseconds since 1970.
        good: requests that were answered.
        total: requests in all.
        p50_s: time within which half of those of the five minutes before were answered; None where
            that is not known.
        p99_s: within which 99 of 100 were.
    """

    time_us: int
    good: int
    total: int
    p50_s: float | None = None
    p99_s: float | None = None


class Readings(msgspec.Struct, frozen=True):
    """An endpoint's readings: each minute of the last hour, every five of three days.

    Args:
        kept: oldest first.
    """

    kept: tuple[Reading, ...] = ()


class Stretch(msgspec.Struct, frozen=True):
    """What was counted in a stretch of time up to now.

    Args:
        window_s: its length in seconds.
        good: requests that were answered.
        total: requests in all.
    """

    window_s: float
    good: int
    total: int


class Pace(msgspec.Struct, frozen=True, array_like=True):
    """How requests came and fared between two readings.

    Args:
        end_us: when the later one was taken, microseconds since 1970.
        rate: requests a second.
        error_ratio: share of them that failed; None without any.
        p50_s: time within which half of those of five minutes were answered; None where that is
            not known.
        p99_s: within which 99 of 100 were.
    """

    end_us: int
    rate: float
    error_ratio: float | None
    p50_s: float | None = None
    p99_s: float | None = None


READINGS = Kind("readings", Readings)


def is_due(readings: Readings, now_us: int) -> bool:
    """Whether a minute has passed since the last reading; or the clock was set back."""
    if not readings.kept:
        return True
    return not 0 <= now_us - readings.kept[-1].time_us < FINE_S * 1_000_000


def follow_up(readings: Readings, new: Reading) -> Readings:
    """The readings with one more, and without those that are too old or too dense.

    Readings from after the new one are of a clock that was wrong; they go. Counts that fell are
    of counters that were lost, and all that was read of those goes.

    Example:
        >>> kept = follow_up(Readings((Reading(0, 5, 5),)), Reading(60_000_000, 8, 9)).kept
        >>> [reading.total for reading in kept]
        [5, 9]
    """
    before = [
        old
        for old in readings.kept
        if old.time_us < new.time_us and old.total <= new.total and old.good <= new.good
    ]
    kept: list[Reading] = []
    for old in before:
        age_s = (new.time_us - old.time_us) / 1e6
        dense = kept and (old.time_us - kept[-1].time_us) / 1e6 < COARSE_S
        if age_s <= KEPT_S and not (age_s > FINE_KEPT_S and dense):
            kept.append(old)
    return Readings((*kept, new))


def paces(readings: Readings, now: Reading | None = None) -> tuple[Pace, ...]:
    """How requests came and fared from reading to reading, oldest first.

    Args:
        readings: of the past.
        now: the newest, which may be of less than a minute after the last: that minute and what
            came since are told together.

    Example:
        >>> past = Readings((Reading(0, 0, 0), Reading(60_000_000, 54, 60)))
        >>> [(pace.rate, pace.error_ratio) for pace in paces(past, Reading(90_000_000, 84, 90))]
        [(1.0, 0.06666666666666667)]
    """
    kept = list(readings.kept)
    if now is not None and kept and now.time_us > kept[-1].time_us:
        short = now.time_us - kept[-1].time_us < FINE_S * 1_000_000 and len(kept) > 1
        kept = [*(kept[:-1] if short else kept), now]
    found = []
    for old, new in pairwise(kept):
        total, good = new.total - old.total, new.good - old.good
        ratio = (total - good) / total if total else None
        rate = total * 1e6 / (new.time_us - old.time_us)
        found.append(Pace(new.time_us, rate, ratio, new.p50_s, new.p99_s))
    return tuple(found)


def stretches(readings: Readings, now: Reading, windows_s: Sequence[float]) -> tuple[Stretch, ...]:
    """What was counted in each of some stretches up to now, as far as readings go back.

    Args:
        readings: of the past.
        now: the newest.
        windows_s: their lengths.

    Example:
        >>> past = Readings((Reading(0, 90, 100), Reading(240_000_000, 95, 110)))
        >>> stretches(past, Reading(300_000_000, 100, 120), [60, 300])
        (Stretch(window_s=60, good=5, total=10), Stretch(window_s=300, good=10, total=20))
    """
    found = []
    for window_s in windows_s:
        since_us = now.time_us - round(window_s * 1e6)
        older = [old for old in readings.kept if old.time_us <= since_us]
        start = older[-1] if older else next(iter(readings.kept), now)
        found.append(Stretch(window_s, now.good - start.good, now.total - start.total))
    return tuple(found)
