"""Clocks that are wrong, gaps, crashes: each window is looked at once, and none is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.monitoring import Budget, Plan
from fairlead.monitoring.records import FINDINGS, WATCHES, WINDOWS, Watch
from fairlead.monitoring.traffic import TRAFFIC
from support.hours import HOUR_US, Hours
from support.log import DAY_US, START_US, Crash, Crashing, Log, open_log

DAY = 24
CENTURY = 36_525 * DAY


@pytest.fixture
def hours(tmp_path: Path) -> Iterator[Hours]:
    with open_log(tmp_path) as log:
        yield Hours(log, Plan(budget=Budget(learn=4)))


def counted(log: Log) -> dict[int, int]:
    windows = [stored.value for stored in log.store.scan(WINDOWS)]
    return {(w.start_us - START_US) // HOUR_US: w.profile.rows for w in windows}


def watch_of(log: Log) -> Watch:
    (stored,) = log.store.scan(WATCHES)
    return stored.value


def test_rows_of_the_next_hour_wait_until_it_is_over(hours: Hours) -> None:
    """A worker whose clock is ahead of the controller's."""
    hours.answer({0: 120, 3: 30})
    hours.reach(1)
    hours.look()
    assert list(hours.findings()) == [0]
    hours.watch(1, 5, {1: 120, 2: 120, 3: 120})
    assert {hour: f.comparison.rows for hour, f in hours.findings().items()} == {
        0: 120, 1: 120, 2: 120, 3: 150,
    }  # fmt: skip


def test_rows_of_the_next_century_and_of_the_first_day_make_no_window(hours: Hours) -> None:
    """A machine that came up before its clock was set."""
    hours.answer({0: 120, CENTURY: 50, -START_US // HOUR_US: 50, 1: 120})
    hours.reach(2)
    hours.look()
    assert counted(hours.log) == {0: 120, 1: 120}
    assert list(hours.findings()) == [0, 1]
    (traffic,) = hours.log.store.scan(TRAFFIC)
    assert sorted(traffic.value.rows.values()) == [120, 120]
    hours.watch(2, 4, {2: 120, 3: 120})
    assert list(hours.findings()) == [0, 1, 2, 3]


def test_a_machine_that_came_up_in_the_wrong_century_tests_what_follows(hours: Hours) -> None:
    """Its controller's clock was wrong too: it has looked at windows that are far ahead."""
    hours.watch(CENTURY, CENTURY + 2, {CENTURY: 120, CENTURY + 1: 120})
    assert list(hours.findings()) == [CENTURY, CENTURY + 1]
    hours.watch(0, 3, {0: 120, 1: 120, 2: 120})
    assert list(hours.findings()) == [0, 1, 2, CENTURY, CENTURY + 1]
    assert watch_of(hours.log).until_us == START_US + 3 * HOUR_US


def test_a_clock_that_is_set_back_by_hours_makes_no_second_finding(hours: Hours) -> None:
    hours.watch(0, 4, dict.fromkeys(range(4), 120))
    before = hours.findings()
    hours.watch(2, 6, dict.fromkeys(range(2, 6), 30))
    after = hours.findings()
    assert {hour: after[hour] for hour in before} == before
    assert {hour: f.comparison.rows for hour, f in after.items() if hour not in before} == {
        4: 30, 5: 30,
    }  # fmt: skip
    assert counted(hours.log)[2] == 150
    assert watch_of(hours.log).pending == ()


def test_a_gap_in_traffic_neither_adds_evidence_nor_takes_it_away(hours: Hours) -> None:
    asked = dict.fromkeys(range(8), 150)
    hours.watch(0, 8, asked)
    before = watch_of(hours.log)
    hours.watch(8, 30, {})
    assert watch_of(hours.log) == before
    assert hours.silences() == [], "eight hours are no past to miss anything by"
    hours.watch(30, 32, {30: 150, 31: 150})
    assert list(hours.findings()) == [*range(8), 30, 31]
    assert hours.findings()[30].detection.drifting == ()
    assert watch_of(hours.log).state.windows == 10


def test_a_field_that_drifts_still_does_after_an_hour_without_rows(hours: Hours) -> None:
    """An empty window is none in which the field looks like the reference again."""
    hours.answer(dict.fromkeys(range(10 * DAY), 120))
    for hour in (10 * DAY - 1, 10 * DAY):
        hours.reach(hour)
        hours.look()
    for hour in range(10 * DAY, 10 * DAY + 8):
        moved = hours.batch(120)
        moved.numbers[:] += 20.0
        hours.log.clock.set(START_US + hour * HOUR_US + HOUR_US // 2)
        hours.answer({hour: 120}, inputs=moved)
        hours.reach(hour + 1)
        hours.look()
    drifting = watch_of(hours.log).state.fields
    assert drifting["age"].drifting
    hours.watch(10 * DAY + 8, 10 * DAY + 14, {})
    assert len(hours.silences()) == 6
    assert hours.findings()[10 * DAY + 13].detection.drifting == ("age",)
    assert watch_of(hours.log).state.fields == drifting


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("passed", range(6))
def test_each_window_is_looked_at_once_wherever_the_process_dies(
    hours: Hours, passed: int, after: bool
) -> None:
    """The commits are those of two files that are counted and four windows that are looked at."""
    hours.answer({0: 120, 1: 120})
    hours.answer({1: 60, 2: 120, 3: 120})
    hours.reach(4)
    hours.store = Crashing(hours.log.store, "commit", passed, after)
    hours.restart()
    with pytest.raises(Crash):
        hours.look()
    hours.store = None
    hours.restart()
    hours.look()
    assert counted(hours.log) == {0: 120, 1: 180, 2: 120, 3: 120}
    rows = {hour: found.comparison.rows for hour, found in hours.findings().items()}
    assert rows == counted(hours.log)
    watched = watch_of(hours.log)
    assert (watched.pending, watched.state.windows) == ((), 4)
    (traffic,) = hours.log.store.scan(TRAFFIC)
    assert list(traffic.value.rows.values()) == [120, 180, 120, 120]


def test_after_a_month_without_a_controller_there_is_a_finding_for_each_hour_with_rows(
    hours: Hours,
) -> None:
    """The workers went on without it: what they have logged is looked at, hour by hour, once."""
    hours.watch(0, 2, {0: 120, 1: 120})
    hours.answer({24 * day: 120 for day in range(1, 30)})
    hours.restart()
    hours.log.clock.set(START_US + 31 * DAY_US)
    hours.look()
    assert list(hours.findings()) == [0, 1, *(24 * day for day in range(1, 30))]
    assert len(hours.log.store.scan(FINDINGS)) == 31
