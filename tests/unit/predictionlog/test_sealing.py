"""Journals become files, and each row is read exactly once all the while."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from fairlead.errors import StorageError
from fairlead.predictionlog import (
    PredictionFrame,
    encode_prediction,
)
from fairlead.predictionlog.attempts import RETRY_S
from fairlead.predictionlog.frame import HEADER, MAGIC, decode_payload
from fairlead.predictionlog.read import feedback, read
from fairlead.predictionlog.sealer import SEAL_S
from fairlead.predictionlog.segments import JOURNALS, SEGMENTS
from fairlead.store import Store
from support.log import START_US, Crash, Crashing, Log, label, number_of, prediction


def test_an_empty_log_has_its_columns(log: Log) -> None:
    frame = read(log.store, log.blobs, log.folder, "nobody").collect()
    assert frame.height == 0
    assert {"id", "time", "version", "label", "label_number", "label_time"} <= set(frame.columns)
    assert feedback(log.store, log.blobs, log.folder, "nobody").collect().height == 0
    log.sealer().tick(everything=True)
    log.compactor().tick()
    assert log.store.scan(SEGMENTS) == []


def test_rows_are_read_alike_before_and_after_sealing(log: Log) -> None:
    writer = log.writer()
    writer.append(prediction(0, 3, plan=np.array(["ü", None, ""], dtype=object)))
    writer.append(label((1, "yes"), received=5, time=3))
    before = log.rows()
    log.sealer().tick(everything=True)
    assert log.rows() == before
    writer.append(prediction(3))
    writer.close()
    log.sealer().tick()
    after = log.rows()
    assert after[:3] == before
    assert [row["in.x"] for row in after] == [0.0, 1.0, 2.0, 3.0]
    assert [row["caller_id"] for row in after] == ["ü-0", "ü-1", "ü-2", "ü-3"]
    assert [row["out.plan"] for row in after] == ["ü", None, "", None]
    assert [row["label"] for row in after] == [None, "yes", None, None]
    assert log.journals() == []
    assert log.store.scan(JOURNALS) == []


def test_who_decides_is_read_before_and_after_sealing(log: Log) -> None:
    writer = log.writer()
    writer.append(prediction(0, 3, decided_by=["model", "pending", "model"]))
    writer.append(prediction(3))
    writer.close()
    said = [row["decided_by"] for row in log.rows()]
    assert said == ["model", "pending", "model", None]
    log.sealer().tick(everything=True)
    log.clock.advance(2 * 86_400)
    log.compactor().tick()
    assert [row["decided_by"] for row in log.rows()] == said


def test_a_log_of_before_anybody_decided_is_read_with_a_new_one(log: Log) -> None:
    def of_before(frame: bytes) -> bytes:
        payload = msgspec.msgpack.encode(msgspec.msgpack.decode(frame[HEADER.size :])[:-1])
        return HEADER.pack(MAGIC, len(payload), zlib.crc32(payload)) + payload

    writer = log.writer()
    writer.append(of_before(prediction(0)))
    log.sealer().tick(everything=True)
    (segment,) = (stored.value for stored in log.store.scan(SEGMENTS))
    file = log.blobs.locate(segment.blob)
    pl.read_parquet(file).drop("decided_by").write_parquet(file)
    writer.append(of_before(prediction(1)))
    writer.append(prediction(2, decided_by=["pending"]))
    assert [row["decided_by"] for row in log.rows()] == [None, None, "pending"]
    writer.close()
    log.sealer().tick(everything=True)
    assert [row["decided_by"] for row in log.rows()] == [None, None, "pending"]


def test_endpoints_in_one_journal_are_kept_apart(log: Log) -> None:
    writer = log.writer()
    for number in range(6):
        writer.append(prediction(number, endpoint="churn" if number % 2 else "churn2"))
    writer.append(label((0, 1), endpoint="churn2"))
    writer.append(label((1, 1), endpoint="churn"))
    for _ in range(2):
        assert (log.ids("churn"), log.ids("churn2")) == ([1, 3, 5], [0, 2, 4])
        assert [r["label"] for r in log.rows("churn2")] == ["1", None, None]
        log.sealer().tick(everything=True)
    writer.close()


def test_a_living_journal_is_sealed_after_a_while_and_one_left_behind_at_once(log: Log) -> None:
    sealer, writer = log.sealer(), log.writer()
    writer.append(prediction(0))
    sealer.tick()
    assert log.store.scan(SEGMENTS) == []
    log.clock.advance(SEAL_S)
    sealer.tick()
    assert len(log.store.scan(SEGMENTS)) == 1
    assert len(log.journals()) == 1
    writer.append(prediction(1))
    sealer.tick()
    assert len(log.store.scan(SEGMENTS)) == 1
    writer.close()
    sealer.tick()
    assert len(log.store.scan(SEGMENTS)) == 2
    assert log.journals() == []
    assert log.ids() == [0, 1]


def test_sealing_again_changes_nothing(log: Log) -> None:
    writer = log.writer()
    writer.append(prediction(0, 5))
    for _ in range(3):
        log.sealer().tick(everything=True)
    assert [s.value.rows for s in log.store.scan(SEGMENTS)] == [5]
    revision = log.store.revision()
    log.sealer().tick(everything=True)
    assert log.store.revision() == revision
    writer.close()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("passed", range(4))
@pytest.mark.parametrize("method", ["commit", "put"])
def test_a_sealer_that_dies_anywhere_loses_and_doubles_nothing(
    log: Log, method: str, passed: int, after: bool
) -> None:
    writer = log.writer(rotate_bytes=1)
    for number in range(3):
        writer.append(prediction(2 * number, 2, day=number % 2))
    writer.append(label((0, 1)))
    writer.close()
    expected = log.rows()
    target = log.store if method == "commit" else log.blobs
    crashing = Crashing(target, method, passed, after)
    sealer = log.sealer(**{"store" if method == "commit" else "blobs": crashing})
    with pytest.raises(Crash):
        sealer.tick(everything=True)
    assert log.rows() == expected
    log.sealer().tick(everything=True)
    assert log.rows() == expected
    assert log.journals() == []
    assert sum(s.value.rows for s in log.store.scan(SEGMENTS)) == 7


def test_a_sealer_that_died_before_its_commit_seals_what_was_added_since_too(log: Log) -> None:
    writer = log.writer()
    writer.append(prediction(0))
    with pytest.raises(Crash):
        log.sealer(store=Crashing(log.store, "commit", 0)).tick(everything=True)
    writer.append(prediction(1))
    log.sealer().tick(everything=True)
    assert log.ids() == [0, 1]
    writer.close()


def test_a_full_disk_stops_the_sealer_until_it_is_free(log: Log, tmp_path: Path) -> None:
    writer = log.writer()
    writer.append(prediction(0))
    writer.close()
    (tmp_path / "blobs").write_text("in the way")
    with pytest.raises(StorageError):
        log.sealer().tick()
    assert log.ids() == [0]
    (tmp_path / "blobs").unlink()
    log.sealer().tick()
    assert log.ids() == [0]
    assert log.journals() == []


def test_a_journal_that_cannot_be_sealed_does_not_hold_up_the_others(
    log: Log, tmp_path: Path
) -> None:
    for number, endpoint in enumerate(("barred", "churn", "spam")):
        writer = log.writer(name=f"w{number}")
        writer.append(prediction(number, endpoint=endpoint))
        writer.close()
    folder = tmp_path / "blobs" / "log" / "predictions"
    folder.mkdir(parents=True)
    (folder / "barred").write_text("in the way")
    sealer = log.sealer()
    with pytest.raises(StorageError, match=r"journal w0-.* cannot be sealed"):
        sealer.tick()
    assert [path.name[:2] for path in log.journals()] == ["w0"]
    (folder / "barred").unlink()
    with pytest.raises(StorageError):  # told on, though not tried again so soon
        sealer.tick()
    log.clock.advance(RETRY_S)
    sealer.tick()
    assert log.journals() == []
    assert log.ids("barred") == [0]


def test_a_journal_on_which_the_sealer_itself_fails_is_told_and_left_as_it_is(
    log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("w0", "w1"):
        writer = log.writer(name=name)
        writer.append(prediction(int(name[1])))
        writer.close()
    faulty = Crashing(log.blobs, "put", 0, error=ZeroDivisionError)
    with pytest.raises(StorageError, match=r"\(and 1 more\).*ZeroDivisionError"):
        log.sealer(blobs=faulty).tick()
    assert "ZeroDivisionError" in capfd.readouterr().err
    assert len(log.journals()) == 2
    log.sealer().tick()
    assert log.ids() == [0, 1]


def test_a_torn_tail_is_cut_and_told(log: Log) -> None:
    writer = log.writer()
    writer.append(prediction(0))
    writer.close()
    (path,) = log.journals()
    with path.open("ab") as file:
        file.write(prediction(1)[:-3])
    torn = len(prediction(1)) - 3
    assert log.ids() == [0]
    log.sealer().tick()
    assert log.ids() == [0]
    assert list(log.folder.iterdir()) == []
    (event,) = log.store.events()
    assert (event.action, event.detail) == ("cut torn tail", {"bytes": torn})


def test_a_journal_damaged_in_its_middle_is_set_aside_and_told(log: Log) -> None:
    writer = log.writer()
    sizes = []
    for number in range(3):
        writer.append(prediction(number))
        sizes.append(len(prediction(number)))
    writer.close()
    (path,) = log.journals()
    raw = bytearray(path.read_bytes())
    raw[sizes[0] + 40] ^= 1
    path.write_bytes(raw)
    log.sealer().tick()
    log.sealer().tick()
    assert log.ids() == [0]
    (kept,) = log.folder.iterdir()
    assert (kept.suffix, kept.read_bytes()) == (".damaged", bytes(raw))
    (event,) = log.store.events()
    assert event.action == "set damaged journal aside"
    assert event.detail == {"bytes": sizes[1] + sizes[2]}


def test_versions_with_other_fields_are_read_together(log: Log) -> None:
    writer = log.writer()
    shapes: list[dict[str, Any]] = [
        {"label": np.array([1], np.int64)},
        {"label": np.array(["ü"], dtype=object), "score": np.array([0.5])},
        {"label": np.array([[1.0, 2.0]])},
        {},
    ]
    for number, shape in enumerate(shapes):
        writer.append(prediction(number, **shape))
        log.sealer().tick(everything=True)  # a file of its own
    writer.append(prediction(9, label=np.array([True])))
    rows = log.rows()
    assert [row["out.label"] for row in rows] == ["1", "ü", "[1.0,2.0]", None, "true"]
    assert [row["out.score"] for row in rows] == [None, 0.5, None, None, None]
    log.clock.advance(2 * 86_400)
    log.compactor().tick()
    assert log.rows() == rows
    assert len(log.store.scan(SEGMENTS)) == 1
    writer.close()


def test_the_latest_label_counts_and_the_first_on_request(log: Log) -> None:
    writer = log.writer()
    writer.append(label((0, 1), (1, "early"), received=1))  # label before its prediction
    writer.append(prediction(0, 3))
    writer.append(label((0, 3.0), received=9, time=-5))
    writer.append(label((0, 2), received=5, time=7))
    writer.append(label((0, "no label"), received=10, name="revenue"))
    writer.append(label((77, "nobody"), received=10))
    for _ in range(2):
        assert [r["label"] for r in log.rows()] == ["3", "early", None]
        assert [r["label_number"] for r in log.rows()] == [3.0, None, None]
        assert [r["label"] for r in log.rows(labels="first")] == ["1", "early", None]
        log.sealer().tick(everything=True)
    names = feedback(log.store, log.blobs, log.folder, "churn").collect()["name"]
    assert sorted(names) == ["label"] * 5 + ["revenue"]
    writer.close()


def test_labels_that_came_together_are_decided_alike_in_any_file(log: Log) -> None:
    writer = log.writer()
    writer.append(prediction(0))
    writer.append(label((0, "later"), received=5, time=9))
    writer.append(label((0, "earlier"), received=5, time=1))
    for _ in range(2):
        assert [r["label"] for r in log.rows()] == ["later"]
        log.sealer().tick(everything=True)
    log.clock.advance(2 * 86_400)
    writer.append(label((0, "again"), received=4))
    log.sealer().tick(everything=True)
    log.compactor().tick()
    assert [r["label"] for r in log.rows()] == ["later"]
    writer.close()


def test_feedback_whose_sender_tells_an_absurd_time_is_kept_like_any_other(log: Log) -> None:
    writer = log.writer()
    writer.append(prediction(0, 3))
    for number, time in enumerate((-(2**62), 2**62 - START_US, -START_US - 10**17)):
        writer.append(label((number, number), time=time))
    log.sealer().tick(everything=True)
    rows = read(log.store, log.blobs, log.folder, "churn").select("label").collect()
    assert rows["label"].to_list() == ["0", "1", "2"]
    writer.close()


@dataclass
class Moving:
    """A store in which something happens between two of a reader's looks at it."""

    target: Store
    happen: Any
    times: int

    def __getattr__(self, name: str) -> Any:
        if name == "scan" and self.times:
            self.times -= 1
            self.happen()
        return getattr(self.target, name)


