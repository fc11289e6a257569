"""What every store of look-up tables promises, checked on each one that a URL can name."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import ConfigError, ConflictError, InputError, StorageError
from fairlead.lookup import KEY_BYTES_MAX, TABLES, Key, Row, Tables, open_tables
from support.redis import needs_redis, running_redis

CONTEXT = multiprocessing.get_context("spawn")
COLUMNS = ("plan", "age")
KINDS = ("lmdb", pytest.param("redis", marks=needs_redis))
Rows = list[tuple[Key, Row]]


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as (url, _):
        yield url


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        return str(request.getfixturevalue("redis_url"))
    return f"lmdb://{tmp_path}/lookup"


@pytest.fixture
def tables(url: str) -> Iterator[Tables]:
    opened = open_tables(url)
    yield opened
    opened.close()


@pytest.fixture
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a table that no other test has."""
    return f"{tmp_path.name}"


def rows_of(generation: int, count: int = 2000) -> Rows:
    """Rows which all tell which generation they are of."""
    return [(key, Row(generation, ("pro", generation))) for key in range(count)]


def read(tables: Tables, name: str, *keys: Key) -> list[Row | None]:
    table = tables.open(name)
    assert table is not None
    try:
        return table.get(keys)
    finally:
        table.close()


def test_every_kind_of_store_is_tested() -> None:
    assert {"lmdb", "redis", "rediss"} == set(TABLES)  # rediss is redis over TLS


def test_what_was_published_is_found_by_its_key(tables: Tables, name: str) -> None:
    rows: Rows = [("7", Row(5, ("pro", 42))), (7, Row(9, (None, 2.5))), ("", Row(0, ("ü", True)))]
    told = tables.publish(name, COLUMNS, rows, 1_000)
    assert (told.table, told.columns, told.rows) == (name, COLUMNS, 3)
    assert (told.published_us, told.until_us) == (1_000, 9)
    assert tables.current(name) == told
    keys: list[Key] = [7, "8", "7", "", 8, 7]
    first, second, third = (row for _, row in rows)
    assert read(tables, name, *keys) == [second, None, first, third, None, second]


def test_a_table_that_was_never_published_is_not_there(tables: Tables, name: str) -> None:
    assert tables.current(name) is None
    assert tables.open(name) is None


def test_a_table_may_be_empty(tables: Tables, name: str) -> None:
    assert tables.publish(name, COLUMNS, [], 1).rows == 0
    assert read(tables, name, "a", 1) == [None, None]


def test_all_rows_can_be_read_again(tables: Tables, name: str) -> None:
    rows: Rows = [*rows_of(3, 5000), *((f"k{n}", Row(n, ("x", n))) for n in range(500))]
    tables.publish(name, COLUMNS, rows, 1)
    table = tables.open(name)
    assert table is not None
    assert dict(table.items()) == dict(rows)
    table.close()


def test_who_reads_keeps_the_snapshot_it_opened(tables: Tables, name: str) -> None:
    first = tables.publish(name, COLUMNS, rows_of(1), 1)
    table = tables.open(name)
    assert table is not None
    second = tables.publish(name, COLUMNS, rows_of(2), 2)
    assert first.id < second.id
    assert table.snapshot == first
    assert table.get([5]) == [Row(1, ("pro", 1))]
    assert read(tables, name, 5) == [Row(2, ("pro", 2))]
    table.close()
    table.close()


def test_two_readers_of_a_process_share_a_snapshot(tables: Tables, url: str, name: str) -> None:
    tables.publish(name, COLUMNS, rows_of(1), 1)
    other = open_tables(url)
    one, two = tables.open(name), other.open(name)
    assert one is not None
    assert two is not None
    one.close()
    assert two.get([5]) == [Row(1, ("pro", 1))]
    two.close()
    other.close()


@pytest.mark.parametrize(
    "key", ["x" * (KEY_BYTES_MAX + 1), "ü" * 251, 1 << 63, -(1 << 63) - 1, "\ud800"], ids=repr
)
def test_a_key_that_no_table_can_hold_is_refused_and_never_found(
    tables: Tables, name: str, key: Key
) -> None:
    tables.publish(name, COLUMNS, rows_of(1, 1), 1)
    with pytest.raises(InputError, match="cannot hold the key of row 1"):
        tables.publish(name, COLUMNS, [*rows_of(2, 1), (key, Row(0, ("", 0)))], 2)
    assert read(tables, name, key, 0) == [None, Row(1, ("pro", 1))]


