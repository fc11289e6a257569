"""Tables in files of this machine, mapped into memory by LMDB.

    <table>/current            which snapshot is in place, its size and its checksum
    <table>/<id>.mdb           a snapshot: one file that never changes once it has this name
    <table>/publishing         locked by who publishes
    <table>/.partial-<id>      what is being made

A snapshot that was replaced is unlinked at once: who has it open reads on, and the system frees
its room when the last one lets go. As nobody ever writes to a published file, readers need none
of LMDB's locks and one transaction for as long as they like.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import msgspec

from fairlead.durable import sync
from fairlead.errors import ConflictError, StorageError
from fairlead.locks import hold
from fairlead.lookup.keys import (
    Written,
    check_made_of,
    chunks,
    decode_key,
    decode_row,
    encode_key,
    new_id,
)
from fairlead.lookup.types import Key, Row, Snapshot

if TYPE_CHECKING:
    import lmdb

CHUNK_ROWS = 10_000
MAP_BYTES_MAX = 1 << 40  # of addresses, not of memory or disk
READ_BYTES = 1 << 20
PARTIAL = ".partial-"
TRIES_MAX = 5


class _Current(msgspec.Struct, frozen=True):
    """What the file `current` holds."""

    snapshot: Snapshot
    size_bytes: int
    crc32: int


class MappedTables:
    """Tables in a folder.

    Args:
        root: the folder, made when the first table is published.
    """

    waits = False

    def __init__(self, root: Path) -> None:
        self._root = root

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
        """Make a snapshot aside, then put it in place of the last one at once."""
        folder = self._root / table
        with _mapped(table, "written"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _publishing(folder, table):
                check_made_of(made_of, self._sweep(table))
                return _publish(folder, table, columns, rows, now_us, about)

    def current(self, table: str) -> Snapshot | None:
        """The snapshot that is in place, or None."""
        found = self._current(table)
        return None if found is None else found.snapshot

    def open(self, table: str) -> MappedTable | None:
        """The snapshot that is in place, to read it, or None; reads all of it once."""
        for _ in range(TRIES_MAX):  # it may be replaced between two looks
            current = self._current(table)
            if current is None:
                return None
            with contextlib.suppress(FileNotFoundError), _mapped(table, "read"):
                return MappedTable(_file(self._root / table, current.snapshot.id), current)
        raise StorageError(f"The look-up table '{table}' lacks its file.", hint=AGAIN)

    def close(self) -> None:
        """Nothing is held."""

    def _current(self, table: str) -> _Current | None:
        with _mapped(table, "read"):
            try:
                raw = (self._root / table / "current").read_bytes()
                return msgspec.json.decode(raw, type=_Current)
            except FileNotFoundError:
                return None
            except msgspec.DecodeError:
                raise _damaged(table) from None

    def _sweep(self, table: str) -> Snapshot | None:
        """Remove what those left who were killed while they published; what is in place stays."""
        folder, kept = self._root / table, None
        with contextlib.suppress(StorageError):  # a damaged one is replaced now
            kept = self.current(table)
        for path in (*folder.glob(f"{PARTIAL}*"), *folder.glob("*.mdb")):
            if kept is None or path != _file(folder, kept.id):
                path.unlink(missing_ok=True)
        return kept


class MappedTable:
    """A snapshot, mapped.

    Args:
        file: of the snapshot.
        current: what it must be.

    Raises:
        FileNotFoundError: it has been replaced.
        StorageError: it is damaged.
    """

    def __init__(self, file: Path, current: _Current) -> None:
        if _size_and_crc32(file) != (current.size_bytes, current.crc32):
            raise _damaged(current.snapshot.table)
        self._snapshot = current.snapshot
        self._mapping: _Mapping | None = _Mapping.of(file)

    @property
    def snapshot(self) -> Snapshot:
        """What is known of it."""
        return self._snapshot

    def get(self, keys: Sequence[Key]) -> list[Row | None]:
        """The row under each key; decoded where it lies."""
        get, found = self._transaction().get, list[Row | None]()
        for key in keys:
            raw = encode_key(key)
            value = None if raw is None else get(raw)
            found.append(None if value is None else decode_row(value))
        return found

    def items(self) -> Iterator[tuple[Key, Row]]:
        """All keys with their rows, in the order of keys."""
        for raw, value in self._transaction().cursor():
            yield decode_key(bytes(raw)), decode_row(value)

    def close(self) -> None:
        """Let go of it."""
        self._mapping = None

    def _transaction(self) -> lmdb.Transaction:
        if self._mapping is None:
            raise StorageError(f"The look-up table '{self._snapshot.table}' was closed.")
        return self._mapping.transaction


class _Mapping:
    """A file of LMDB, mapped once in this process, as LMDB wants it; shared by who reads it."""

    def __init__(self, file: Path) -> None:
        import lmdb

        try:
            environment = lmdb.open(
                str(file), subdir=False, readonly=True, lock=False, create=False, map_size=1
            )
        except lmdb.Error:
            file.stat()  # it has been replaced, which is no fault
            raise
        self.transaction = environment.begin(buffers=True)

    @classmethod
    def of(cls, file: Path) -> _Mapping:
        with _LOCK:
            found = _MAPPINGS.get(file)
            if found is None:
                found = _MAPPINGS[file] = cls(file)
            return found


_MAPPINGS: WeakValueDictionary[Path, _Mapping] = WeakValueDictionary()
_LOCK = Lock()
AGAIN = "Publish it again."


def _damaged(table: str) -> StorageError:
    return StorageError(f"The look-up table '{table}' is damaged.", hint=AGAIN)


def _file(folder: Path, snapshot: str) -> Path:
    return folder / f"{snapshot}.mdb"


def _publish(
    folder: Path,
    table: str,
    columns: tuple[str, ...],
    rows: Iterable[tuple[Key, Row]],
    now_us: int,
    about: str,
) -> Snapshot:
    own = new_id(now_us)
    partial, pointer = folder / f"{PARTIAL}{own}", folder / f"{PARTIAL}{own}.json"
    written = Written(table, columns)
    try:
        _fill(partial, written, rows)
        snapshot = Snapshot(
            table=table, id=own, columns=columns, rows=written.rows, published_us=now_us,
            until_us=written.until_us, about=about,
        )  # fmt: skip
        pointer.write_bytes(msgspec.json.encode(_Current(snapshot, *_size_and_crc32(partial))))
        sync(pointer)
        old = [*folder.glob("*.mdb")]
        partial.replace(_file(folder, own))
        sync(folder)  # before the pointer says that it is there
        pointer.replace(folder / "current")
        sync(folder)
        for path in old:
            path.unlink()
    finally:
        partial.unlink(missing_ok=True)
        pointer.unlink(missing_ok=True)
    return snapshot


def _fill(file: Path, written: Written, rows: Iterable[tuple[Key, Row]]) -> None:
    import lmdb

    with lmdb.open(
        str(file), subdir=False, lock=False, map_size=MAP_BYTES_MAX, sync=False, mode=0o600
    ) as environment:
        for chunk in chunks(written.encode(rows), CHUNK_ROWS):
            with environment.begin(write=True) as transaction:
                consumed, added = transaction.cursor().putmulti(chunk, overwrite=False)
                if (consumed, added) != (len(chunk), len(chunk)):
                    raise written.stands_twice()
        environment.sync(True)


def _size_and_crc32(file: Path) -> tuple[int, int]:
    """What tells a file apart from a damaged one; reading it whole also brings it into memory."""
    size_bytes = crc32 = 0
    with file.open("rb") as source:
        while block := source.read(READ_BYTES):
            size_bytes += len(block)
            crc32 = zlib.crc32(block, crc32)
    return size_bytes, crc32


@contextmanager
def _publishing(folder: Path, table: str) -> Iterator[None]:
    try:
        with hold(folder / "publishing"):
            yield
    except BlockingIOError:
        raise ConflictError(
            f"Another process publishes the look-up table '{table}'.", hint="Wait for it."
        ) from None


@contextmanager
def _mapped(table: str, done: str) -> Iterator[None]:
    """Failures of the disk and of LMDB as errors of ours; that a file is not there stays so."""
    import lmdb

    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, lmdb.Error) as error:
        why = getattr(error, "strerror", None) or str(error).rpartition(": ")[2]
        raise StorageError(
            f"The look-up table '{table}' cannot be {done}: {why}.",
            hint="See whether the disk is full and the folder writable.",
        ) from error
