"""Time as a value: one port, a clock of the system and a clock that tests turn by hand.

Times of records are whole microseconds since 1970 in UTC (`_us`); durations that nobody may
set back are read from a monotonic clock, in seconds (`_s`).
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where every shell gets its time from."""

    def now_us(self) -> int:
        """Microseconds since 1970, UTC; may jump when the machine's clock is set."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since some moment; never runs backwards."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """Seconds since some moment; never runs backwards."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is told otherwise.

    Args:
        now_us: the time it starts at, in microseconds since 1970.

    Example:
        >>> clock = ManualClock(now_us=1_000_000)
        >>> clock.advance(2.5)
        >>> clock.now_us(), clock.monotonic_s()
        (3500000, 2.5)
    """

    def __init__(self, now_us: int = 1_700_000_000_000_000) -> None:
        self._now_us = now_us
        self._monotonic_s = 0.0

    def now_us(self) -> int:
        """Microseconds since 1970, UTC, as set."""
        return self._now_us

    def monotonic_s(self) -> float:
        """Seconds that `advance` has let pass."""
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Let time pass, on both faces of the clock.

        Args:
            seconds: how long, 0 or more.
        """
        assert seconds >= 0
        self._monotonic_s += seconds
        self._now_us += round(seconds * 1e6)

    def set(self, now_us: int) -> None:
        """Set the wall clock, as an administrator would; the monotonic face does not move."""
        self._now_us = now_us
