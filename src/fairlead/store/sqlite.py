"""A store in one SQLite file, shared by the processes of one machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fairlead.errors import ConflictError, StorageError
from fairlead.records import Kind
from fairlead.store.types import Delete, Event, Put, Stored

T = TypeVar("T", bound=msgspec.Struct)

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 15.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    key TEXT PRIMARY KEY, revision INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS leases (
    lease TEXT PRIMARY KEY, holder TEXT NOT NULL, until_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER);
INSERT OR IGNORE INTO counter VALUES (1, 0);
"""
# Made at each opening, if need be: stores of before had none, and older versions mind none.
_INDEXES = (
    "CREATE INDEX IF NOT EXISTS records_by_revision ON records (revision)",
    "CREATE INDEX IF NOT EXISTS events_by_subject ON events (subject, sequence)",
)

NEWER_THAN_ALL = 2**63 - 1


class SqliteStore:
    """Records in SQLite, with its write-ahead log.

    Readers never wait for the writer. Each commit takes the write lock before it reads (BEGIN
    IMMEDIATE): a transaction that began by reading would lose updates of others, or fail.
    `synchronous = FULL`: a release that was answered survives a power cut.

    Args:
        path: of the file, made if need be, readable by its owner alone.

    Raises:
        StorageError: it cannot be opened, is no database, or was made by a newer Fairlead.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._open: dict[threading.Thread, sqlite3.Connection] = {}
        self._lock = threading.Lock()
        with self._mapped(), _alone(path.parent):
            path.touch(mode=0o600)
            try:
                self._make_tables()
            except BaseException:
                self.close()
                raise

    def get(self, kind: Kind[T], key: str) -> Stored[T] | None:
        """Read one record."""
        with self._mapped():
            found = (
                self._connection()
                .execute("SELECT revision, value FROM records WHERE key = ?", (key,))
                .fetchone()
            )
        return None if found is None else Stored(key, kind.decode(found[1]), found[0])

    def scan(self, kind: Kind[T], prefix: str = "", *, after: int = 0) -> list[Stored[T]]:
        """Read the records of a kind under a prefix, by key."""
        start = kind.key(prefix)
        index = "INDEXED BY records_by_revision" if after else "NOT INDEXED"  # what is new is few
        with self._mapped():
            found = (
                self._connection()
                .execute(
                    f"SELECT key, revision, value FROM records {index} "  # noqa: S608  # ours
                    "WHERE key >= ? AND key < ? AND revision > ? ORDER BY key",
                    (start, _past(start), after),
                )
                .fetchall()
            )
        return [Stored(key, kind.decode(value), revision) for key, revision, value in found]

    def last(
        self, kind: Kind[T], prefix: str = "", *, limit: int, skip: int = 0
    ) -> list[Stored[T]]:
        """Read the last records of a kind under a prefix, the last one first."""
        start = kind.key(prefix)
        with self._mapped():
            found = (
                self._connection()
                .execute(
                    "SELECT key, revision, value FROM records NOT INDEXED "
                    "WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT ? OFFSET ?",
                    (start, _past(start), limit, skip),
                )
                .fetchall()
            )
        return [Stored(key, kind.decode(value), revision) for key, revision, value in found]

    def count(self, kind: Kind[Any], prefix: str = "") -> int:
        """How many records a kind has under a prefix."""
        start = kind.key(prefix)
        with self._mapped():
            found = (
                self._connection()
                .execute(
                    "SELECT COUNT(*) FROM records NOT INDEXED WHERE key >= ? AND key < ?",
                    (start, _past(start)),
                )
                .fetchone()
            )
        return int(found[0])

    def commit(self, *changes: Put[Any] | Delete, events: Sequence[Event] = ()) -> int:
        """Make changes together, or none of them."""
        with self._transaction() as connection:
            revision = int(
                connection.execute(
                    "UPDATE counter SET revision = revision + 1 RETURNING revision"
                ).fetchone()[0]
            )
            for change in changes:
                _apply(connection, change, revision)
            connection.executemany(
                "INSERT INTO events (subject, value) VALUES (?, ?)",
                [(event.subject, msgspec.json.encode(event)) for event in events],
            )
            return revision

    def revision(self) -> int:
        """The revision of the last commit."""
        with self._mapped():
            found = self._connection().execute("SELECT revision FROM counter").fetchone()
        return int(found[0])

    def events(self, after: int = 0, subject: str = "", limit: int = 1000) -> list[Event]:
        """The audit after a sequence number."""
        return self._events("sequence > ?", "ASC", after, subject, limit)

    def recent(self, before: int = 0, subject: str = "", limit: int = 100) -> list[Event]:
        """The audit before a sequence number, newest first."""
        return self._events("sequence < ?", "DESC", before or NEWER_THAN_ALL, subject, limit)

    def _events(self, where: str, order: str, number: int, subject: str, limit: int) -> list[Event]:
        index, of_subject = "NOT INDEXED", ""
        ends: tuple[str | bytes, ...] = ()
        if subject:
            index = "INDEXED BY events_by_subject"
            of_subject, ends = "subject >= ? AND subject < ? AND ", (subject, _past(subject))
        with self._mapped():
            found = (
                self._connection()
                .execute(
                    f"SELECT sequence, value FROM events {index} "  # noqa: S608  # ours
                    f"WHERE {of_subject}{where} ORDER BY sequence {order} LIMIT ?",
                    (*ends, number, limit),
                )
                .fetchall()
            )
        return [
            msgspec.structs.replace(msgspec.json.decode(value, type=Event), sequence=sequence)
            for sequence, value in found
        ]

    def acquire(self, lease: str, holder: str, now_us: int, ttl_us: int) -> bool:
        """Take or renew a lease."""
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT (lease) DO UPDATE SET "
                "holder = excluded.holder, until_us = excluded.until_us "
                "WHERE holder = excluded.holder OR until_us NOT BETWEEN ? AND ?",
                (lease, holder, now_us + ttl_us, now_us + 1, now_us + 2 * ttl_us),
            )
            return cursor.rowcount == 1

    def release(self, lease: str, holder: str) -> None:
        """Give a lease back."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM leases WHERE lease = ? AND holder = ?", (lease, holder))

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            for connection in self._open.values():
                connection.close()
            self._open.clear()
            self._local = threading.local()

    def _make_tables(self) -> None:
        connection = self._connection()
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > SCHEMA_VERSION:
            raise StorageError(
                f"The store {self._path} was made by a newer Fairlead (schema {found}).",
                hint="Upgrade Fairlead on this machine.",
            )
        if found < SCHEMA_VERSION:
            connection.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        for index in _INDEXES:
            connection.execute(index)

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection; those of threads that ended are closed on the way."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            with self._lock:
                for thread in [thread for thread in self._open if not thread.is_alive()]:
                    self._open.pop(thread).close()
                self._open[threading.current_thread()] = connection
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._mapped():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full disk may have ended it already
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        """SQLite's errors, in our words."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"The store {self._path} failed: {error}.", hint=_advice(error)
            ) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time: turning a new file's log on waits for nobody, but fails at once."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _past(prefix: str) -> str | bytes:
    """What comes after all that start with a prefix, as SQLite orders them."""
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return b""  # bytes come after every text
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)  # surrogates are no text


def _apply(connection: sqlite3.Connection, change: Put[Any] | Delete, revision: int) -> None:
    if change.expect is not None:
        found = connection.execute(
            "SELECT revision FROM records WHERE key = ?", (change.key,)
        ).fetchone()
        if (found[0] if found else 0) != change.expect:
            raise ConflictError(f"The record '{change.key}' was changed by someone else.")
    if isinstance(change, Delete):
        connection.execute("DELETE FROM records WHERE key = ?", (change.key,))
    else:
        connection.execute(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?)",
            (change.key, revision, change.kind.encode(change.value)),
        )


def _advice(error: Exception) -> str:
    text = str(error)
    if "full" in text or "I/O" in text:
        return "Free some disk space, or see whether the disk works."
    if "locked" in text:
        return "Another process holds it; see what else uses this home."
    if "not a database" in text or "malformed" in text:
        return "Restore it from a backup, or move it away to begin anew."
    return "See that its folder exists and can be written."
