"""What the store in a file of SQLite promises beyond what every store does."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import msgspec
import pytest

from fairlead.errors import FairleadError, StorageError
from fairlead.records import Kind
from fairlead.store import Event, Put, open_store


class Note(msgspec.Struct, frozen=True):
    count: int


NOTES = Kind("note", Note)


@pytest.fixture
def shared(tmp_path: Path) -> str:
    return f"sqlite://{tmp_path}/store.db"


def put(key: str, count: int) -> Put[Note]:
    return Put(NOTES, NOTES.key(key), Note(count), None)


def event(subject: str) -> Event:
    return Event(time_us=1, actor="cli", action="deploy", subject=subject)


def test_the_file_is_readable_by_its_owner_alone(shared: str, tmp_path: Path) -> None:
    store = open_store(shared)
    store.commit(put("a", 1))
    assert {p.stat().st_mode & 0o077 for p in tmp_path.iterdir()} == {0}
    store.close()


def test_a_store_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, but long enough to be taken for one" * 99)
    for path in (tmp_path / "text", tmp_path / "missing" / "store.db", tmp_path):
        with pytest.raises(StorageError, match="The store /"):
            open_store(f"sqlite://{path}")


def test_a_store_of_a_newer_fairlead_is_refused(tmp_path: Path, shared: str) -> None:
    open_store(shared).close()
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="newer Fairlead"):
        open_store(shared)


def test_what_a_damaged_record_says_is_an_error_of_ours(shared: str, tmp_path: Path) -> None:
    store = open_store(shared)
    store.commit(put("a", 1))
    connection = sqlite3.connect(tmp_path / "store.db")
    for raw in (b"", b"[1", b'[1,{"count":"\xff"}]', b"[1,{}]", b"\x00"):
        connection.execute("UPDATE records SET value = ?", (raw,))
        connection.commit()
        with pytest.raises(FairleadError, match="note"):
            store.get(NOTES, "note/a")
    connection.close()
    store.close()


def test_threads_that_ended_leave_no_connection_open(shared: str) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("open files are counted in /proc")
    store = open_store(shared)
    for number in range(20):
        thread = threading.Thread(target=store.commit, args=(put("a", number),))
        thread.start()
        thread.join()
    held = [p for p in Path("/proc/self/fd").iterdir() if "store.db" in str(p.resolve())]
    store.close()
    assert len(held) <= 6


def test_a_store_of_before_gets_its_indexes_and_reads_as_before(
    shared: str, tmp_path: Path
) -> None:
    store = open_store(shared)
    first = store.commit(put("a", 1), events=[event("x/1"), event("y/1")])
    store.close()
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("DROP INDEX records_by_revision")
    connection.execute("DROP INDEX events_by_subject")
    connection.close()
    again = open_store(shared)
    again.commit(put("b", 2))
    assert [s.key for s in again.scan(NOTES, after=first)] == ["note/b"]
    assert [e.subject for e in again.events(subject="y")] == ["y/1"]
    again.close()


def test_what_is_new_and_what_a_subject_did_are_read_without_reading_the_rest(
    shared: str,
) -> None:
    store = open_store(shared)
    everything = 20_000
    store.commit(
        *(put(f"old/{number}", number) for number in range(everything)),
        events=[event(f"old/{number}") for number in range(everything)],
    )
    seen = store.revision()
    store.commit(put("new", 1), events=[event("new")])
    connection = store._connection()  # type: ignore[attr-defined]  # to count SQLite's own steps
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 1)
    assert [s.key for s in store.scan(NOTES, after=seen)] == ["note/new"]
    assert [e.subject for e in store.events(subject="new")] == ["new"]
    assert [e.subject for e in store.recent(subject="new", limit=1)] == ["new"]
    connection.set_progress_handler(None, 1)
    store.close()
    assert steps < 1_000
