"""Rows that a device keeps: none lost, none twice, in order, in bounded room."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import numpy as np
import pytest

from fairlead.device.look import Standing, kept_rows, kept_windows, stand
from fairlead.device.state import State
from fairlead.errors import ConflictError
from fairlead.ids import text
from fairlead.predictionlog import PredictionFrame, encode_prediction
from fairlead.profiles import Numeric, Profile, encode, make_reference, merge, observe
from support.device import SIGNATURE, answers_of, rows_of

DIGEST, OTHER = "ab" * 32, "cd" * 32
DAY_US = 86_400_000_000
MB = 1_000_000
SEEN = rows_of(np.linspace(18, 90, 60).tolist())
REFERENCE = make_reference(SIGNATURE, SEEN, answers_of(SEEN))


def frame_of(first: int, rows: int, time_us: int) -> PredictionFrame:
    """Rows numbered from one on: each has its number as its age and its id."""
    asked = rows_of([float(number) for number in range(first, first + rows)])
    return PredictionFrame(
        endpoint="ages", revision=0, arm="device", version="ages:1", role="device",
        assigned_by="device", outcome="ok", source="live",
        time_us=np.full(rows, time_us, np.int64),
        ids=[number.to_bytes(16, "big") for number in range(first, first + rows)],
        caller_ids=None, units=None, slots=np.full(rows, -1, np.int16),
        propensity=np.ones(rows), queue_us=np.zeros(rows, np.int32), model_us=9,
        inputs=asked, outputs=answers_of(asked),
    )  # fmt: skip


def opened(folder: Path, digest: str = DIGEST, limit_bytes: int = 64 * MB) -> State:
    return State(folder, digest, encode(REFERENCE), limit_bytes, disk=False)


def append(state: State, first: int, rows: int = 1, time_us: int = DAY_US) -> None:
    frame = frame_of(first, rows, time_us)
    state.append(encode_prediction(frame), rows, frame.ids[-1], time_us)


def numbers(folder: Path) -> list[int]:
    """The numbers of the rows that are there; each is that of its age and its id."""
    rows = list(kept_rows(folder, SIGNATURE))
    found = [row["number"] for row in rows]
    assert [row["inputs"]["age"] for row in rows] == found
    assert [row["id"] for row in rows] == [text(number.to_bytes(16, "big")) for number in found]
    return found


def total(folder: Path) -> Profile:
    """All windows together."""
    return reduce(merge, (window.profile for window in kept_windows(folder)))


def test_rows_go_on_where_the_last_process_ended(tmp_path: Path) -> None:
    for first in (1, 4, 7):
        state = opened(tmp_path)
        assert state.last_id == (b"" if first == 1 else (first - 1).to_bytes(16, "big"))
        append(state, first, 3)
        state.close()
    assert numbers(tmp_path) == list(range(1, 10))
    assert len(list((tmp_path / "rows").iterdir())) == 1


def test_an_end_torn_at_any_byte_is_cut_and_written_on(tmp_path: Path) -> None:
    state = opened(tmp_path / "whole")
    append(state, 1, 2)
    (path,) = (tmp_path / "whole" / "rows").iterdir()
    before = path.stat().st_size
    append(state, 3)
    state.close()
    raw = path.read_bytes()
    for size in range(before, len(raw)):
        folder = tmp_path / "torn"
        shutil.copytree(tmp_path / "whole", folder)
        (folder / "rows" / path.name).write_bytes(raw[:size])
        state = opened(folder)
        append(state, 3, 2)
        state.close()
        assert numbers(folder) == [1, 2, 3, 4]
        shutil.rmtree(folder)


def test_what_stands_behind_damage_is_left_alone_and_the_gap_shows(tmp_path: Path) -> None:
    state = opened(tmp_path)
    for first in (1, 2, 3):
        append(state, first)
    state.close()
    (path,) = (tmp_path / "rows").iterdir()
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3 + 40] ^= 0xFF  # in the second row
    path.write_bytes(raw)
    state = opened(tmp_path)
    append(state, 3)
    state.close()
    assert path.read_bytes() == raw
    assert numbers(tmp_path) == [1, 3]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, int]:
    """A folder that more came to than it has room for; the most it took, and how many rows."""
    folder = tmp_path_factory.mktemp("filled")
    state, most, rows = opened(folder, limit_bytes=MB), 0, 0
    for turn in range(15):
        append(state, rows + 1, 1600, time_us=(1 + turn // 8) * DAY_US)
        rows += 1600
        taken = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        most = max(most, taken)
    state.close()
    return folder, most, rows


def test_room_is_bounded_and_what_went_is_counted(filled: tuple[Path, int, int]) -> None:
    folder, most, rows = filled
    kept, standing = numbers(folder), stand(folder)
    assert most <= MB
    assert kept == list(range(kept[0], rows + 1))  # the latest, without a gap
    assert standing == Standing(
        first=kept[0], rows=len(kept), windows=standing.windows, first_window=1, unlogged=0,
        size_bytes=standing.size_bytes, in_use=False,
    )  # fmt: skip
    assert standing.gone + standing.rows == rows
    assert standing.gone > 0
    assert standing.size_bytes <= MB


def test_windows_count_every_row_once_whatever_went(filled: tuple[Path, int, int]) -> None:
    folder, _, rows = filled
    every = rows_of([float(number) for number in range(1, rows + 1)])
    want, have = observe(REFERENCE, every, answers_of(every)), total(folder)
    assert have.rows == want.rows == rows
    assert isinstance(have.inputs["age"], Numeric)
    assert isinstance(want.inputs["age"], Numeric)
    assert have.inputs["age"].counts == want.inputs["age"].counts
    windows = list(kept_windows(folder))
    assert [window.first for window in windows[1:]] == [w.first + w.rows for w in windows[:-1]]
    assert len({window.id for window in windows}) == len(windows)
    assert [window.id for window in kept_windows(folder)] == [window.id for window in windows]


def test_a_window_ends_with_the_day_and_with_the_bundle(tmp_path: Path) -> None:
    for digest, day in ((DIGEST, 1), (DIGEST, 2), (OTHER, 2), (OTHER, 1)):
        state = opened(tmp_path, digest)
        append(state, stand(tmp_path).rows + 1, time_us=day * DAY_US)
        state.close()
    found = [(w.first, w.rows, w.digest[:2], w.from_us // DAY_US) for w in kept_windows(tmp_path)]
    assert found == [(1, 1, "ab", 1), (2, 1, "ab", 2), (3, 1, "cd", 2), (4, 1, "cd", 1)]
    assert numbers(tmp_path) == [1, 2, 3, 4]


def test_a_window_that_was_not_made_when_the_process_died_is_made_later(tmp_path: Path) -> None:
    state = opened(tmp_path)
    append(state, 1, time_us=DAY_US)
    append(state, 2, time_us=2 * DAY_US)
    state.close()
    (made,) = (tmp_path / "windows").iterdir()
    before = list(kept_windows(tmp_path))
    made.rename(tmp_path / "windows" / ".half")  # as if it had died while writing
    assert list(kept_windows(tmp_path)) == before
    state = opened(tmp_path)
    append(state, 3, time_us=3 * DAY_US)
    state.close()
    assert made.exists()
    assert total(tmp_path).rows == 3


def test_one_process_writes_and_others_may_look(tmp_path: Path) -> None:
    state = opened(tmp_path)
    append(state, 1)
    with pytest.raises(ConflictError, match="Another process keeps rows") as caught:
        opened(tmp_path)
    assert "--state" in caught.value.hint
    assert stand(tmp_path).in_use
    assert numbers(tmp_path) == [1]
    state.close()
    assert not stand(tmp_path).in_use
    opened(tmp_path).close()


def test_more_at_once_than_there_is_room_for_is_not_kept_and_nothing_goes(tmp_path: Path) -> None:
    state = opened(tmp_path, limit_bytes=MB)
    append(state, 1)
    with pytest.raises(OSError, match="room"):
        append(state, 2, 40_000)
    append(state, 2)
    state.close()
    assert numbers(tmp_path) == [1, 2]


@pytest.fixture
def _open_to_all() -> Iterator[None]:
    """A process that takes nobody's rights away."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_open_to_all")
