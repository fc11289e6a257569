"""A stretch of days that windows are compared with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from fairlead.errors import ConfigError

_DAY = timedelta(days=1)


class Span(msgspec.Struct, frozen=True):
    """Whole days, UTC.

    Args:
        since_us: start of the first, microseconds since 1970.
        until_us: end of the last.
    """

    since_us: int
    until_us: int

    @property
    def name(self) -> str:
        """As it is written in settings."""
        first, last = (_day(us) for us in (self.since_us, self.until_us - 1))
        return f"{first}..{last}"


def read_span(text: str) -> Span | None:
    """Read `2026-10-01..2026-10-07`, both days included; None if it is no such thing.

    Example:
        >>> read_span("2026-10-01..2026-10-07").name
        '2026-10-01..2026-10-07'
        >>> read_span("2026-10-07..2026-10-01") is None
        True
    """
    first, dots, last = text.partition("..")
    try:
        since, until = (
            datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) for day in (first, last)
        )
    except ValueError:
        return None
    if not dots or until < since:
        return None
    return Span(_us(since), _us(until + _DAY))


def reference_of(written: str) -> Literal["training", "day", "week"] | Span:
    """What windows are compared with, as settings say it.

    Raises:
        ConfigError: they say nothing that can be.
    """
    match written:
        case "training" | "day" | "week":
            return written
    span = read_span(written)
    if span is None:
        raise ConfigError(
            f"Windows cannot be compared with the reference '{written}'.",
            hint="Write 'training', 'day', 'week', or days as '2026-10-01..2026-10-07'.",
        )
    return span


def _us(time: datetime) -> int:
    return round(time.timestamp()) * 1_000_000


def _day(time_us: int) -> str:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).date().isoformat()