def test_a_reader_never_mixes_two_moments(log: Log) -> None:
    writer = log.writer(rotate_bytes=1)
    for number in range(3):
        writer.append(prediction(number))
    writer.close()
    moving: Any = Moving(log.store, lambda: log.sealer().tick(), 1)
    rows = read(moving, log.blobs, log.folder, "churn").collect()
    assert [number_of(i) for i in rows["id"]] == [0, 1, 2]
    restless: Any = Moving(log.store, lambda: log.store.commit(), 10**6)
    with pytest.raises(StorageError, match="too fast"):
        read(restless, log.blobs, log.folder, "churn")


def test_a_frame_without_rows_leaves_nothing(log: Log) -> None:
    writer = log.writer()
    writer.append(prediction(0, 0))
    assert log.ids() == []
    log.sealer().tick(everything=True)
    assert log.store.scan(SEGMENTS) == []
    writer.append(prediction(1))
    writer.close()
    log.sealer().tick()
    assert log.ids() == [1]


def test_answers_that_failed_are_read_with_those_that_did_not(log: Log) -> None:
    whole = decode_payload(prediction(0, y=np.array([1.5]))[HEADER.size :])
    assert isinstance(whole, PredictionFrame)
    writer = log.writer()
    failed = msgspec.structs.replace(whole, outcome="timeout", outputs=None)
    writer.append(encode_prediction(failed))
    writer.append(prediction(1, y=np.array([2.5])))
    for _ in range(2):
        rows = log.rows()
        assert [(r["outcome"], r["out.y"]) for r in rows] == [("timeout", None), ("ok", 2.5)]
        log.sealer().tick(everything=True)
    writer.close()
