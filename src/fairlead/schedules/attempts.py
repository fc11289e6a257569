"""Attempts that this process has started beside its loop, each under a lease while it lives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from fairlead.clock import Clock
from fairlead.ids import IdSource
from fairlead.store import Store

LEASE_US = 15_000_000
"""Until an attempt may be gone on with elsewhere whose process is not heard of any more."""
TELL_S = 2.0
"""Between two notes of how far an attempt is."""

Word = TypeVar("Word")
Told = TypeVar("Told", covariant=True)


class Process(Protocol[Told]):
    """One attempt, in a process of its own."""

    def look(self) -> Told | None:
        """What it told last, or that it died; None while it has told nothing. Never waits."""
        ...

    def lines(self) -> list[str]:
        """What it has written to standard error since this was asked last. Never waits."""
        ...

    def close(self) -> None:
        """End it, whatever it does: what it has committed stays."""
        ...


@dataclass(slots=True)
class Attempt(Generic[Word]):
    """One that this process has started.

    Args:
        process: it.
        lease: that it holds.
        holder: its name for that.
        begun_s: when, by the clock that is never set.
        told_s: when it was put on record last how far it is.
        said: lines of its process that are not on record yet.
    """

    process: Process[Word]
    lease: str
    holder: str
    begun_s: float
    told_s: float = float("-inf")
    said: list[str] = field(default_factory=list)


class Attempts(Generic[Word]):
    """Those under way, by the place that they are of, at most so many at once.

    Args:
        store: of the leases.
        clock: for these and for how long an attempt takes.
        at_once: that may be under way.
    """

    def __init__(self, store: Store, clock: Clock, at_once: int) -> None:
        self._store = store
        self._clock = clock
        self._ids = IdSource(clock)
        self._at_once = at_once
        self._going: dict[str, Attempt[Word]] = {}

    @property
    def is_full(self) -> bool:
        """Whether no further one may be started now."""
        return len(self._going) >= self._at_once

    def places(self) -> list[str]:
        """Where one is under way."""
        return list(self._going)

    def find(self, place: str) -> Attempt[Word] | None:
        """The one of a place."""
        return self._going.get(place)

    @contextmanager
    def claim(self, place: str, lease: str) -> Iterator[str | None]:
        """Hold the lease under which an attempt may be started; given back if none was.

        Yields:
            Who holds it; None if somebody else does, whose process lives.
        """
        holder = self._ids.one()
        if not self._store.acquire(lease, holder, self._clock.now_us(), LEASE_US):
            yield None
            return
        try:
            yield holder
        finally:
            if place not in self._going:
                self._store.release(lease, holder)

    def begin(self, place: str, process: Process[Word], lease: str, holder: str) -> None:
        """Take a process that was started under a claim."""
        self._going[place] = Attempt(process, lease, holder, self._clock.monotonic_s())

    def taken_s(self, place: str) -> float:
        """For how long the one of a place is under way, in seconds."""
        return self._clock.monotonic_s() - self._going[place].begun_s

    def is_to_tell(self, place: str) -> bool:
        """Whether it is time to put on record again how far one is."""
        attempt, now_s = self._going[place], self._clock.monotonic_s()
        if now_s - attempt.told_s < TELL_S:
            return False
        attempt.told_s = now_s
        return True

    def end(self, place: str) -> None:
        """End the process of a place, if there is one, and give its lease back."""
        attempt = self._going.pop(place, None)
        if attempt is not None:
            attempt.process.close()
            self._store.release(attempt.lease, attempt.holder)
