"""What is said of windows in which nothing moved: by the platform, and by rules of the field."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace
from support.copies import copies
from support.rules import verdicts

from fairlead.monitoring import Budget, State, compare, watch
from fairlead.monitoring.assessor import SEASONS
from fairlead.monitoring.duplicates import repetition
from fairlead.monitoring.traffic import PAST_DAYS
from support import worlds

REFERENCE_ROWS = 5000
MONTH_HOURS = 730
HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Kind:
    """A kind of traffic, and how it is watched.

    Args:
        clustered: whether its rows come from users who ask often and alike.
        cyclic: whether its rows follow the hour.
        seasonal: whether a window is compared with the same hour of the days before, or of the
            weeks where these have weekends.
        busy: whether the reference has more rows of the hours that have more, as a sample of the
            endpoint's traffic has.
        weekly: whether rows are others on two days of seven.
    """

    clustered: bool = False
    cyclic: bool = False
    seasonal: bool = False
    busy: bool = False
    weekly: bool = False


KINDS = {
    "independent": Kind(),
    "cycles": Kind(cyclic=True),
    "cycles, training rows by traffic": Kind(cyclic=True, busy=True),
    "cycles, by hour": Kind(cyclic=True, seasonal=True),
    "users": Kind(clustered=True),
    "users and cycles": Kind(clustered=True, cyclic=True),
    "users and cycles, training rows by traffic": Kind(clustered=True, cyclic=True, busy=True),
    "users and cycles, by hour": Kind(clustered=True, cyclic=True, seasonal=True),
}

WEEKENDS = {
    "training rows": Kind(cyclic=True, busy=True, weekly=True),
    "by week": Kind(cyclic=True, busy=True, weekly=True, seasonal=True),
}
"""Of which the first one is news, week by week."""


def alone(fields: range, rows: int, windows: int) -> dict[str, float]:
    """Share of undrifted windows with any alert, each tenth with a reference of its own."""
    random = np.random.default_rng(rows)
    alerts = 0
    for number in range(windows):
        if number % 10 == 0:
            world = worlds.make(random, REFERENCE_ROWS, fields=fields)
            reference = replace(world.reference, repeats=copies(random, REFERENCE_ROWS))
        current = worlds.profile(reference, worlds.window(world, random, rows))
        alerts += compare(reference, replace(current, repeats=copies(random, rows))).alarm
    return {"with_alert": alerts / windows, "windows": windows}


def hourly(fields: range, how: Kind, rows: int, months: float) -> dict[str, float]:
    """Hours in which nothing moves but what always does, watched as an endpoint is.

    Args:
        fields: which of the fifty.
        how: rows come about, and are watched.
        rows: of an hour; with cycles on average.
        months: of hours.

    Returns:
        Alarms a month, windows after those that the watch learns from, and the share of these in
        which anything alerts.
    """
    random = np.random.default_rng(17)
    world = worlds.make(
        random, REFERENCE_ROWS, fields=fields, clustered=how.clustered, cyclic=how.cyclic,
        busy=how.busy, weekly=how.weekly,
    )  # fmt: skip
    past: dict[int, deque[Any]] = defaultdict(lambda: deque(maxlen=SEASONS))
    repeated: dict[int, deque[Any]] = defaultdict(lambda: deque(maxlen=PAST_DAYS))
    apart = np.random.default_rng(19)  # so that fields are drawn as they would be alone
    state, budget = State(), Budget()
    alarms = alerts = judged = 0
    for number in range(round(months * MONTH_HOURS)):
        hour = number % worlds.HOURS
        season = number % (7 * worlds.HOURS) if how.weekly else hour
        asked = worlds.traffic(hour, rows) if how.cyclic else rows
        counted = worlds.window(world, random, asked, number)
        before = past[season] if how.seasonal else ()
        reference = worlds.merged(world.reference, before) if before else world.reference
        current = replace(
            worlds.profile(world.reference, counted),
            repeats=copies(apart, asked, number, clustered=how.clustered, cyclic=how.cyclic),
        )
        state, found, detection = watch(
            state, reference, current, budget=budget, start_us=number * HOUR_US,
            usual=tuple(repeated[hour]),
        )  # fmt: skip
        if not any(one.kind == "duplicates" for one in found.broken):
            repeated[hour].append(repetition(current.repeats))
        past[season].append(counted)
        alarms += bool(detection.alarms)
        if state.windows > budget.learn:
            judged, alerts = judged + 1, alerts + found.alarm
    return {
        "alarms_per_month": alarms / months, "with_alert": alerts / judged, "windows": judged
    }  # fmt: skip


def rules(
    fields: range, rows: int, windows: int, kind: str = "independent"
) -> dict[str, dict[str, float]]:
    """What each rule of the field says where nothing moved, each window with a reference of its
    own; of one column with one outlier of 1e6; and of one that also moved by half a deviation.
    """
    random, how = np.random.default_rng(rows + 1), KINDS[kind]
    said: dict[str, dict[str, list[bool]]] = {}

    def note(case: str, verdict: dict[str, bool]) -> None:
        for name, drifted in verdict.items():
            said.setdefault(name, {}).setdefault(case, []).append(bool(drifted))

    for _ in range(windows):
        any_of: dict[str, bool] = {}
        draw = worlds.rows_of(random, clustered=how.clustered, cyclic=how.cyclic)
        hour = int(random.integers(worlds.HOURS))
        for place in fields:
            pair = draw(place, REFERENCE_ROWS, None), draw(place, rows, hour)
            for name, drifted in verdicts(*pair).items():
                any_of[name] = any_of.get(name, False) or bool(drifted)
        note("nothing", any_of)
        for case, shift in (("outlier", 0.0), ("shift and outlier", 0.5)):
            a, b = draw(0, REFERENCE_ROWS, None), draw(0, rows, hour) + shift
            b[0] = 1e6
            note(case, verdicts(a, b))
    return {
        name: {case: float(np.mean(verdict)) for case, verdict in cases.items()}
        for name, cases in said.items()
    }
