"""Hours become days and days go: what is kept is bounded, and no row is lost or counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import pytest

from fairlead.monitoring.accounts import ACCOUNTS, STATEMENTS
from fairlead.monitoring.archivist import LOOK_S, Archivist
from fairlead.monitoring.days import DAYS, Day
from fairlead.monitoring.reckon import Model
from fairlead.monitoring.records import FINDINGS, WATCHES, WINDOWS
from fairlead.monitoring.recount import recount
from fairlead.profiles import merge
from support.answers import classified
from support.bookkeeping import Desk, classifier, truth
from support.hours import HOUR_US, Hours
from support.log import DAY_US, START_US, Crash, Crashing, Log, open_log

DAY = 24
WEEKS = 8 * 7
"""In days, for which hours are kept."""


@pytest.fixture
def hours(tmp_path: Path) -> Iterator[Hours]:
    with open_log(tmp_path) as log:
        yield Hours(log)


def archive(log: Log, day: int, store: object = None) -> None:
    """Let the archivist look on a day until there is nothing left to do."""
    log.clock.set(START_US + day * DAY_US)
    archivist = Archivist(store or log.store, log.clock)  # type: ignore[arg-type]
    revision = -1
    while log.store.revision() != revision:
        revision = log.store.revision()
        archivist.tick()
        log.clock.advance(LOOK_S)


def three_days(hours: Hours) -> None:
    hours.answer(dict.fromkeys(range(3 * DAY), 5))
    hours.reach(3 * DAY)
    hours.look()


def days(log: Log) -> dict[int, Day]:
    found = [stored.value for stored in log.store.scan(DAYS)]
    return {(each.start_us - START_US) // DAY_US: each for each in found}


def rows(log: Log) -> int:
    """In hours and days together."""
    hours = sum(stored.value.profile.rows for stored in log.store.scan(WINDOWS))
    return hours + sum(day.profile.rows for day in days(log).values())


def test_the_hours_of_a_day_become_its_day_after_eight_weeks(hours: Hours) -> None:
    three_days(hours)
    log = hours.log
    windows = [stored.value.profile for stored in log.store.scan(WINDOWS)]
    archive(log, WEEKS)
    assert days(log) == {}
    archive(log, WEEKS + 2)
    assert list(days(log)) == [0, 1]
    assert days(log)[0].profile == reduce(merge, windows[:DAY])
    assert [day.found for day in days(log).values()] == [DAY, DAY]
    left = [(s.value.start_us - START_US) // HOUR_US for s in log.store.scan(WINDOWS)]
    assert left == list(hours.findings()) == list(range(2 * DAY, 3 * DAY))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("passed", range(3))
def test_each_row_is_in_an_hour_or_in_a_day_wherever_the_process_dies(
    hours: Hours, passed: int, after: bool
) -> None:
    three_days(hours)
    with pytest.raises(Crash):
        archive(hours.log, 70, Crashing(hours.log.store, "commit", passed, after))
    assert rows(hours.log) == 3 * DAY * 5
    archive(hours.log, 71)
    assert rows(hours.log) == 3 * DAY * 5
    assert [day.found for day in days(hours.log).values()] == [DAY] * 3
    assert hours.log.store.scan(WINDOWS) == []


def test_rows_that_come_after_ten_weeks_are_in_their_day(hours: Hours) -> None:
    three_days(hours)
    log = hours.log
    archive(log, 70)
    hours.answer({1: 7, 30: 2, 70 * DAY: 3})
    hours.answer({2: 1})
    hours.look()
    assert {day: each.profile.rows for day, each in days(log).items()} == {0: 128, 1: 122, 2: 120}
    assert rows(log) == 3 * DAY * 5 + 13
    assert set(hours.findings()) <= {70 * DAY}, "of days nothing is tested any more"


def test_what_was_proven_on_a_day_is_still_told(hours: Hours) -> None:
    hours.answer(dict.fromkeys(range(10 * DAY), 40))
    for hour in (10 * DAY - 1, 10 * DAY):
        hours.reach(hour)
        hours.look()
    hours.watch(10 * DAY, 10 * DAY + 3, {})
    assert len(hours.silences()) == 3
    archive(hours.log, WEEKS + 12)
    assert days(hours.log)[10 - 1].unusual == 0
    (course,) = recount(hours.log.store, "churn", since_us=START_US + 5 * DAY_US)
    assert [each.rows for each in course.moments] == [960] * 5
    assert all(each.end_us - each.start_us == DAY_US for each in course.moments)
    assert not course.alarm


def test_after_years_there_is_a_bounded_number_of_days(hours: Hours) -> None:
    log = hours.log
    for day in range(0, 600, 20):
        hours.answer({day * DAY: 5})
        hours.reach(day * DAY + 2)
        hours.look()
        archive(log, day + 1)
    assert min(days(log)) > 580 - 400 - WEEKS - 20
    assert max(days(log)) < 600 - WEEKS
    assert rows(log) == 5 * (len(days(log)) + len(log.store.scan(WINDOWS)))
    assert len(log.store.scan(FINDINGS)) == len(log.store.scan(WINDOWS)) <= WEEKS // 20 + 1


def test_a_stream_without_rows_for_400_days_is_forgotten(hours: Hours) -> None:
    three_days(hours)
    archive(hours.log, 399)
    assert len(hours.log.store.scan(WATCHES)) == 1
    archive(hours.log, 404)
    assert hours.log.store.scan(WATCHES) == []


def test_a_clock_that_is_wrong_for_minutes_costs_a_week_at_most(hours: Hours) -> None:
    hours.answer(dict.fromkeys(range(0, 30 * DAY, DAY), 5))
    hours.reach(30 * DAY)
    hours.look()
    log = hours.log
    archivist = Archivist(log.store, log.clock)
    log.clock.set(START_US + 90 * DAY_US)
    archivist.tick()
    archivist.tick()
    log.clock.set(START_US + 30 * DAY_US)
    archivist.tick()
    assert len(days(log)) <= 7
    assert rows(log) == 30 * 5


@pytest.fixture(scope="module")
def churn() -> Model:
    return classifier()


def test_a_statement_is_kept_short_and_its_labels_are_taken_in_once(
    tmp_path: Path, churn: Model
) -> None:
    with open_log(tmp_path) as log:
        desk, hours = Desk(log, churn), Hours(log)
        made = classified(200, 1)
        ids = desk.answer(made)
        desk.label(ids[:50], truth(made)[:50])
        desk.hours(1.2)
        desk.keeper().tick()
        hours.look()
        whole = desk.statements()[0]
        archive(log, 60)
        short = desk.statements()[0]
        assert (short.tally, short.ledger) == (None, None)
        assert (short.coverage, short.first) == (whole.coverage, whole.first)
        assert days(log)[0].tally == whole.tally
        keeper = desk.keeper(tick_s=60.0)
        for first in (50, 120):
            desk.label(ids[first : first + 40], truth(made)[first : first + 40])
            keeper.tick()
            desk.hours(24 * 6)
            keeper.tick()
        verdict = desk.account().guards["concept_drift"].verdict
        assert verdict is not None
        assert verdict.rows == 80, "the 50 were tested before"
        again = desk.statements()[0]
        assert (again.tally, again.coverage.labelled) == (None, 130)


def test_labels_of_a_prediction_that_is_too_old_change_nothing(
    tmp_path: Path, churn: Model
) -> None:
    with open_log(tmp_path) as log:
        desk, hours = Desk(log, churn), Hours(log)
        made = classified(100, 1)
        ids = desk.answer(made)
        desk.hours(1.2)
        desk.keeper().tick()
        hours.look()
        desk.hours(24 * 401)
        desk.label(ids, truth(made))
        desk.keeper().tick()
        assert desk.account().due == {}
        assert desk.strays().unknown == 0
        desk.answer(classified(1, 2))
        hours.look()
        archive(log, 470)
        assert 0 not in desk.statements()
        assert len(log.store.scan(STATEMENTS)) == 0
        assert len(log.store.scan(ACCOUNTS)) == 1