def test_what_is_kept_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "machine" / "state"
    state = opened(folder)
    append(state, 1, time_us=DAY_US)
    append(state, 2, time_us=2 * DAY_US)
    state.close()
    kept = [folder, *folder.rglob("*")]
    assert {path.parent.name for path in kept} > {"rows", "windows", "references", "state"}
    rights = {path: stat.S_IMODE(path.stat().st_mode) for path in kept}
    assert rights == {path: 0o700 if path.is_dir() else 0o600 for path in kept}


def test_a_folder_that_was_there_keeps_its_rights(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    opened(tmp_path).close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "device").stat().st_mode) == 0o600


def test_what_could_not_be_kept_is_counted_over_processes(tmp_path: Path) -> None:
    for rows in (3, 4):
        state = opened(tmp_path)
        state.unlogged.add(rows)
        state.close()
    assert stand(tmp_path).unlogged == 7
    assert stand(tmp_path / "nothing") == Standing(1, 0, 0, 1, 0, 0, in_use=False)


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"ada"])
def test_an_id_that_was_damaged_is_drawn_anew(tmp_path: Path, damage: bytes) -> None:
    first = opened(tmp_path)
    first.close()
    again = opened(tmp_path)
    again.close()
    assert again.device == first.device
    (tmp_path / "device").write_bytes(damage)
    other = opened(tmp_path)
    other.close()
    assert len(other.device) == len(first.device)
    assert (tmp_path / "device").read_text() == other.device
