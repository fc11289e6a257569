"""Tables in Redis: what is left behind, and what happens on bad days."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.errors import ConflictError, StorageError
from fairlead.lookup import Key, Row, open_tables
from support.redis import needs_redis, running_redis

pytestmark = needs_redis
redis: Any = pytest.importorskip("redis")
COLUMNS = ("text",)


def rows(count: int, text: str = "x") -> Iterator[tuple[Key, Row]]:
    return ((key, Row(0, (text,))) for key in range(count))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as (url, _):
        yield url


@pytest.fixture
def url(server: str) -> str:
    with redis.Redis.from_url(server) as client:
        client.flushall()
    return server


def hashes(url: str) -> dict[str, int]:
    """The seconds that each snapshot has left to live; -1 for ever."""
    with redis.Redis.from_url(url) as client:
        return {key.decode(): client.ttl(key) for key in client.scan_iter(_type="HASH")}


def test_a_snapshot_that_was_replaced_runs_out(url: str) -> None:
    tables = open_tables(url)
    first = tables.publish("t", COLUMNS, rows(3), 1)
    second = tables.publish("t", COLUMNS, rows(3), 2)
    left_s = hashes(url)
    assert left_s.pop(f"fairlead:lookup:t:{second.id}") == -1
    assert 0 < left_s.pop(f"fairlead:lookup:t:{first.id}") <= 60
    assert not left_s
    tables.close()


def test_what_is_being_made_runs_out_if_its_publisher_is_killed(url: str) -> None:
    tables, seen = open_tables(url), dict[str, int]()

    def watched() -> Iterator[tuple[Key, Row]]:
        yield from rows(1500)
        seen.update(hashes(url))

    tables.publish("t", COLUMNS, watched(), 1)
    (left_s,) = seen.values()
    assert 0 < left_s <= 600
    tables.close()


def test_of_two_that_publish_at_once_one_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tables, multi = open_tables(url), redis.client.Pipeline.multi
    tables.publish("t", COLUMNS, rows(1), 1)
    with redis.Redis.from_url(url) as client:

        def late(pipeline: Any) -> None:
            client.set("fairlead:lookup:t", client.get("fairlead:lookup:t"))
            multi(pipeline)

        monkeypatch.setattr(redis.client.Pipeline, "multi", late)
        with pytest.raises(ConflictError, match="at the same time"):
            tables.publish("t", COLUMNS, rows(5), 2)
    assert len(hashes(url)) == 1
    tables.close()


def test_a_redis_without_room_is_told_and_keeps_what_was_there(tmp_path: Path) -> None:
    # A server of its own: it frees a snapshot that was given up when it likes, beside its loop.
    with running_redis(tmp_path, "--maxmemory", "8mb") as (url, _):
        tables = open_tables(url)
        tables.publish("t", COLUMNS, rows(10), 1)
        with pytest.raises(StorageError, match="cannot be written in Redis: it has no room"):
            tables.publish("t", COLUMNS, rows(100_000, "y" * 200), 2)
        table = tables.open("t")
        assert table is not None
        assert table.get([9, 10]) == [Row(0, ("x",)), None]
        assert len(hashes(url)) == 1
        tables.close()


def test_a_snapshot_that_was_evicted_is_told_and_no_row_is_said_to_be_missing(url: str) -> None:
    tables = open_tables(url)
    snapshot = tables.publish("t", COLUMNS, rows(10), 1)
    table = tables.open("t")
    assert table is not None
    with redis.Redis.from_url(url) as client:
        client.delete(f"fairlead:lookup:t:{snapshot.id}")
    with pytest.raises(StorageError, match="is gone from Redis"):
        table.get([1])
    with pytest.raises(StorageError, match="is gone from Redis"):
        list(table.items())
    tables.close()


def test_a_damaged_pointer_is_told_and_can_be_replaced(url: str) -> None:
    tables = open_tables(url)
    with redis.Redis.from_url(url) as client:
        client.set("fairlead:lookup:t", b'{"snap')
    with pytest.raises(StorageError, match="is damaged"):
        tables.current("t")
    tables.publish("t", COLUMNS, rows(1), 2)
    assert tables.current("t") is not None
    tables.close()


def test_a_redis_that_hangs_or_dies_is_told_in_time(tmp_path: Path) -> None:
    with running_redis(tmp_path) as (url, process):
        tables = open_tables(url, timeout_s=0.2)
        tables.publish("t", COLUMNS, rows(1), 1)
        table = tables.open("t")
        assert table is not None
        with redis.Redis.from_url(url) as client:
            client.client_pause(5000, all=True)
        with pytest.raises(StorageError, match="did not answer in time"):
            table.get([0])
        process.kill()
        process.wait()
        with pytest.raises(StorageError, match="not reached"):
            table.get([0])
        tables.close()


def test_a_password_is_asked_for_without_being_shown(tmp_path: Path) -> None:
    with running_redis(tmp_path, "--requirepass", "right") as (url, _):
        tables = open_tables(url.replace("redis://", "redis://:wrong@"))
        with pytest.raises(StorageError, match="another password") as refused:
            tables.current("t")
        assert "wrong" not in str(refused.value)
        tables.close()
        right = open_tables(url.replace("redis://", "redis://:right@"))
        assert right.current("t") is None
        right.close()
