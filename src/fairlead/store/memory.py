"""A store that lives as long as its process, for tests and trials."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from fairlead.errors import ConflictError
from fairlead.records import Kind
from fairlead.store.types import ABSENT, Delete, Event, Put, Stored

T = TypeVar("T", bound=msgspec.Struct)


class MemoryStore:
    """Records in a dictionary, behind one lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[str, tuple[int, bytes]] = {}
        self._events: list[Event] = []
        self._leases: dict[str, tuple[str, int]] = {}
        self._revision = 0

    def get(self, kind: Kind[T], key: str) -> Stored[T] | None:
        """Read one record."""
        with self._lock:
            found = self._records.get(key)
        return found and Stored(key, kind.decode(found[1]), found[0])

    def scan(self, kind: Kind[T], prefix: str = "", *, after: int = 0) -> list[Stored[T]]:
        """Read the records of a kind under a prefix, by key."""
        start = kind.key(prefix)
        with self._lock:
            found = sorted(
                (key, *record)
                for key, record in self._records.items()
                if key.startswith(start) and record[0] > after
            )
        return [Stored(key, kind.decode(raw), revision) for key, revision, raw in found]

    def last(
        self, kind: Kind[T], prefix: str = "", *, limit: int, skip: int = 0
    ) -> list[Stored[T]]:
        """Read the last records of a kind under a prefix, the last one first."""
        return self.scan(kind, prefix)[::-1][skip : skip + limit]

    def count(self, kind: Kind[Any], prefix: str = "") -> int:
        """How many records a kind has under a prefix."""
        start = kind.key(prefix)
        with self._lock:
            return sum(key.startswith(start) for key in self._records)

    def commit(self, *changes: Put[Any] | Delete, events: Sequence[Event] = ()) -> int:
        """Make changes together, or none of them."""
        with self._lock:
            records = dict(self._records)  # what fails half-way leaves the original alone
            revision = self._revision + 1
            for change in changes:
                held = records.get(change.key, (ABSENT, b""))[0]
                if change.expect is not None and held != change.expect:
                    raise ConflictError(f"The record '{change.key}' was changed by someone else.")
                if isinstance(change, Delete):
                    records.pop(change.key, None)
                else:
                    records[change.key] = (revision, change.kind.encode(change.value))
            self._records, self._revision = records, revision
            for event in events:
                sequence = len(self._events) + 1
                self._events.append(msgspec.structs.replace(event, sequence=sequence))
            return revision

    def revision(self) -> int:
        """The revision of the last commit."""
        return self._revision

    def events(self, after: int = 0, subject: str = "", limit: int = 1000) -> list[Event]:
        """The audit after a sequence number."""
        with self._lock:
            found = [e for e in self._events[after:] if e.subject.startswith(subject)]
        return found[:limit]

    def recent(self, before: int = 0, subject: str = "", limit: int = 100) -> list[Event]:
        """The audit before a sequence number, newest first."""
        with self._lock:
            older = self._events[: before - 1] if before else list(self._events)
        return [e for e in reversed(older) if e.subject.startswith(subject)][:limit]

    def acquire(self, lease: str, holder: str, now_us: int, ttl_us: int) -> bool:
        """Take or renew a lease."""
        with self._lock:
            current, until_us = self._leases.get(lease, (holder, 0))
            if current != holder and now_us < until_us <= now_us + 2 * ttl_us:
                return False
            self._leases[lease] = (holder, now_us + ttl_us)
            return True

    def release(self, lease: str, holder: str) -> None:
        """Give a lease back."""
        with self._lock:
            if lease in self._leases and self._leases[lease][0] == holder:
                del self._leases[lease]

    def close(self) -> None:
        """Nothing to let go of."""
