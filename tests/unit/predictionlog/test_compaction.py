"""Files become fewer, no larger than memory allows, and what no record names goes."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.errors import StorageError
from fairlead.predictionlog import compact
from fairlead.predictionlog.attempts import RETRY_S
from fairlead.predictionlog.compact import GARBAGE, GRACE_US
from fairlead.predictionlog.read import read
from fairlead.predictionlog.segments import SEGMENTS
from support.log import Crash, Crashing, Log, label, prediction


def grown(log: Log, days: int) -> list[dict[str, Any]]:
    """A log of many small files, over some days."""
    writer = log.writer()
    for number in range(3 * days):
        writer.append(prediction(10 * number, 2, day=number % days))
        writer.append(label((10 * number, number), received=number))
        log.sealer().tick(everything=True)
    writer.close()
    log.sealer().tick()
    return log.rows()


def test_past_days_are_merged_and_each_row_stays_exactly_once(log: Log) -> None:
    rows = grown(log, days=2)
    log.clock.advance(1.5 * 86_400)
    log.compactor().tick()
    assert log.rows() == rows
    days = [(s.value.kind, s.value.day, s.value.rows) for s in log.store.scan(SEGMENTS)]
    first, second = "2024-10-04", "2024-10-05"
    assert days[0] == ("feedback", first, 6)
    assert days[1] == ("predictions", first, 6)
    assert days[2:] == [("predictions", second, 2)] * 3
    log.compactor().tick()
    assert log.rows() == rows


def test_what_was_merged_is_deleted_after_a_grace(log: Log) -> None:
    grown(log, days=1)
    log.clock.advance(2 * 86_400)
    before = set(log.blobs.keys())
    open_reader = read(log.store, log.blobs, log.folder, "churn")
    log.compactor().tick()
    assert before < set(log.blobs.keys())
    assert open_reader.collect().height == 6
    log.clock.advance(GRACE_US / 1e6)
    log.compactor().tick()
    assert sorted(log.blobs.keys()) == sorted(s.value.blob for s in log.store.scan(SEGMENTS))
    assert log.store.scan(GARBAGE) == []
    assert len(log.ids()) == 6


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("passed", range(2))
@pytest.mark.parametrize("method", ["commit", "put", "delete"])
def test_a_compactor_that_dies_anywhere_loses_and_doubles_nothing(
    log: Log, method: str, passed: int, after: bool
) -> None:
    rows = grown(log, days=1)
    log.clock.advance(2 * 86_400)
    if method == "delete":
        log.compactor().tick()
        log.clock.advance(GRACE_US / 1e6)
    target = log.store if method == "commit" else log.blobs
    crashing = Crashing(target, method, passed, after)
    with pytest.raises(Crash):
        log.compactor(**{"store" if method == "commit" else "blobs": crashing}).tick()
    assert log.rows() == rows
    for _ in range(2):
        log.compactor().tick()
        assert log.rows() == rows
        log.clock.advance(GRACE_US / 1e6)
    assert sorted(log.blobs.keys()) == sorted(s.value.blob for s in log.store.scan(SEGMENTS))


def test_late_rows_of_a_merged_day_are_merged_again(log: Log) -> None:
    grown(log, days=1)
    log.clock.advance(2 * 86_400)
    log.compactor().tick()
    writer = log.writer()
    writer.append(prediction(99))
    writer.close()
    log.sealer().tick()
    log.compactor().tick()
    assert len([s for s in log.store.scan(SEGMENTS) if s.value.kind == "predictions"]) == 1
    assert log.ids() == [0, 1, 10, 11, 20, 21, 99]


def sizes(log: Log) -> list[int]:
    """Of the files of predictions."""
    return [s.value.size_bytes for s in log.store.scan(SEGMENTS, "predictions/")]


def test_no_merge_is_larger_than_allowed_and_it_comes_to_an_end(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = log.writer()
    for number in range(12):
        writer.append(prediction(100 * number, 5 + 50 * (number % 5 == 0)))
        log.sealer().tick(everything=True)
    writer.close()
    rows, before = log.rows(), sizes(log)
    most = sum(sorted(before)[:4])
    monkeypatch.setattr(compact, "MERGE_BYTES", most)
    log.clock.advance(2 * 86_400)
    log.compactor().tick()
    log.compactor().tick()
    merged = sizes(log)
    assert len(merged) < len(before)
    assert max(merged) <= max(*before, 1.2 * most)
    assert sum(size < most / 2 for size in merged) <= 1
    revision = log.store.revision()
    log.compactor().tick()
    assert log.store.revision() == revision
    assert log.rows() == rows


def test_a_file_that_no_record_names_is_deleted_after_a_grace(log: Log) -> None:
    grown(log, days=1)
    whole = set(log.blobs.keys())
    log.blobs.put("log/predictions/churn/2024-10-04/w-0-10.parquet", b"its writer was killed")
    log.blobs.put("bundles/some", b"not of the log")
    compactor = log.compactor()
    compactor.tick()
    log.clock.advance(GRACE_US / 1e6 - 1)
    compactor.tick()
    assert len(log.blobs.keys()) == len(whole) + 2
    log.clock.advance(1)
    compactor.tick()
    assert set(log.blobs.keys()) == {*whole, "bundles/some"}


def test_a_file_that_is_recorded_after_all_is_kept(log: Log) -> None:
    writer = log.writer()
    writer.append(prediction(0, 3))
    with pytest.raises(Crash):
        log.sealer(store=Crashing(log.store, "commit", 0)).tick(everything=True)
    log.compactor().tick()
    assert len(log.store.scan(GARBAGE)) == 1
    log.sealer().tick(everything=True)  # the same work under the same name
    log.clock.advance(GRACE_US / 1e6)
    log.compactor().tick()
    assert log.store.scan(GARBAGE) == []
    assert log.ids() == [0, 1, 2]
    writer.close()


def test_a_day_that_cannot_be_merged_does_not_hold_up_the_others(
    log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    grown(log, days=2)
    log.clock.advance(3 * 86_400)
    (broken, *_) = log.store.scan(SEGMENTS, "predictions/")
    raw = log.blobs.get(broken.value.blob)
    log.blobs.put(broken.value.blob, raw[:-20])
    compactor = log.compactor()
    with pytest.raises(StorageError, match=f"predictions of churn on {broken.value.day}"):
        compactor.tick()
    assert capfd.readouterr().err.count("Traceback") == 1
    assert len(log.store.scan(SEGMENTS, "predictions/")) == 3 + 1
    with pytest.raises(StorageError):  # told on, though not tried again so soon
        compactor.tick()
    assert capfd.readouterr().err == ""
    log.blobs.put(broken.value.blob, raw)
    log.clock.advance(RETRY_S)
    compactor.tick()
    assert len(log.store.scan(SEGMENTS, "predictions/")) == 2
    assert len(log.ids()) == 12
