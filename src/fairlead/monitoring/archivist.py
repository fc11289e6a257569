"""The shell that makes days of hours that are eight weeks old, and lets go of what is too old."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.monitoring.accounts import ACCOUNTS, STATEMENTS, shorten
from fairlead.monitoring.days import DAYS, add_hours
from fairlead.monitoring.recall import DAY_US, WEEK_US
from fairlead.monitoring.records import (
    FINDINGS,
    WATCHES,
    WINDOWS,
    Stream,
    Watch,
    moment,
    spans,
)
from fairlead.monitoring.retain import DAYS_US, day_of, first_day, first_hour
from fairlead.records import Kind
from fairlead.store import ABSENT, Delete, Put, Store, Stored

LOOK_S = 600.0
"""Between two looks, each of which moves a stream on by a week at most: a clock that is set to the
next century for some minutes costs no more than that."""

T = TypeVar("T", bound=msgspec.Struct)


class Archivist:
    """Keeps what monitoring keeps bounded, however many years it runs.

    The hours of a day become a day: profiles and tallies merge exactly, of findings it is kept
    what they proved. One commit puts the day, deletes its hours, shortens their statements and
    notes how far this has come, so that each row is in an hour or in a day, wherever the process
    is killed. Days and statements go after 400 days, and what is remembered of a stream when it
    had no rows for so long.

    Args:
        store: of all that monitoring keeps.
        clock: tells how old it is.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._looked_s = float("-inf")

    def tick(self) -> None:
        """Move each stream on, every ten minutes."""
        if self._clock.monotonic_s() - self._looked_s < LOOK_S:
            return
        self._looked_s = self._clock.monotonic_s()
        now_us = self._clock.now_us()
        for stored in self._store.scan(WATCHES):
            watch = stored.value
            if not watch.pending and 0 < watch.until_us < first_day(now_us):
                account = ACCOUNTS.key(watch.stream.place)
                self._store.commit(Delete(stored.key, stored.revision), Delete(account, None))
            else:
                self._move(stored, first_hour(now_us))

    def _move(self, stored: Stored[Watch], until_us: int) -> None:
        """Archive a week at most, in a commit for each day that there is anything of."""
        watch, revision = stored.value, stored.revision
        first_us = watch.archived_us or until_us - WEEK_US
        waiting_us = day_of(min(watch.pending, default=until_us))
        for start_us in range(first_us, min(until_us, waiting_us, first_us + WEEK_US), DAY_US):
            watch = replace(watch, archived_us=start_us + DAY_US)
            changes = [
                *self._rolled(watch.stream, start_us),
                *self._outdated(watch.stream, start_us - DAYS_US),
            ]
            revision = self._store.commit(Put(WATCHES, stored.key, watch, revision), *changes)

    def _rolled(self, stream: Stream, start_us: int) -> list[Put[Any] | Delete]:
        """A day in place of its hours."""
        windows = self._read(WINDOWS, stream, start_us)
        findings = self._read(FINDINGS, stream, start_us)
        statements = self._read(STATEMENTS, stream, start_us)
        key = DAYS.key(stream.place, moment(start_us))
        stored = self._store.get(DAYS, key)
        before = None if stored is None else stored.value
        day = add_hours(
            before,
            stream,
            start_us,
            [each.value for each in windows],
            [each.value for each in findings],
            [each.value for each in statements],
        )
        changes: list[Put[Any] | Delete] = [
            *(Delete(each.key, each.revision) for each in windows),
            *(Delete(each.key, each.revision) for each in findings),
        ]
        changes += [Put(STATEMENTS, s.key, shorten(s.value), s.revision) for s in statements]
        if day is not None and day != before:
            changes.append(Put(DAYS, key, day, ABSENT if stored is None else stored.revision))
        return changes

    def _outdated(self, stream: Stream, start_us: int) -> list[Delete]:
        """What is left of a day of long ago."""
        if start_us < 0:
            return []
        statements = self._read(STATEMENTS, stream, start_us)
        day = Delete(DAYS.key(stream.place, moment(start_us)), None)
        return [day, *(Delete(each.key, each.revision) for each in statements)]

    def _read(self, kind: Kind[T], stream: Stream, start_us: int) -> list[Stored[T]]:
        """Records of the windows of a day."""
        return [
            stored
            for digits in spans(start_us, start_us + DAY_US - 1)
            for stored in self._store.scan(kind, f"{stream.place}/{digits}")
            if start_us <= int(stored.key.rpartition("/")[2]) < start_us + DAY_US
        ]
