"""A look at the newest of the log finds what was asked for, in no more files than it must."""

from __future__ import annotations

import pytest

from fairlead.ids import text
from fairlead.predictionlog import recent
from fairlead.predictionlog.recent import Found, Glance, Wanted
from support.log import DAY_US, START_US, Log, id_of, label, number_of, prediction

ALL = {"since_us": START_US, "until_us": START_US + 9 * DAY_US}


def look(log: Log, timeout_s: float = 60.0, **wanted: object) -> Found:
    known = {"kind": "predictions", "endpoint": "churn", **ALL, **wanted}
    glance = Glance(log.store, log.blobs, log.folder, log.clock, timeout_s)
    return glance.look(Wanted(**known))  # type: ignore[arg-type]


def write(log: Log, *frames: bytes) -> None:
    writer = log.writer()
    for frame in frames:
        writer.append(frame)
    writer.close()


def numbers(found: Found) -> list[int]:
    return [number_of(written) for written in found.rows["id"]]


@pytest.fixture
def days(log: Log) -> Log:
    """Three rows a day for three days, sealed; and two more that are not yet."""
    for day in range(3):
        write(log, prediction(10 * day, 3, day=day))
        log.sealer().tick(everything=True)
    write(log, prediction(100, 2, day=3), prediction(200, 2, day=3, endpoint="other"))
    return log


def test_the_newest_come_first_wherever_they_lie(days: Log) -> None:
    found = look(days)
    assert numbers(found) == [101, 100, 22, 21, 20, 12, 11, 10, 2, 1, 0]
    assert found.is_whole
    assert numbers(look(days, limit=4)) == [101, 100, 22, 21]


def test_no_file_is_opened_that_can_hold_nothing_newer(days: Log) -> None:
    assert look(days, limit=2).files < look(days, limit=4).files < look(days).files
    assert look(days, since_us=START_US + 2 * DAY_US).files < look(days).files


def test_rows_are_found_by_their_ids_and_by_those_of_their_callers(days: Log) -> None:
    written = text(id_of(11))
    assert numbers(look(days, id=written, equal=(("id", (written,)),))) == [11]
    assert numbers(look(days, equal=(("caller_id", ("ü-21", "ü-0")),))) == [21, 0]
    assert numbers(look(days, equal=(("unit", ("nobody",)),))) == []


def test_times_bound_it(days: Log) -> None:
    found = look(days, since_us=START_US + DAY_US, until_us=START_US + 2 * DAY_US)
    assert numbers(found) == [12, 11, 10]


def test_what_came_later_is_found_by_prediction(days: Log) -> None:
    write(days, label((11, "yes"), (12, "no")))
    written = text(id_of(11))
    found = look(days, kind="feedback", equal=(("prediction_id", (written,)),))
    assert found.rows["text"].to_list() == ["yes"]


def test_time_that_is_over_is_told(days: Log) -> None:
    late = look(days, timeout_s=-1.0)
    assert (numbers(late), late.is_whole) == ([], False)


def test_files_beyond_the_most_are_left_out_and_that_is_told(
    days: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "FILES_MAX", 2)
    found = look(days)
    assert (found.files, found.is_whole) == (2, False)
    assert numbers(found) == [101, 100, 22, 21, 20]
    assert look(days, limit=2).is_whole


def test_a_log_without_rows_has_none(log: Log) -> None:
    found = look(log)
    assert (found.rows.height, found.files, found.is_whole) == (0, 0, True)
