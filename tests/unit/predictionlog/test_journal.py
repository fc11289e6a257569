"""A frame that was appended is in the journal exactly once, whatever happens to its writer."""

from __future__ import annotations

import multiprocessing
import stat
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from fairlead.clock import ManualClock, SystemClock
from fairlead.errors import StorageError
from fairlead.locks import is_held
from fairlead.predictionlog import FeedbackFrame, JournalWriter, encode_feedback
from fairlead.predictionlog.journal import ROTATE_S
from fairlead.predictionlog.scan import is_damaged, scan

CONTEXT = multiprocessing.get_context("spawn")


def frame(number: int, size: int = 1) -> bytes:
    return encode_feedback(
        FeedbackFrame(
            endpoint="churn",
            time_us=np.zeros(1, np.int64),
            received_us=number,
            ids=[number.to_bytes(16, "big")],
            names=["label"],
            values=["x" * size],
            source="api",
        )
    )


def numbers(path: Path, start: int = 0, end: int | None = None) -> list[int]:
    found = []
    for located in scan(path, start, end):
        assert isinstance(located.frame, FeedbackFrame)
        found.append(located.frame.received_us)
    return found


def journals(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.journal"))


@pytest.fixture
def writer(tmp_path: Path) -> JournalWriter:
    return JournalWriter(tmp_path, "worker-0", ManualClock())


@pytest.mark.parametrize("durability", ["process", "disk"])
def test_frames_stand_in_order(tmp_path: Path, durability: Literal["process", "disk"]) -> None:
    writer = JournalWriter(tmp_path, "w", SystemClock(), durability=durability)
    for number in range(50):
        writer.append(frame(number, size=number))
        (path,) = journals(tmp_path)
        assert numbers(path) == list(range(number + 1))
    writer.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_scan_goes_on_from_where_it_stopped(writer: JournalWriter, tmp_path: Path) -> None:
    for number in range(4):
        writer.append(frame(number))
    (path,) = journals(tmp_path)
    located = list(scan(path))
    assert [one.start for one in located] == [0, *(one.end for one in located[:-1])]
    assert located[-1].end == path.stat().st_size
    assert numbers(path, start=located[1].end) == [2, 3]
    assert numbers(path, start=located[0].end, end=located[1].end) == [1]
    writer.close()


def test_a_large_or_old_journal_is_followed_by_a_new_one(tmp_path: Path) -> None:
    clock = ManualClock()
    size = len(frame(0))
    writer = JournalWriter(tmp_path, "w", clock, rotate_bytes=2 * size)
    for number in range(5):
        writer.append(frame(number))
    assert [numbers(path) for path in journals(tmp_path)] == [[0, 1], [2, 3], [4]]
    clock.advance(ROTATE_S + 1)
    writer.append(frame(5))
    assert [numbers(path) for path in journals(tmp_path)][2:] == [[4], [5]]
    writer.close()


def test_a_living_writer_is_told_from_one_that_is_gone(
    writer: JournalWriter, tmp_path: Path
) -> None:
    writer.append(frame(0))
    (path,) = journals(tmp_path)
    assert is_held(path)
    writer.close()
    writer.close()
    assert not is_held(path)
    writer.append(frame(1))
    assert [numbers(path) for path in journals(tmp_path)] == [[0], [1]]
    writer.close()


def test_writers_of_one_folder_do_not_meet(tmp_path: Path) -> None:
    clock = ManualClock()
    writers = [JournalWriter(tmp_path, "w", clock) for _ in range(3)]
    for number, writer in enumerate(writers):
        writer.append(frame(number))
        writer.close()
    assert sorted(n for path in journals(tmp_path) for n in numbers(path)) == [0, 1, 2]


@pytest.mark.parametrize("extra", [b"", b"F", b"FLJ1", b"FLJ1\xff\xff\x00\x00\x00\x00\x00\x00abc"])
def test_a_torn_tail_ends_the_journal(writer: JournalWriter, tmp_path: Path, extra: bytes) -> None:
    for number in range(3):
        writer.append(frame(number))
    writer.close()
    (path,) = journals(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + extra)
    assert numbers(path) == [0, 1, 2]
    assert not is_damaged(path, len(whole))


def test_wherever_a_journal_is_cut_the_frames_before_are_read(
    writer: JournalWriter, tmp_path: Path
) -> None:
    writer.append(frame(0))
    writer.append(frame(1))
    writer.close()
    (path,) = journals(tmp_path)
    whole = path.read_bytes()
    size = len(frame(0))
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        assert numbers(path) == list(range(length // size))
        assert not is_damaged(path, length // size * size)


def test_damage_in_the_middle_is_told_from_a_torn_tail(
    writer: JournalWriter, tmp_path: Path
) -> None:
    for number in range(3):
        writer.append(frame(number))
    writer.close()
    (path,) = journals(tmp_path)
    whole = path.read_bytes()
    size = len(frame(0))
    for place in range(size, 2 * size):
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        assert numbers(path) == [0]
        assert is_damaged(path, size)


def test_a_folder_that_is_gone_is_told_and_used_again_when_it_is_back(
    writer: JournalWriter, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    writer = JournalWriter(tmp_path / "there", "w", ManualClock(), rotate_bytes=1)
    writer.append(frame(0))
    (tmp_path / "there").rename(tmp_path / "away")
    with pytest.raises(StorageError, match="prediction log"):
        writer.append(frame(1))
    (tmp_path / "away").rename(tmp_path / "there")
    writer.append(frame(2))
    writer.close()
    assert [numbers(path) for path in journals(tmp_path / "there")] == [[0], [2]]


def test_a_journal_that_cannot_get_its_name_takes_no_frame(tmp_path: Path) -> None:
    prefix = "w" * (255 - len("-.new") - 36)  # `.new` fits into a file name, `.journal` does not
    writer = JournalWriter(tmp_path, prefix, ManualClock())
    for _ in range(2):
        with pytest.raises(StorageError):
            writer.append(frame(0))
    assert journals(tmp_path) == []
    writer.close()


def write_for_ever(folder: str, durability: Literal["process", "disk"], out: Connection) -> None:
    writer = JournalWriter(
        Path(folder), "w", SystemClock(), durability=durability, rotate_bytes=50_000
    )
    number = 0
    while True:
        writer.append(frame(number, size=number * 37 % 3_000))
        out.send(number)
        number += 1


@pytest.mark.parametrize("durability", ["process", "disk"])
@pytest.mark.parametrize("answered", [1, 150])
def test_a_killed_writer_leaves_every_answered_frame_exactly_once(
    tmp_path: Path, durability: Literal["process", "disk"], answered: int
) -> None:
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=write_for_ever, args=(str(tmp_path), durability, theirs))
    process.start()
    theirs.close()
    last = -1
    while last < answered:
        last = ours.recv()
    # It may have gone on to the next one since it was listed: only never is wrong.
    assert any(is_held(journals(tmp_path)[-1]) for _ in range(1_000))
    process.kill()
    process.join()
    try:
        while True:
            last = ours.recv()
    except EOFError:
        ours.close()
    found = [number for path in journals(tmp_path) for number in numbers(path)]
    assert found == list(range(len(found)))
    assert len(found) in (last + 1, last + 2)  # the last may have been killed before it answered
    assert not any(is_held(path) for path in journals(tmp_path))


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from fairlead.clock import SystemClock
from fairlead.errors import StorageError
from fairlead.predictionlog import JournalWriter
from test_journal import frame, journals, numbers
folder = Path(sys.argv[1])
writer = JournalWriter(folder, "w", SystemClock())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
writer.append(frame(0, 6_000))
for _ in range(3):
    try:
        writer.append(frame(1, 6_000))
    except StorageError as error:
        print(error)
(path,) = journals(folder)
print(path.stat().st_size == len(frame(0, 6_000)), numbers(path))
writer.append(frame(2, 1_000))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.append(frame(3, 6_000))
print(numbers(path), len(journals(folder)))
"""


def test_a_full_disk_cuts_what_was_half_written_and_goes_on_afterwards(
    tmp_path: Path, run_python: Callable[[str, str], str]
) -> None:
    *refused, cut, after = run_python(FULL_DISK, str(tmp_path)).splitlines()
    assert len(refused) == 3
    assert all("Free some disk space" in line for line in refused)
    assert (cut, after) == ("True [0]", "[0, 2, 3] 1")
