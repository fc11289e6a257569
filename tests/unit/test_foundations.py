"""Ids, records, clocks and errors: what everything else stands on."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import time
import uuid
from multiprocessing.connection import Connection
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead import errors
from fairlead.clock import ManualClock, SystemClock
from fairlead.errors import FairleadError, InputError, Problem, StorageError, UnavailableError
from fairlead.ids import Ids, IdSource, parse, text, time_us
from fairlead.records import Kind

CONTEXT = multiprocessing.get_context("spawn")
NOW_US = 1_700_000_000_123_456


@given(counts=st.lists(st.integers(0, 9_000), max_size=5), steps=st.lists(st.integers(-5, 5)))
def test_ids_rise_strictly_whatever_the_clock_does(counts: list[int], steps: list[int]) -> None:
    clock = ManualClock(NOW_US)
    source = IdSource(clock)
    made: list[bytes] = []
    for count, step in zip(counts, [*steps, *[0] * len(counts)], strict=False):
        taken = source.take(count)
        assert taken.count == count
        made += taken.raw()
        clock.set(clock.now_us() + step * 1_000)
    assert made == sorted(set(made))
    assert {len(raw) for raw in made} <= {16}


@given(steps=st.lists(st.integers(-9_000_000_000, 9_000_000_000), min_size=1, max_size=5))
def test_ids_go_on_after_those_of_an_earlier_process(steps: list[int]) -> None:
    clock, made = ManualClock(NOW_US), list[bytes]()
    for step in steps:
        source = IdSource(clock, made[-1] if made else b"")
        made += [*source.take(2).raw(), *source.take(3).raw()]
        clock.set(NOW_US + step * 1_000)
    assert made == sorted(set(made))


def test_an_id_is_a_version_7_uuid_with_its_time_in_it() -> None:
    source = IdSource(ManualClock(NOW_US))
    taken = [source.take(2).raw() for _ in range(5_000)]
    for raw in (raw for pair in taken for raw in pair):
        read = uuid.UUID(bytes=raw)
        assert (read.version, read.variant) == (7, uuid.RFC_4122)
    assert time_us(taken[0][0]) == NOW_US // 1_000 * 1_000
    assert time_us(raw) == NOW_US // 1_000 * 1_000 + 1_000  # 4,096 requests fill a millisecond


@given(low=st.integers(0, (1 << 47) - 1), count=st.integers(0, 70), start=st.integers(0, 70))
def test_some_of_the_ids_that_follow_one_another_are_a_part_of_them(
    low: int, count: int, start: int
) -> None:
    ids = Ids(bytes(range(10)), low, start + count)
    assert ids.texts() == [text(raw) for raw in ids.raw()]
    assert ids.some(start, count).raw() == ids.raw()[start:]


def test_sources_that_start_at_the_same_moment_do_not_meet() -> None:
    clock = ManualClock(NOW_US)
    made = [raw for _ in range(100) for raw in IdSource(clock).take(100).raw()]
    assert len(set(made)) == len(made)


def take_ids(out: Connection) -> None:
    out.send(IdSource(ManualClock(NOW_US)).take(1_000).raw())


def test_processes_that_start_at_the_same_moment_do_not_meet() -> None:
    pipes = [CONTEXT.Pipe(duplex=False) for _ in range(2)]
    processes = [CONTEXT.Process(target=take_ids, args=(theirs,)) for _, theirs in pipes]
    for process in processes:
        process.start()
    made = [raw for ours, _ in pipes for raw in ours.recv()]
    for process in processes:
        process.join()
    assert len(set(made)) == 2_000


def test_a_forked_process_does_not_repeat_its_parents_ids() -> None:
    source = IdSource(ManualClock(NOW_US))
    source.take(1)  # so that there are random bits drawn for the next
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"".join(source.take(10).raw()))
        os._exit(0)
    os.waitpid(child, 0)
    raw = os.read(reading, 160)
    os.close(reading)
    os.close(writing)
    theirs = {raw[start : start + 16] for start in range(0, 160, 16)}
    assert len(theirs) == 10
    assert not theirs & set(source.take(10).raw())


@given(raw=st.binary(min_size=16, max_size=16))
def test_an_id_is_written_and_read_back(raw: bytes) -> None:
    written = text(raw)
    assert written == str(uuid.UUID(bytes=raw))
    assert parse(written) == parse(written.upper()) == raw


@pytest.mark.parametrize("written", ["", "x", "0" * 31, "0" * 33, "0" * 31 + "g", "\x00" * 32])
def test_what_is_no_id_is_none(written: str) -> None:
    assert parse(written) is None


def test_one_id_is_text() -> None:
    source = IdSource(SystemClock())
    assert parse(source.one()) is not None
    assert source.one() < source.one()


class Note(msgspec.Struct, frozen=True):
    """A record."""

    share: float
    text: str = ""
    maybe: float | None = None


NOTES = Kind("note", Note)


@given(share=st.floats(allow_nan=False, allow_infinity=False), words=st.text())
def test_a_record_comes_back_to_the_last_bit(share: float, words: str) -> None:
    found = NOTES.decode(NOTES.encode(Note(share, words)))
    assert found == Note(share, words)
    assert math.copysign(1, found.share) == math.copysign(1, share)


@pytest.mark.parametrize("share", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_has_no_word_for_is_refused_when_written(share: float) -> None:
    with pytest.raises(StorageError, match="kind 'note'"):
        NOTES.encode(Note(share))


def test_a_record_may_gain_fields_and_lose_them_but_not_come_from_the_future() -> None:
    assert NOTES.decode(b'[1,{"share":0.5}]') == Note(0.5)
    assert NOTES.decode(b'[1,{"share":0.5,"new":1}]') == Note(0.5)
    assert Kind("note", Note, version=3).decode(b'[2,{"share":0.5}]') == Note(0.5)
    with pytest.raises(StorageError, match="version 2"):
        NOTES.decode(b'[2,{"share":0.5}]')


def test_a_record_of_an_older_shape_is_brought_to_the_newest() -> None:
    def halve(value: dict[str, Any]) -> dict[str, Any]:
        return {"share": value["percent"] / 100}

    newest = Kind("note", Note, 3, {1: halve})
    assert newest.decode(b'[1,{"percent":50}]') == Note(0.5)
    assert newest.decode(b'[2,{"share":0.5}]') == newest.decode(newest.encode(Note(0.5)))
    with pytest.raises(StorageError, match="version 4"):
        newest.decode(b'[4,{"share":0.5}]')
    with pytest.raises(StorageError, match="cannot be read"):
        newest.decode(b"[1,5]")


@given(raw=st.binary() | st.binary().map(lambda b: b'[1,{"share":1,"text":"' + b + b'"}]'))
def test_damaged_bytes_are_an_error_of_ours_or_a_record(raw: bytes) -> None:
    with contextlib.suppress(StorageError):
        assert isinstance(NOTES.decode(raw), Note)


def test_keys_stand_under_their_kind() -> None:
    assert NOTES.key() == "note"
    assert NOTES.key("") == "note/"
    assert NOTES.key("a", "b") == "note/a/b"


def test_the_system_clock_tells_the_time() -> None:
    clock = SystemClock()
    before = time.time()
    assert before - 0.001 <= clock.now_us() / 1e6 <= time.time() + 0.001
    assert clock.monotonic_s() <= clock.monotonic_s()


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(5)
    assert (clock.now_us(), clock.monotonic_s()) == (5, 0.0)
    clock.advance(1.5)
    assert (clock.now_us(), clock.monotonic_s()) == (1_500_005, 1.5)
    clock.set(7)
    assert (clock.now_us(), clock.monotonic_s()) == (7, 1.5)


def classes(root: type[FairleadError]) -> list[type[FairleadError]]:
    return [root, *(one for below in root.__subclasses__() for one in classes(below))]


def test_every_error_has_a_code_of_its_own_and_is_in_the_tree() -> None:
    made = [one for one in classes(FairleadError) if one.__module__ == errors.__name__]
    codes = [one.code for one in made]
    assert len(codes) == len(set(codes)) == 18
    assert all(one.__name__ in (errors.__doc__ or "") for one in made)
    public = {
        one
        for one in vars(errors).values()
        if isinstance(one, type)
        and issubclass(one, Exception)
        and one.__module__ == errors.__name__
    }
    assert public == set(made)


def test_an_error_says_what_is_wrong_and_what_to_do() -> None:
    assert str(FairleadError("It broke.", hint="Mend it.")) == "It broke. Mend it."
    assert str(FairleadError("It broke.")) == "It broke."
    busy = UnavailableError("Busy.", retry_after_s=2.5)
    assert (busy.retry_after_s, busy.code) == (2.5, "unavailable")
    wrong = InputError("Wrong.", (Problem("is no number", row=3, field="age"),))
    assert wrong.problems[0].row == 3
    assert msgspec.json.encode(wrong.problems[0]) == (
        b'{"message":"is no number","row":3,"field":"age"}'
    )
