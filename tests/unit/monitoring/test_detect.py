"""Drift is found over windows, named, and over when it is over; quiet weeks stay quiet."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from fairlead.errors import ConflictError
from fairlead.monitoring import (
    DAY_US,
    WEEK_US,
    Budget,
    Detection,
    Rule,
    State,
    Window,
    recall,
    watch,
)
from fairlead.monitoring.vary import by_chance
from fairlead.profiles import Profile, empty, merge
from support.profiled import reference, window

BUDGET = Budget(alarms=1.0, windows=730.0, learn=48)


@pytest.fixture(scope="module")
def frame() -> Profile:
    random = np.random.default_rng(6)
    return reference(**rows(random, 5000))


def rows(random: np.random.Generator, size: int, shift: float = 0.0) -> dict[str, Any]:
    return {"x": random.normal(shift, 1, size), **{f"y{i}": random.pareto(2, size) for i in "ab"}}


def run(
    frame: Profile, shifts: list[float], seed: int, size: int = 400
) -> tuple[State, list[Detection]]:
    random = np.random.default_rng(seed)
    state, found = State(), []
    for shift in shifts:
        current = window(frame, **rows(random, size, shift))
        state, _, detection = watch(state, frame, current, budget=BUDGET)
        found.append(detection)
    return state, found


def test_a_shift_alarms_once_names_its_field_and_recovers(frame: Profile) -> None:
    _, found = run(frame, [0.0] * 60 + [0.5] * 30 + [0.0] * 30, seed=1)
    alarms = [(place, d.alarms) for place, d in enumerate(found) if d.alarms]
    assert [names for _, names in alarms] == [("x",)]
    assert 60 <= alarms[0][0] <= 64
    assert found[80].drifting == ("x",)
    (recovery,) = [place for place, d in enumerate(found) if d.recovered]
    assert 90 <= recovery <= 96
    assert found[-1].drifting == ()
    assert "Evidence of a change: x" in found[alarms[0][0]].why


def test_a_small_shift_is_found_in_time_though_no_window_shows_it(frame: Profile) -> None:
    _, found = run(frame, [0.0] * 60 + [0.25] * 100, seed=2)
    first = next(place for place, d in enumerate(found) if d.alarms)
    assert 60 <= first < 100
    assert found[first].alarms == ("x",)


def test_nothing_alarms_while_nothing_moves(frame: Profile) -> None:
    state, found = run(frame, [0.0] * 200, seed=3)
    assert not [d for d in found if d.alarms]
    assert "No change" in found[-1].why
    assert state.windows == 200


def test_one_wild_window_is_no_alarm(frame: Profile) -> None:
    _, found = run(frame, [0.0] * 60 + [3.0] + [0.0] * 20, seed=4)
    assert not [d for d in found if d.alarms]


@pytest.mark.parametrize("shift", [0.5, 1.0, 3.0])
def test_rows_that_differ_from_the_first_day_on_are_told_as_soon_as_windows_are_known(
    frame: Profile, shift: float
) -> None:
    state, found = run(frame, [shift] * 80, seed=11)
    alarms = [(place, d.alarms) for place, d in enumerate(found) if d.alarms]
    assert alarms[0][1] == ("x",)
    assert BUDGET.learn <= alarms[0][0] <= BUDGET.learn + 6
    assert found[-1].drifting == ("x",)
    assert by_chance(state.fields["x"].past, 400, 5000, 0).factor < 2, "it is no chance"


def test_while_it_learns_nothing_alarms(frame: Profile) -> None:
    _, found = run(frame, [0.0] * 20 + [1.0] * 20, seed=5)
    assert not [d for d in found if d.alarms]


def test_a_drift_teaches_nothing_about_the_past(frame: Profile) -> None:
    state, _ = run(frame, [0.0] * 60 + [0.7] * 60, seed=6)
    assert state.fields["x"].past.windows < 70
    assert state.fields["ya"].past.windows == 120


def test_a_window_of_few_rows_adds_nothing(frame: Profile) -> None:
    state, _ = run(frame, [0.0] * 5, seed=7)
    after, found, detection = watch(state, frame, empty(frame), budget=BUDGET)
    assert after == msgspec.structs.replace(state, windows=6)
    assert not found.alarm
    assert not detection.alarms


def test_an_effect_below_the_floor_has_no_say(frame: Profile) -> None:
    random = np.random.default_rng(8)
    state, alarms = State(), 0
    for _ in range(160):
        current = window(frame, **rows(random, 400, 0.25))
        state, _, detection = watch(state, frame, current, budget=BUDGET, rule=Rule(effect_min=2.0))
        alarms += bool(detection.alarms)
    assert alarms == 0


def test_a_state_can_be_written_and_is_small(frame: Profile) -> None:
    state = State()
    random = np.random.default_rng(9)
    for hour in range(60):
        current = window(frame, **rows(random, 400))
        state, _, _ = watch(state, frame, current, budget=BUDGET, start_us=hour * DAY_US // 24)
    raw = msgspec.json.encode(state)
    assert msgspec.json.decode(raw, type=State) == state
    assert len(state.fields["x"].past.parts) == 8
    assert len(raw) < 1100 * len(state.fields)


def test_the_past_at_the_same_hour_is_recalled(frame: Profile) -> None:
    random = np.random.default_rng(11)
    hour_us = DAY_US // 24
    profiles = [window(frame, **rows(random, 50)) for _ in range(24 * 15)]
    windows = [
        Window(endpoint="e", version="m:1", role="stable", start_us=i * hour_us,
               end_us=(i + 1) * hour_us, profile=profile)
        for i, profile in enumerate(profiles)
    ]  # fmt: skip
    now = windows[24 * 14 + 3].start_us
    weekly = recall(windows, now)
    assert weekly == merge(profiles[3], profiles[24 * 7 + 3])
    daily = recall(windows, now, period_us=DAY_US)
    assert daily is not None
    assert daily.rows == 14 * 50
    assert recall(windows, WEEK_US - hour_us) is None


def test_windows_of_other_bins_are_not_merged(frame: Profile) -> None:
    other = reference(x=np.arange(100.0))
    windows = [
        Window(endpoint="e", version="m:1", role="stable", start_us=i * DAY_US,
               end_us=(i + 1) * DAY_US, profile=profile)
        for i, profile in enumerate([frame, other])
    ]  # fmt: skip
    with pytest.raises(ConflictError):
        recall(windows, 2 * DAY_US, period_us=DAY_US)
