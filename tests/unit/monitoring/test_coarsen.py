"""Windows that are too many for a page are taken together, and one of each can be opened."""

from __future__ import annotations

import pytest

from fairlead.monitoring.coarsen import COLUMNS_MAX, MINUTE_US, Cell, coarsen
from fairlead.monitoring.course import Course, FieldCourse, Moment
from fairlead.monitoring.records import Stream

STREAM = Stream(endpoint="churn", version="churn:1", role="stable")


def course(starts: list[int], effects: list[float | None]) -> Course:
    moments = tuple(
        Moment(start_us=at, end_us=at + 1, rows=1, expected=None, alarms=(), recovered=(),
               broken=())
        for at in starts
    )  # fmt: skip
    field = FieldCourse(
        name="x", side="input", state="quiet", effects=tuple(effects), effect=0.0, since_us=None,
        evidence=0.0, why="",
    )  # fmt: skip
    return Course(stream=STREAM, alarm=False, moments=moments, fields=(field,))


def test_few_windows_stay_as_they_are() -> None:
    heat = coarsen(course([0, 7], [0.5, None]), 1)
    assert (heat.length_us, heat.starts_us) == (0, (0, 7))
    assert heat.cells == ((Cell(0.5, 0), None),)


def test_many_are_the_mean_of_each_stretch_and_open_the_worst() -> None:
    second = MINUTE_US // 60
    starts = [place * second for place in range(240)]
    effects: list[float | None] = [1.0 if at == 30 * second else 0.0 for at in starts]
    heat = coarsen(course(starts, effects), 1)
    assert heat.length_us == MINUTE_US
    assert heat.starts_us == tuple(range(0, 4 * MINUTE_US, MINUTE_US))
    assert heat.cells[0][0] == Cell(pytest.approx(1 / 60), 30 * second)  # type: ignore[arg-type]


@pytest.mark.parametrize(("hours", "length_min"), [(97, 360), (24 * 28, 1440), (24 * 400, 10_080)])
def test_hours_become_parts_of_days_days_and_weeks(hours: int, length_min: int) -> None:
    starts = [hour * 60 * MINUTE_US for hour in range(hours)]
    heat = coarsen(course(starts, [0.0] * hours), 1)
    assert heat.length_us == length_min * MINUTE_US
    assert len(heat.starts_us) <= COLUMNS_MAX


def test_a_stretch_in_which_nothing_was_tested_has_no_value() -> None:
    starts = [place * MINUTE_US // 2 for place in range(200)]
    effects: list[float | None] = [None if place < 10 else 0.1 for place in range(200)]
    row = coarsen(course(starts, effects), 1).cells[0]
    assert row[0] is None
    assert row[-1] is not None