@pytest.mark.parametrize("key", [None, True, 1.0, b"a"], ids=repr)
def test_a_missing_key_is_refused(tables: Tables, name: str, key: Key) -> None:
    with pytest.raises(InputError, match="none may be missing"):
        tables.publish(name, COLUMNS, [(key, Row(0, ("", 0)))], 1)
    assert tables.open(name) is None


@pytest.mark.parametrize("apart", [1, 25_000])
def test_a_key_that_stands_twice_is_refused(tables: Tables, name: str, apart: int) -> None:
    tables.publish(name, COLUMNS, rows_of(1, 3), 1)
    before = tables.current(name)
    with pytest.raises(InputError, match="stands twice"):
        tables.publish(name, COLUMNS, [*rows_of(2, apart), (0, Row(0, ("", 0)))], 2)
    assert tables.current(name) == before
    assert read(tables, name, 0) == [Row(1, ("pro", 1))]


def test_a_row_of_another_width_is_refused(tables: Tables, name: str) -> None:
    with pytest.raises(InputError, match="1 values for 2 columns"):
        tables.publish(name, COLUMNS, [("a", Row(0, ("pro",)))], 1)


def test_a_source_that_fails_leaves_what_was_there(tables: Tables, name: str) -> None:
    tables.publish(name, COLUMNS, rows_of(1, 3), 1)

    def failing() -> Iterator[tuple[Key, Row]]:
        yield from rows_of(2, 20_000)
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        tables.publish(name, COLUMNS, failing(), 2)
    assert read(tables, name, 0, 19_999) == [Row(1, ("pro", 1)), None]


def test_rows_that_were_made_of_an_older_snapshot_are_refused(tables: Tables, name: str) -> None:
    first = tables.publish(name, COLUMNS, rows_of(1, 3), 1)
    second = tables.publish(name, COLUMNS, rows_of(2, 3), 2, made_of=first.id)
    with pytest.raises(ConflictError, match="meanwhile"):
        tables.publish(name, COLUMNS, rows_of(3, 3), 3, made_of=first.id)
    assert tables.current(name) == second
    assert read(tables, name, 0) == [Row(2, ("pro", 2))]


VALUES = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.text() | (
    st.floats(allow_nan=False) | st.binary() | st.lists(st.floats(allow_nan=False), max_size=3)
)  # fmt: skip
KEYS = st.text(st.characters(codec="utf-8"), max_size=40) | st.integers(-(1 << 63), (1 << 63) - 1)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(KEYS, st.tuples(st.integers(0, 1 << 62), VALUES)))
def test_any_rows_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, content: dict[Key, tuple[int, object]]
) -> None:
    tables = open_tables(f"lmdb://{tmp_path_factory.mktemp('any')}")
    rows = {key: Row(time_us, (value,)) for key, (time_us, value) in content.items()}
    tables.publish("any", ("value",), rows.items(), 1)
    assert read(tables, "any", *rows) == list(rows.values())


def publish_for_ever(url: str, name: str, started: Connection) -> None:
    tables = open_tables(url)
    for generation in range(1, 1_000_000):
        tables.publish(name, COLUMNS, rows_of(generation), generation)
        started.send(generation)


def test_readers_see_one_whole_snapshot_also_over_kill_9(url: str, name: str) -> None:
    """Publishers are killed wherever they are, and the next one goes on."""
    tables, keys = open_tables(url), range(2000)
    for _ in range(3):
        ours, theirs = CONTEXT.Pipe()
        publisher = CONTEXT.Process(target=publish_for_ever, args=(url, name, theirs))
        publisher.start()
        theirs.close()
        for _ in range(10):
            ours.recv()
            table = tables.open(name)
            assert table is not None
            found = {row and row.values for row in table.get(keys)}
            assert len(found) == 1
            assert None not in found
            table.close()
        os.kill(publisher.pid or 0, signal.SIGKILL)
        publisher.join()
        ours.close()
    tables.publish(name, COLUMNS, rows_of(0), 1 << 40)
    assert read(tables, name, 5) == [Row(0, ("pro", 0))]
    tables.close()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "redis:", "lmdb://host/path", "redis://h:0", "redis://h:x", "", "x"]
)
def test_another_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.lookup") as refused:
        open_tables(url)
    assert "127.0.0.1" not in str(refused.value)


def test_redis_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigError) as refused:
        open_tables("redis://127.0.0.1:6379/0")
    assert "pip install 'fairlead[redis]'" in refused.value.hint


def test_a_server_that_is_gone_is_told_without_its_password() -> None:
    tables = open_tables("redis://:secret@127.0.0.1:9/0", timeout_s=0.5)
    with pytest.raises(StorageError, match="not reached") as failed:
        tables.current("any")
    assert "secret" not in str(failed.value)
    tables.close()
