"""The ports of this package: Store for records, Blobs for files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from fairlead.records import Kind

T = TypeVar("T", bound=msgspec.Struct)

ABSENT = 0


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A record as it was read.

    Args:
        key: its full key, e.g. `release/churn/7`.
        value: the record.
        revision: of the store when it was last written; never 0.
    """

    key: str
    value: T
    revision: int


@dataclass(frozen=True, slots=True)
class Put(Generic[T]):
    """Write one record.

    Args:
        kind: of the record.
        key: its full key.
        value: the new record.
        expect: the revision it must still have; `ABSENT` if it must not exist; None to write
            whatever is there.
    """

    kind: Kind[T]
    key: str
    value: T
    expect: int | None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove one record.

    Args:
        key: its full key.
        expect: the revision it must still have; None to remove whatever is there.
    """

    key: str
    expect: int | None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit: who did what to what, when and why. Events are only appended.

    Args:
        time_us: microseconds since 1970.
        actor: `cli`, `controller`, a user or a key's name.
        action: `deploy`, `rollback`, `alias`.
        subject: the key of what it was done to.
        detail: what a reader needs to understand it: reasons and numbers.
        sequence: its place in the audit, given by the store.
    """

    time_us: int
    actor: str
    action: str
    subject: str
    detail: dict[str, str | int | float | bool | None] = {}
    sequence: int = 0


class Store(Protocol):
    """Records under ordered string keys, with revisions; one commit is all or nothing.

    Safe to use from several threads and processes at once.
    """

    def get(self, kind: Kind[T], key: str) -> Stored[T] | None:
        """Read one record, or None if there is none under this key."""
        ...

    def scan(self, kind: Kind[T], prefix: str = "", *, after: int = 0) -> list[Stored[T]]:
        """Read all records of a kind whose key starts with `<kind.prefix>/<prefix>`, by key.

        Args:
            kind: of the records.
            prefix: of their keys, after that of the kind.
            after: only those that were written after this revision; what was removed since is
                not told.
        """
        ...

    def last(
        self, kind: Kind[T], prefix: str = "", *, limit: int, skip: int = 0
    ) -> list[Stored[T]]:
        """Read of what `scan` would read the last records, the last one first.

        Args:
            kind: of the records.
            prefix: of their keys, after that of the kind.
            limit: how many at most.
            skip: how many to leave out before these.
        """
        ...

    def count(self, kind: Kind[Any], prefix: str = "") -> int:
        """How many records `scan` would read, without reading them."""
        ...

    def commit(self, *changes: Put[Any] | Delete, events: Sequence[Event] = ()) -> int:
        """Make changes together, if every expectation still holds.

        Returns:
            The store's new revision, which every record written now carries.

        Raises:
            ConflictError: a record is not at the revision that was expected; nothing was done.
            StorageError: the store cannot be written.
        """
        ...

    def revision(self) -> int:
        """The revision of the last commit; 0 before the first. Cheap enough for ten a second."""
        ...

    def events(self, after: int = 0, subject: str = "", limit: int = 1000) -> list[Event]:
        """The audit after a sequence number, oldest first, of subjects with a prefix."""
        ...

    def recent(self, before: int = 0, subject: str = "", limit: int = 100) -> list[Event]:
        """The audit before a sequence number, newest first, of subjects with a prefix.

        Args:
            before: the number; 0 for the newest of all.
            subject: what the subjects begin with.
            limit: how many at most.
        """
        ...

    def acquire(self, lease: str, holder: str, now_us: int, ttl_us: int) -> bool:
        """Take or renew a lease.

        Returns:
            Whether `holder` has it until `now_us + ttl_us`; False while another's has not run
            out. One that runs for more than twice as long is of a clock that was set back since:
            whoever lives renews it, and nobody waits for who does not.
        """
        ...

    def release(self, lease: str, holder: str) -> None:
        """Give a lease back, if `holder` has it."""
        ...

    def close(self) -> None:
        """Let go of connections; calling it twice is harmless."""
        ...


class Blobs(Protocol):
    """Immutable files under slash-separated keys."""

    def put(self, key: str, source: bytes | Path) -> None:
        """Store a blob, atomically: readers see all of it or none. An old one is replaced.

        Raises:
            StorageError: it cannot be written.
        """
        ...

    def link(self, key: str, source: Path) -> None:
        """Store a file as `put` does, without a copy of it where that can be.

        Args:
            key: of the blob.
            source: a file that will never change again; it may be removed.

        Raises:
            StorageError: it cannot be written.
        """
        ...

    def get(self, key: str) -> bytes:
        """Read a blob.

        Raises:
            NotFoundError: there is none under this key.
        """
        ...

    def fetch(self, key: str, target: Path) -> None:
        """Copy a blob to a local file, atomically.

        Raises:
            NotFoundError: there is none under this key.
        """
        ...

    def locate(self, key: str) -> str:
        """Where libraries that read by themselves find it: a local path or a URL."""
        ...

    def keys(self, prefix: str = "") -> list[str]:
        """The keys that start with `prefix`, in order."""
        ...

    def delete(self, key: str) -> None:
        """Remove a blob; no error if there is none."""
        ...

    def sweep(self, before_s: float) -> None:
        """Remove what killed processes left half stored, if nothing was written to it for long.

        Args:
            before_s: when it must have been written last, seconds since 1970.
        """
        ...
