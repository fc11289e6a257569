"""Tables in Redis, for several machines.

    fairlead:lookup:<table>        which snapshot is in place, JSON
    fairlead:lookup:<table>:<id>   a snapshot: a hash of rows by key

A snapshot that is being made, or was replaced, runs out by itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import msgspec

from fairlead.errors import ConfigError, ConflictError, StorageError
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
    import redis

PREFIX = "fairlead:lookup:"
CHUNK_ROWS = 1000
MAKING_S = 600
REPLACED_S = 60
"""For how long those who read a snapshot have time to notice that it was replaced."""


class RedisTables:
    """Tables in one database of Redis.

    Args:
        url: of it; may hold a password, which is never shown.
        timeout_s: after which an answer is waited for no longer.
    """

    waits = True

    def __init__(self, url: str, timeout_s: float) -> None:
        self._redis = _connect(url, timeout_s)

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
        own, written = new_id(now_us), Written(table, columns)
        with _mapped(table, "written"):
            try:
                self._fill(_place(table, own), written, rows)
                snapshot = Snapshot(
                    table=table, id=own, columns=columns, rows=written.rows, published_us=now_us,
                    until_us=written.until_us, about=about,
                )  # fmt: skip
                self._put_in_place(snapshot, made_of)
            except BaseException:
                with contextlib.suppress(Exception):  # it runs out by itself
                    self._redis.unlink(_place(table, own))
                raise
        return snapshot

    def current(self, table: str) -> Snapshot | None:
        """The snapshot that is in place, or None."""
        with _mapped(table, "read"):
            return _snapshot(table, cast(bytes | None, self._redis.get(PREFIX + table)))

    def open(self, table: str) -> RedisTable | None:
        """The snapshot that is in place, to read it, or None."""
        snapshot = self.current(table)
        return None if snapshot is None else RedisTable(self._redis, snapshot)

    def close(self) -> None:
        """Let go of connections."""
        self._redis.close()

    def _fill(self, place: str, written: Written, rows: Iterable[tuple[Key, Row]]) -> None:
        for chunk in chunks(written.encode(rows), CHUNK_ROWS):
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.hset(place, mapping=dict(chunk))
            pipeline.expire(place, MAKING_S)
            added, _ = pipeline.execute()
            if added != len(chunk):
                raise written.stands_twice()

    def _put_in_place(self, snapshot: Snapshot, made_of: str | None) -> None:
        """One transaction, which fails if another snapshot was put in place meanwhile."""
        import redis

        table, pointer = snapshot.table, PREFIX + snapshot.table
        with self._redis.pipeline() as pipeline:
            pipeline.watch(pointer)  # type: ignore[no-untyped-call]
            old = None
            with contextlib.suppress(StorageError):  # a damaged one is replaced now
                old = _snapshot(table, cast(bytes | None, pipeline.get(pointer)))
            check_made_of(made_of, old)
            pipeline.multi()
            pipeline.set(pointer, msgspec.json.encode(snapshot))
            pipeline.persist(_place(table, snapshot.id))
            if old is not None:
                pipeline.expire(_place(table, old.id), REPLACED_S)
            try:
                pipeline.execute()
            except redis.WatchError:
                raise ConflictError(
                    f"Another process published the look-up table '{table}' at the same time.",
                    hint="Publish it again, if it must be this one.",
                ) from None


class RedisTable:
    """A snapshot in Redis.

    Args:
        client: of Redis.
        snapshot: which.
    """

    def __init__(self, client: redis.Redis, snapshot: Snapshot) -> None:
        self._redis = client
        self._snapshot = snapshot
        self._place = _place(snapshot.table, snapshot.id)

    @property
    def snapshot(self) -> Snapshot:
        """What is known of it."""
        return self._snapshot

    def get(self, keys: Sequence[Key]) -> list[Row | None]:
        """The row under each key, all in one request."""
        raw = [encode_key(key) for key in keys]
        asked = [one for one in raw if one is not None]
        if not asked:
            return [None] * len(raw)
        with _mapped(self._snapshot.table, "read"):
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.hmget(self._place, asked)
            pipeline.exists(self._place)
            found, there = pipeline.execute()
        self._check(there=bool(there))
        values = iter(found)
        each = [None if one is None else next(values) for one in raw]
        return [None if value is None else decode_row(value) for value in each]

    def items(self) -> Iterator[tuple[Key, Row]]:
        """All keys with their rows, in any order."""
        cursor, seen = -1, set[bytes]()  # while Redis moves a hash, it tells of some twice
        while cursor != 0:
            with _mapped(self._snapshot.table, "read"):
                cursor, found = cast(
                    tuple[int, dict[bytes, bytes]],
                    self._redis.hscan(self._place, max(0, cursor), count=CHUNK_ROWS),
                )
            for raw in found.keys() - seen:
                yield decode_key(raw), decode_row(found[raw])
            seen |= found.keys()
        self._check(there=len(seen) == self._snapshot.rows)

    def close(self) -> None:
        """Nothing is held."""

    def _check(self, *, there: bool) -> None:
        if not there and self._snapshot.rows:
            raise StorageError(
                f"A snapshot of the look-up table '{self._snapshot.table}' is gone from Redis.",
                hint="Publish it again; a Redis that evicts what it likes cannot hold it.",
            )


def _connect(url: str, timeout_s: float) -> redis.Redis:
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ModuleNotFoundError:
        raise ConfigError(
            "The setting 'server.lookup' names Redis, whose library is not installed.",
            hint="Install it: pip install 'fairlead[redis]'.",
        ) from None
    # A connection that the server closed is opened again; an answer is waited for but once.
    retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
    try:
        return redis.Redis.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=retry
        )
    except ValueError:
        raise ConfigError(
            "The setting 'server.lookup' is not a URL that Redis can be reached by.",
            hint="Write redis://host:6379/0.",
        ) from None


def _place(table: str, snapshot: str) -> str:
    return f"{PREFIX}{table}:{snapshot}"


def _snapshot(table: str, raw: bytes | None) -> Snapshot | None:
    try:
        return None if raw is None else msgspec.json.decode(raw, type=Snapshot)
    except msgspec.DecodeError:
        raise StorageError(
            f"The look-up table '{table}' is damaged.", hint="Publish it again."
        ) from None


@contextmanager
def _mapped(table: str, done: str) -> Iterator[None]:
    """Failures of Redis as errors of ours, without its address."""
    import redis

    try:
        yield
    except redis.RedisError as error:
        raise StorageError(
            f"The look-up table '{table}' cannot be {done} in Redis: {_why(error)}.",
            hint="See whether Redis runs, is reached, and has room.",
        ) from error


def _why(error: Any) -> str:
    import redis

    if isinstance(error, redis.TimeoutError):
        return "it did not answer in time"
    if isinstance(error, redis.AuthenticationError):
        return "it wants another password"
    if isinstance(error, redis.ConnectionError):
        return "it is not reached"
    return "it has no room" if isinstance(error, redis.OutOfMemoryError) else "it refused"
