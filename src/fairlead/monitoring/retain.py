"""For how long is kept what monitoring makes of the log: hours, then days, then nothing."""

from __future__ import annotations

from fairlead.monitoring.recall import DAY_US, WEEK_US

HOURS_US = 8 * WEEK_US
"""For which windows, findings and statements are kept as they were made."""
DAYS_US = 400 * DAY_US
"""For which a day is kept: a year, and what it takes to compare a month with that of last year."""
AHEAD_US = DAY_US
"""How far a row's time may lie ahead of the controller's clock; beyond it some clock is wrong."""


def day_of(time_us: int) -> int:
    """The start of the UTC day that a moment belongs to.

    Example:
        >>> day_of(DAY_US + 5) == DAY_US
        True
    """
    return time_us // DAY_US * DAY_US


def first_hour(now_us: int) -> int:
    """The start of the first day whose hours are kept; those of days before it are days alone."""
    return day_of(now_us - HOURS_US)


def first_day(now_us: int) -> int:
    """The start of the first day of which anything is kept."""
    return day_of(now_us - DAYS_US)
