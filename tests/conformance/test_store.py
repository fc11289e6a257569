"""What every store of records promises, checked on each one that a URL can name."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.errors import ConfigError, ConflictError, StorageError
from fairlead.records import Kind
from fairlead.store import ABSENT, STORES, Delete, Event, Put, Store, open_store


class Note(msgspec.Struct, frozen=True):
    count: int
    text: str = ""
    share: float = 0.0


NOTES = Kind("note", Note)
OTHERS = Kind("note2", Note)
URLS: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda folder: f"sqlite://{folder}/store.db",
    "memory": lambda _: "memory:",
}
ACROSS_PROCESSES = {"sqlite"}
PROCESSES, COMMITS = 4, 40
CONTEXT = multiprocessing.get_context("spawn")


@pytest.fixture(params=sorted(STORES))
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return URLS[request.param](tmp_path)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def shared(tmp_path: Path) -> str:
    """A URL that other processes can open, too."""
    return URLS["sqlite"](tmp_path)


def put(key: str, count: int, expect: int | None = None) -> Put[Note]:
    return Put(NOTES, NOTES.key(key), Note(count), expect)


def event(subject: str, **detail: str | float | bool | None) -> Event:
    return Event(time_us=1, actor="cli", action="deploy", subject=subject, detail=detail)


def counts(store: Store, prefix: str = "") -> dict[str, int]:
    return {s.key: s.value.count for s in store.scan(NOTES, prefix)}


def test_every_store_is_tested() -> None:
    assert set(URLS) == set(STORES)


def test_a_new_store_is_empty(store: Store) -> None:
    assert store.get(NOTES, "note/a") is None
    assert store.scan(NOTES) == []
    assert store.events() == []
    assert store.revision() == 0


def test_what_was_put_is_read_back(store: Store) -> None:
    value = Note(-7, 'ü"\\\n\x00😀', 0.1)
    revision = store.commit(Put(NOTES, "note/a", value, ABSENT))
    found = store.get(NOTES, "note/a")
    assert found is not None
    assert (found.key, found.value, found.revision) == ("note/a", value, revision)
    assert store.scan(NOTES) == [found]


def test_revision_rises_with_each_commit_and_stands_in_its_records(store: Store) -> None:
    first = store.commit(put("a", 1), put("b", 1))
    second = store.commit(put("b", 2))
    assert (first, second, store.revision()) == (1, 2, 2)
    assert [s.revision for s in store.scan(NOTES)] == [first, second]


def test_a_write_needs_the_revision_that_was_read(store: Store) -> None:
    first = store.commit(put("a", 1, ABSENT))
    second = store.commit(put("a", 2, first))
    for expect in (first, ABSENT, second + 1):
        with pytest.raises(ConflictError, match="note/a"):
            store.commit(put("a", 9, expect))
        with pytest.raises(ConflictError):
            store.commit(Delete("note/a", expect))
    assert counts(store) == {"note/a": 2}
    store.commit(put("a", 3))
    assert counts(store) == {"note/a": 3}


def test_what_is_absent_can_neither_be_replaced_nor_deleted_by_revision(store: Store) -> None:
    with pytest.raises(ConflictError):
        store.commit(put("a", 1, 5))
    with pytest.raises(ConflictError):
        store.commit(Delete("note/a", 5))
    store.commit(Delete("note/a", None))
    assert store.get(NOTES, "note/a") is None


def test_what_was_deleted_can_be_made_again(store: Store) -> None:
    first = store.commit(put("a", 1, ABSENT))
    store.commit(Delete("note/a", first))
    assert store.get(NOTES, "note/a") is None
    again = store.commit(put("a", 2, ABSENT))
    assert again > first
    with pytest.raises(ConflictError):
        store.commit(put("a", 3, first))


def test_a_commit_is_all_or_nothing(store: Store) -> None:
    store.commit(put("a", 1), put("z", 1))
    with pytest.raises(ConflictError):
        store.commit(put("a", 2), Delete("note/z", None), put("b", 2, 77), events=[event("x")])
    assert counts(store) == {"note/a": 1, "note/z": 1}
    assert store.revision() == 1
    assert store.events() == []


def test_a_value_that_json_cannot_hold_is_refused_and_nothing_is_done(store: Store) -> None:
    for share in (float("nan"), float("inf")):
        with pytest.raises(StorageError, match="note"):
            store.commit(put("a", 1), Put(NOTES, "note/b", Note(1, share=share), None))
    assert counts(store) == {}
    assert store.revision() == 0
    store.commit(put("a", 2))
    assert counts(store) == {"note/a": 2}


def test_changes_of_one_commit_see_those_before_them(store: Store) -> None:
    first = store.commit(put("a", 1))
    with pytest.raises(ConflictError):
        store.commit(put("b", 1, ABSENT), put("b", 2, ABSENT))
    store.commit(Delete("note/a", first), put("a", 2, ABSENT))
    assert counts(store) == {"note/a": 2}


def test_an_empty_commit_only_counts(store: Store) -> None:
    assert store.commit(events=[event("x")]) == 1
    assert store.revision() == 1


def test_scan_takes_one_kind_and_prefix_in_order_of_keys(store: Store) -> None:
    for key in ("b", "a/2", "a/10", "a", "ab", "A"):
        store.commit(put(key, 1))
    store.commit(Put(OTHERS, OTHERS.key("a/2"), Note(5), None))
    assert list(counts(store)) == [
        "note/A", "note/a", "note/a/10", "note/a/2", "note/ab", "note/b",
    ]  # fmt: skip
    assert list(counts(store, "a/")) == ["note/a/10", "note/a/2"]
    assert [s.value.count for s in store.scan(OTHERS)] == [5]


def test_records_are_counted_as_they_would_be_read(store: Store) -> None:
    store.commit(*(put(key, 1) for key in ("a/1", "a/2", "ab", "b")))
    store.commit(Put(OTHERS, OTHERS.key("a/3"), Note(5), None))
    assert [store.count(NOTES, prefix) for prefix in ("", "a/", "a", "c")] == [4, 2, 3, 0]
    store.commit(Delete("note/a/2", None))
    assert store.count(NOTES, "a/") == 1


def test_the_last_records_are_read_from_the_end(store: Store) -> None:
    store.commit(*(put(key, n) for n, key in enumerate(("a/1", "a/2", "a/3", "ab", "b"))))
    store.commit(Put(OTHERS, OTHERS.key("a/9"), Note(5), None))

    def last(prefix: str, limit: int, skip: int = 0) -> list[str]:
        found = store.last(NOTES, prefix, limit=limit, skip=skip)
        assert found == store.scan(NOTES, prefix)[::-1][skip : skip + limit]
        return [stored.key for stored in found]

    assert last("a/", 2) == ["note/a/3", "note/a/2"]
    assert last("a/", 2, 2) == ["note/a/1"]
    assert last("a/", 2, 3) == last("c", 1) == last("", 0) == []
    assert last("", 9) == ["note/b", "note/ab", "note/a/3", "note/a/2", "note/a/1"]


@pytest.mark.parametrize("wild", ["%", "_", "*", "?", "[a]", "\\", "'", '"'])
def test_a_prefix_is_not_a_pattern(store: Store, wild: str) -> None:
    store.commit(put("a", 1), put(f"{wild}x", 2), put("ax", 3))
    assert counts(store, wild) == {f"note/{wild}x": 2}


KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.sets(KEYS, max_size=8), prefix=KEYS)
def test_scan_finds_exactly_the_keys_that_start_so(
    store: Store, keys: set[str], prefix: str
) -> None:
    store.commit(*(Delete(s.key, None) for s in store.scan(NOTES)))
    store.commit(*(put(key, 1) for key in keys))
    assert list(counts(store, prefix)) == sorted(f"note/{k}" for k in keys if k.startswith(prefix))


def test_keys_at_the_end_of_unicode_are_found(store: Store) -> None:
    store.commit(put("a\U0010ffff\U0010ffff", 1), put("b", 2))
    assert counts(store, "a") == {"note/a\U0010ffff\U0010ffff": 1}


def test_a_record_of_a_newer_fairlead_is_refused(store: Store) -> None:
    newer = Kind("note", Note, version=2)
    store.commit(Put(newer, "note/a", Note(1), None))
    for read in (lambda: store.get(NOTES, "note/a"), lambda: store.scan(NOTES)):
        with pytest.raises(StorageError, match="version 2"):
            read()


def test_events_stand_in_order_with_all_they_say(store: Store) -> None:
    sent = [event("a", why="ü", n=3, share=0.5, ok=True, none=None), event("b"), event("ab")]
    store.commit(events=sent[:1])
    store.commit(events=sent[1:])
    found = store.events()
    assert [e.sequence for e in found] == [1, 2, 3]
    assert [msgspec.structs.replace(e, sequence=0) for e in found] == sent
    assert [e.subject for e in store.events(after=1)] == ["b", "ab"]
    assert [e.subject for e in store.events(subject="a")] == ["a", "ab"]
    assert [e.sequence for e in store.events(after=1, subject="a", limit=1)] == [3]
    assert [e.sequence for e in store.events(limit=2)] == [1, 2]
    assert store.events(after=3) == []


def test_the_newest_events_are_had_first(store: Store) -> None:
    store.commit(events=[event("a"), event("b"), event("ab"), event("c")])
    assert [e.sequence for e in store.recent()] == [4, 3, 2, 1]
    assert [e.sequence for e in store.recent(limit=2)] == [4, 3]
    assert [e.sequence for e in store.recent(before=3)] == [2, 1]
    assert [e.sequence for e in store.recent(subject="a")] == [3, 1]
    assert [e.sequence for e in store.recent(before=3, subject="a", limit=1)] == [1]
    assert store.recent(before=1) == []


def test_the_subject_of_events_is_not_a_pattern(store: Store) -> None:
    store.commit(events=[event("a%"), event("ab"), event("ü_x"), event("üyx")])
    assert [e.subject for e in store.events(subject="a%")] == ["a%"]
    assert [e.subject for e in store.events(subject="ü_")] == ["ü_x"]


@pytest.mark.parametrize("end", ["", "a", "a\x00", "\ud7ff", "\U0010ffff", "a\U0010ffff"])
def test_subjects_of_events_are_found_by_how_they_begin(store: Store, end: str) -> None:
    subjects = ["a", "a\x00b", "ab", "b", "\ud7ffx", "\ue000", "\U0010ffff", "a\U0010ffffz", ""]
    store.commit(events=[event(subject) for subject in subjects])
    found = [subject for subject in subjects if subject.startswith(end)]
    assert [e.subject for e in store.events(subject=end)] == found
    assert [e.subject for e in store.recent(subject=end)] == found[::-1]


def test_a_lease_has_one_holder_until_it_runs_out(store: Store) -> None:
    assert store.acquire("controller", "one", now_us=1_000, ttl_us=100)
    assert not store.acquire("controller", "two", now_us=1_099, ttl_us=100)
    assert store.acquire("other", "two", now_us=1_000, ttl_us=100)
    assert store.acquire("controller", "one", now_us=1_050, ttl_us=100)
    assert not store.acquire("controller", "two", now_us=1_149, ttl_us=100)
    assert store.acquire("controller", "two", now_us=1_150, ttl_us=100)
    assert not store.acquire("controller", "one", now_us=1_151, ttl_us=100)


def test_a_lease_of_a_clock_that_was_set_back_keeps_nobody_waiting(store: Store) -> None:
    assert store.acquire("controller", "one", now_us=9_000, ttl_us=100)
    assert not store.acquire("controller", "two", now_us=8_900, ttl_us=100)
    assert store.acquire("controller", "one", now_us=1_000, ttl_us=100), "it lives, and renews it"
    assert not store.acquire("controller", "two", now_us=1_001, ttl_us=100)
    assert store.acquire("update", "one", now_us=9_000, ttl_us=100)
    assert store.acquire("update", "two", now_us=1_000, ttl_us=100)


def test_a_lease_is_given_back_by_its_holder_alone(store: Store) -> None:
    store.release("controller", "")
    store.acquire("controller", "one", now_us=0, ttl_us=100)
    store.release("controller", "two")
    assert not store.acquire("controller", "two", now_us=1, ttl_us=100)
    store.release("controller", "one")
    store.release("controller", "one")
    assert store.acquire("controller", "two", now_us=2, ttl_us=100)


def test_closing_twice_is_harmless(url: str) -> None:
    opened = open_store(url)
    opened.close()
    opened.close()


def test_threads_lose_no_update(store: Store) -> None:
    store.commit(put("counter", 0))
    threads = [threading.Thread(target=count_up, args=(store, COMMITS)) for _ in range(PROCESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(store) == {"note/counter": PROCESSES * COMMITS}
    assert len(store.events()) == PROCESSES * COMMITS


def count_up(store: Store, times: int) -> None:
    """Add one to the counter so many times, again whenever another was faster."""
    while times:
        found = store.get(NOTES, "note/counter")
        assert found is not None
        try:
            change = put("counter", found.value.count + 1, found.revision)
            store.commit(change, events=[event("counter")])
            times -= 1
        except ConflictError:
            continue


def count_in_process(url: str, times: int) -> None:
    store = open_store(url)
    count_up(store, times)
    store.close()


def in_processes(target: Callable[..., None], *arguments: object) -> None:
    """Run something in several processes at once, each to its good end."""
    processes = [CONTEXT.Process(target=target, args=arguments) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES


def test_processes_lose_no_update(shared: str) -> None:
    assert set(STORES) - ACROSS_PROCESSES == {"memory"}
    store = open_store(shared)
    store.commit(put("counter", 0))
    in_processes(count_in_process, shared, COMMITS)
    assert counts(store) == {"note/counter": PROCESSES * COMMITS}
    assert store.revision() == PROCESSES * COMMITS + 1
    store.close()


def open_at_once(url: str, barrier: threading.Barrier) -> None:
    for number in range(10):
        barrier.wait(timeout=10)
        store = open_store(f"{url}{number}")
        store.commit(put(str(os.getpid()), 1))
        store.close()


def test_processes_may_open_a_new_store_at_once(shared: str) -> None:
    in_processes(open_at_once, shared, CONTEXT.Barrier(PROCESSES))
    for number in range(10):
        store = open_store(f"{shared}{number}")
        assert len(counts(store)) == PROCESSES
        store.close()


def commit_pairs(url: str, answers: Connection) -> None:
    store = open_store(url)
    count = 0
    while True:
        count += 1
        store.commit(put("left", count), put("right", count), events=[event("pair")])
        answers.send(count)


@pytest.mark.parametrize("answered", [1, 5, 17])
def test_a_killed_writer_leaves_every_answered_commit_and_no_half_one(
    shared: str, answered: int
) -> None:
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=commit_pairs, args=(shared, theirs))
    process.start()
    theirs.close()
    last = 0
    while last < answered:
        last = ours.recv()
    process.kill()
    process.join()
    try:
        while True:
            last = ours.recv()
    except EOFError:
        ours.close()
    store = open_store(shared)
    left, right = counts(store).values()
    assert left == right == store.revision() == len(store.events(limit=10**6))
    assert left >= last
    store.commit(put("left", 0))
    store.close()


FULL_DISK = """
import resource, signal, sys
from fairlead.errors import StorageError
from fairlead.store import ABSENT, Put, open_store
from test_store import NOTES, Note, put
store = open_store(sys.argv[1])
store.commit(put("a", 1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    store.commit(put("a", 2), *(Put(NOTES, f"note/{i}", Note(1, "x" * 999), 0) for i in range(999)))
except StorageError as error:
    print("refused:", error)
print("before:", len(store.scan(NOTES)), store.revision())
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print("after:", store.commit(put("b", 1)))
"""


def test_a_full_disk_is_told_and_leaves_the_store_as_it_was(
    shared: str, run_python: Callable[[str, str], str]
) -> None:
    refused, before, after = run_python(FULL_DISK, shared).splitlines()
    assert "refused: The store" in refused
    assert "disk space" in refused
    assert (before, after) == ("before: 1 1", "after: 2")
    store = open_store(shared)
    assert counts(store) == {"note/a": 1, "note/b": 1}
    store.close()


@pytest.mark.parametrize("url", ["", "postgres://host/db", "sqlite://host/path", "/data/store.db"])
def test_a_url_of_no_known_kind_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.store"):
        open_store(url)


def test_only_what_was_written_after_a_revision_is_read(store: Store) -> None:
    first = store.commit(put("a", 1), put("b", 1), put("c", 1))
    store.commit(put("b", 2), put("d", 1))
    assert [(s.key, s.value.count) for s in store.scan(NOTES, after=first)] == [
        ("note/b", 2),
        ("note/d", 1),
    ]
    assert [s.key for s in store.scan(NOTES, "b", after=first)] == ["note/b"]
    assert store.scan(NOTES, after=store.revision()) == []
