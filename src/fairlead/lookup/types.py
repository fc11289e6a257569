"""The values and the ports of this package: Row, Snapshot, Table and Tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

Key = str | int
"""What a row is found by. The text `7` and the integer 7 are two keys."""


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What stands under one key.

    Args:
        time_us: as of when it holds, microseconds since 1970.
        values: in the order of its snapshot's columns; plain values, as JSON has them, or bytes.
    """

    time_us: int
    values: tuple[Any, ...]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a table as it was published once; it never changes.

    Args:
        table: its name.
        id: of this snapshot; those that were published later sort later.
        columns: what each row holds.
        rows: how many keys there are.
        published_us: when it was published, microseconds since 1970.
        until_us: as of when its newest row holds; 0 if there is no row.
        about: what its publisher says of it, in whatever form; empty for nothing.
    """

    table: str
    id: str
    columns: tuple[str, ...]
    rows: int
    published_us: int
    until_us: int
    about: str = ""


class Table(Protocol):
    """One snapshot, open. What it gives stays the same whatever is published meanwhile."""

    @property
    def snapshot(self) -> Snapshot:
        """What is known of it."""
        ...

    def get(self, keys: Sequence[Key]) -> list[Row | None]:
        """The row under each key; None where there is none.

        Raises:
            StorageError: the table cannot be read.
        """
        ...

    def items(self) -> Iterator[tuple[Key, Row]]:
        """All keys with their rows, in any order.

        Raises:
            StorageError: the table cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of it; calling it twice is harmless."""
        ...


class Tables(Protocol):
    """Tables by name, of each of which readers see one whole snapshot.

    Safe to use from several processes at once; of a `Table`, each belongs to one thread at a time.
    """

    @property
    def waits(self) -> bool:
        """Whether a `get` waits for another process, which a loop must not do."""
        ...

    def publish(
        self,
        table: str,
        columns: tuple[str, ...],
        rows: Iterable[tuple[Key, Row]],
        now_us: int,
        *,
        made_of: str | None = None,
        about: str = "",
    ) -> Snapshot:
        """Make a snapshot aside, then put it in place of the last one at once.

        Whatever goes wrong on the way, readers go on with the last one; also if the process is
        killed.

        Args:
            table: its name.
            columns: what each row holds.
            rows: by key; in any order.
            now_us: of publishing, microseconds since 1970.
            made_of: id of the snapshot that the rows were made of, which must still be in place
                then; None if they stand by themselves.
            about: kept with the snapshot.

        Raises:
            InputError: a key stands twice, or cannot be one; a row has not one value for each
                column.
            ConflictError: another process publishes the same table, or did so since the rows were
                made of it.
            StorageError: it cannot be written.
        """
        ...

    def current(self, table: str) -> Snapshot | None:
        """The snapshot that is in place, or None; cheap enough for ten times a second.

        Raises:
            StorageError: it cannot be told.
        """
        ...

    def open(self, table: str) -> Table | None:
        """The snapshot that is in place, to read it, or None; may take long.

        Raises:
            StorageError: it cannot be read, or is damaged.
        """
        ...

    def close(self) -> None:
        """Let go of connections; calling it twice is harmless."""
        ...
