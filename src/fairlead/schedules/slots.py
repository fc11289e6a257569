"""The times at which a schedule is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from fairlead.schedules.types import Timing

YEAR_MAX = 9000
"""Beyond it no time of a clock is anything but a fault, and calendars end."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def latest_slot(timing: Timing, now_us: int) -> int | None:
    """The last slot that is not in the future, microseconds since 1970; None if there is none.

    Example:
        >>> latest_slot(Timing(every_us=3_600_000_000), 7_200_000_001)
        7200000000
        >>> latest_slot(Timing(cron="0 3 * * *"), 86_400_000_000) == 3 * 3_600_000_000
        True
    """
    if timing.every_us:
        return now_us // timing.every_us * timing.every_us
    # The search leaves out the time that it begins with.
    return _first(timing, _whole(now_us) + timedelta(seconds=1), reverse=True)


def next_slot(timing: Timing, now_us: int) -> int | None:
    """The first slot that is in the future, microseconds since 1970; None if there is none.

    Example:
        >>> next_slot(Timing(every_us=3_600_000_000), 7_200_000_000)
        10800000000
    """
    if timing.every_us:
        return (now_us // timing.every_us + 1) * timing.every_us
    return _first(timing, _whole(now_us), reverse=False)


def following(timing: Timing, now_us: int, count: int) -> Iterator[int]:
    """At most so many slots that are in the future, in their order."""
    slot_us = next_slot(timing, now_us)
    for _ in range(count):
        if slot_us is None:
            return
        yield slot_us
        slot_us = next_slot(timing, slot_us)


def run_id(slot_us: int) -> str:
    """What the run of a slot is called.

    Example:
        >>> run_id(3 * 3_600_000_000)
        '1970-01-01T030000Z'
    """
    return _whole(slot_us).strftime("%Y-%m-%dT%H%M%SZ")


def date_of(timing: Timing, slot_us: int) -> str:
    """The day of a slot in its time zone.

    Example:
        >>> date_of(Timing(cron="30 0 * * *", timezone="Europe/Berlin"), 23 * 3_600_000_000)
        '1970-01-02'
    """
    return _whole(slot_us).astimezone(ZoneInfo(timing.timezone)).strftime("%Y-%m-%d")


def _first(timing: Timing, start: datetime, *, reverse: bool) -> int | None:
    zone = ZoneInfo(timing.timezone)
    try:
        found = next(CronSim(timing.cron, start.astimezone(zone), reverse=reverse))
    except (CronSimError, StopIteration, OverflowError, ValueError):
        return None
    return round((found.astimezone(UTC) - _EPOCH).total_seconds()) * 1_000_000


def _whole(time_us: int) -> datetime:
    """A time in whole seconds."""
    latest_s = (YEAR_MAX - 1970) * 365 * 86_400
    return _EPOCH + timedelta(seconds=min(max(time_us // 1_000_000, 0), latest_s))
