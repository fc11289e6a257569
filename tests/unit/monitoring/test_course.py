"""How a stream went is summed up from what was found, and read for the span that was asked."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.monitoring import Budget, State, Window, volume, watch
from fairlead.monitoring.course import Course, chart
from fairlead.monitoring.records import (
    FINDINGS,
    WATCHES,
    WINDOWS,
    Finding,
    Stream,
    Watch,
    moment,
    spans,
)
from fairlead.monitoring.recount import gather, recount
from fairlead.store import ABSENT, Put, open_store
from support.profiled import reference, window

HOUR_US = 3_600_000_000
STREAM = Stream(endpoint="churn", version="churn:1", role="stable")
BUDGET = Budget(learn=12)


def story(shifts: list[float], missing: int = 0) -> tuple[Watch, list[Finding], list[Window]]:
    """A stream of 200 rows an hour, of which one field is shifted; its last hour lacks values."""
    random = np.random.default_rng(11)
    frame = reference(x=random.normal(size=4000), y=random.normal(size=4000))
    state, findings, windows = State(), [], []
    for hour, shift in enumerate(shifts):
        x, y = random.normal(shift, 1, 200), random.normal(size=200)
        if hour == len(shifts) - 1:
            y[:missing] = np.nan
        profile = window(frame, x=x, y=y)
        state, comparison, detection = watch(state, frame, profile, budget=BUDGET)
        start_us, end_us = hour * HOUR_US, (hour + 1) * HOUR_US
        findings.append(Finding(
            stream=STREAM, start_us=start_us, end_us=end_us, comparison=comparison,
            detection=detection, volume=volume(200, [200] * hour, 0.001),
        ))  # fmt: skip
        windows.append(Window(
            endpoint="churn", version="churn:1", role="stable", start_us=start_us, end_us=end_us,
            profile=profile,
        ))  # fmt: skip
    end_us = len(shifts) * HOUR_US
    return Watch(stream=STREAM, until_us=end_us, pending=(end_us,), state=state), findings, windows


def test_a_quiet_stream_raises_no_alarm() -> None:
    watched, findings, _ = story([0.0] * 20)
    course = chart(watched, findings)
    assert not course.alarm
    assert len(course.moments) == 20
    assert {field.state for field in course.fields} <= {"quiet", "moved"}
    assert all(len(field.effects) == 20 for field in course.fields)
    assert course.moments[-1].expected is not None
    assert course.moments[0].expected is None
    assert course.pending == 1


def test_what_drifts_comes_first_and_says_since_when() -> None:
    watched, findings, _ = story([0.0] * 20 + [1.0] * 6)
    course = chart(watched, findings)
    assert course.alarm
    first = course.fields[0]
    assert (first.name, first.state, first.side) == ("x", "drifting", "input")
    proven = [each for each in course.moments if each.alarms == ("x",)]
    assert [each.end_us for each in proven] == [first.since_us]
    assert 20 * HOUR_US < proven[0].end_us <= 26 * HOUR_US
    assert chart(watched, findings[-1:]).fields[0].since_us is None, "proven before"


def test_a_broken_last_window_is_an_alarm_and_an_earlier_one_is_none() -> None:
    watched, findings, _ = story([0.0] * 5, missing=150)
    course = chart(watched, findings)
    assert course.alarm
    assert [(one.field, one.kind) for one in course.broken] == [("y", "missing")]
    assert course.moments[-1].broken == ("y",)
    assert not chart(watched, [*findings, findings[0]]).alarm


def test_a_flood_of_rows_in_the_last_window_is_an_alarm() -> None:
    watched, findings, _ = story([0.0] * 3)
    flood = volume(9000, [200] * 20, 0.001)
    last = msgspec.structs.replace(findings[-1], volume=flood)
    assert chart(watched, [*findings, last]).alarm


def test_a_stream_that_was_not_looked_at_is_quiet() -> None:
    course = chart(Watch(stream=STREAM, pending=(0, 1)), [])
    assert (course.alarm, course.moments, course.pending) == (False, (), 2)


def test_a_course_can_be_written_and_read() -> None:
    course = chart(*story([0.0] * 3)[:2])
    assert msgspec.json.decode(msgspec.json.encode(course), type=Course) == course


def test_fields_that_are_gone_from_the_last_window_are_not_tested_in_it() -> None:
    watched, findings, _ = story([0.0] * 3)
    last = msgspec.structs.replace(
        findings[-1],
        comparison=msgspec.structs.replace(findings[-1].comparison, fields={}),
    )
    course = chart(watched, [*findings[:-1], last])
    assert {(f.name, f.state, f.effects[-1]) for f in course.fields} == {
        ("x", "not tested", None), ("y", "not tested", None),
    }  # fmt: skip


@pytest.mark.parametrize("since_h", [0, 3, 7, 10])
def test_the_store_is_read_for_the_span_alone(tmp_path: Path, since_h: int) -> None:
    watched, findings, windows = story([0.0] * 10)
    store = open_store(f"sqlite://{tmp_path}/store.db")
    other = msgspec.structs.replace(STREAM, endpoint="churn2")
    store.commit(
        Put(WATCHES, WATCHES.key(STREAM.place), watched, ABSENT),
        Put(WATCHES, WATCHES.key(other.place), Watch(stream=other), ABSENT),
        *(Put(FINDINGS, FINDINGS.key(STREAM.place, moment(f.start_us)), f, ABSENT)
          for f in findings),
        *(Put(WINDOWS, WINDOWS.key(STREAM.place, moment(w.start_us)), w, ABSENT)
          for w in windows[5:]),
    )  # fmt: skip
    (course,) = recount(store, "churn", since_us=since_h * HOUR_US)
    assert [each.start_us // HOUR_US for each in course.moments] == list(range(since_h, 10))
    gathered = gather(store, course, last=8)
    kept = 10 - max(since_h, 5)
    assert (gathered.rows if gathered else 0) == 200 * kept
    store.close()


@given(st.integers(0, 2 * 10**15), st.integers(0, 2 * 10**15), st.integers(0, 2 * 10**15))
def test_few_beginnings_of_keys_hold_all_times_of_a_span(a: int, b: int, time_us: int) -> None:
    since_us, until_us = min(a, b), max(a, b)
    found = spans(since_us, until_us)
    assert len(found) <= 101
    assert found == sorted(set(found))
    among = min(max(time_us, since_us), until_us)
    assert sum(moment(among).startswith(span) for span in found) == 1
