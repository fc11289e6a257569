"""An endpoint with a past, made of its records alone: no model, no log, nothing that takes time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from fairlead.alerts import ALERTS
from fairlead.app.settings import Settings
from fairlead.app.workspace import Workspace
from fairlead.clock import ManualClock
from fairlead.monitoring import Budget, State, Window, volume, watch
from fairlead.monitoring.accounts import STATEMENTS, Statement
from fairlead.monitoring.business import Goal, count_worth
from fairlead.monitoring.divide import NEW, Slice
from fairlead.monitoring.guard import Moments
from fairlead.monitoring.operations import READINGS, Reading, Readings
from fairlead.monitoring.performance import Coverage
from fairlead.monitoring.records import FINDINGS, WATCHES, WINDOWS, Finding, Stream, Watch, moment
from fairlead.records import Kind
from fairlead.releases import RELEASES, Release
from fairlead.routing import ROUTES, SLOTS, Arm, Route, VersionRef
from fairlead.signature import Field, Signature
from fairlead.stats import Estimate, wilson
from fairlead.store import ABSENT, Put
from support.alerts import alert
from support.profiled import reference, window

HOSTILE = "=<img onerror='window.hit=1' src=x>\u202e{{7*7}}" + "x" * 160
"""As a field's name, a category, a unit: 200 characters that nothing may run or be broken by."""
HOUR_US = 3_600_000_000
HOURS = 6
NOW_US = 20_000 * 24 * HOUR_US + HOURS * HOUR_US
PAID = count_worth(Goal(kind="sum", value="paid"), np.array([10.0, 15.0]), np.ones(2))
STREAM = Stream(endpoint="churn", version="churn:1", role="stable")
SIGNATURE = Signature(
    inputs=(Field(name="x", kind="number"), Field(name=HOSTILE, kind="category")),
    outputs=(Field(name="label", kind="category", categories=("no", "yes")),),
)


def remember(home: Path, hours: int = HOURS, settings: Settings | None = None) -> Workspace:
    """A home whose `churn` was watched for six hours, of which the last three drifted.

    Args:
        home: its folder.
        hours: how many of them there are; without any it is as good as new.
        settings: of the home.
    """
    workspace = Workspace(home, ManualClock(NOW_US), settings=settings)
    ref = VersionRef("churn:1", "d" * 64, "blob")
    route = Route(
        endpoint="churn", revision=1, signature=SIGNATURE,
        arms=(Arm("stable", ref, "stable", ((0, SLOTS),)),),
        shadows=(Arm("shadow", replace(ref, name="churn:2"), "shadow", ((0, SLOTS // 2),)),),
    )  # fmt: skip
    release = Release(
        id="01", endpoint="churn", version=ref, signature=SIGNATURE, actor=HOSTILE, state="done",
        created_us=NOW_US - 2 * HOUR_US, changed_us=NOW_US - HOUR_US, reason=HOSTILE,
    )  # fmt: skip
    put(workspace, ROUTES, "churn", value=route)
    if not hours:
        return workspace
    put(workspace, RELEASES, "churn", "01", value=release)
    begin_us = NOW_US - HOUR_US
    fired = alert(
        "pending", "firing", start_us=begin_us, rule="drift", subject=HOSTILE, look_at=HOSTILE
    )  # fmt: skip
    workspace.store.commit(Put(ALERTS, fired.key, fired, ABSENT))
    put(workspace, READINGS, "churn", value=readings())
    _watch(workspace, hours)
    for hour in range(hours):
        put(workspace, STATEMENTS, STREAM.place, moment(start(hour)), value=statement(hour))
    return workspace


def put(workspace: Workspace, kind: Kind[Any], *parts: str, value: object) -> None:
    workspace.store.commit(Put(kind, kind.key(*parts), value, ABSENT))


def start(hour: int) -> int:
    return NOW_US - (HOURS - hour) * HOUR_US


def readings() -> Readings:
    """An hour of minutes: ten requests each, of which the last one's all failed."""
    begin_us = NOW_US - HOUR_US
    return Readings(tuple(
        Reading(begin_us + m * 60_000_000, 10 * m - (10 if m == 59 else 0), 10 * m, 0.004, 0.02)
        for m in range(60)
    ))  # fmt: skip


def statement(hour: int) -> Statement:
    return Statement(
        stream=STREAM, start_us=start(hour), end_us=start(hour + 1), settled_us=NOW_US,
        coverage=Coverage(answered=200, labelled=50, share=wilson(50, 200)),
        realised={"accuracy": Estimate(0.9 - hour / 100, 0.8, 0.95)},
        worth={"paid": PAID}, goals={"paid": Estimate(25.0, 20.0, 30.0)},
        slices={
            HOSTILE: {HOSTILE: _slice(80, 20, 8), "b": _slice(110, 28, 1), NEW: _slice(10, 2, 1)}
        },
    )  # fmt: skip


def _slice(rows: int, labelled: int, wrong: int) -> Slice:
    return Slice(rows, {"error": Moments(labelled, float(wrong), float(wrong))})


def _watch(workspace: Workspace, hours: int) -> None:
    random = np.random.default_rng(5)
    names = np.array([HOSTILE, "b"], dtype=object)
    frame = reference(**{HOSTILE: random.choice(names, 2000), "x": random.normal(size=2000)})
    state = State()
    for hour in range(hours):
        shift = 3.0 if hour >= HOURS // 2 else 0.0
        rows = {HOSTILE: random.choice(names, 200), "x": random.normal(shift, 1, 200)}
        profile = window(frame, **rows)
        state, comparison, detection = watch(state, frame, profile, budget=Budget(learn=2))
        at: Any = {"start_us": start(hour), "end_us": start(hour + 1)}
        finding = Finding(
            stream=STREAM, comparison=comparison, detection=detection,
            volume=volume(200, [190, 200, 210] * 3, 0.001), **at,
        )  # fmt: skip
        found = Window(endpoint="churn", version="churn:1", role="stable", profile=profile, **at)
        put(workspace, FINDINGS, STREAM.place, moment(start(hour)), value=finding)
        put(workspace, WINDOWS, STREAM.place, moment(start(hour)), value=found)
    watched = Watch(stream=STREAM, until_us=NOW_US, state=state)
    put(workspace, WATCHES, STREAM.place, value=watched)
