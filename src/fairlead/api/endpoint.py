"""How one endpoint has fared: everything its page shows beside figures."""

from __future__ import annotations

import msgspec

from fairlead.api.overview import AlertLine, EndpointState, Underway
from fairlead.monitoring.course import FieldState
from fairlead.monitoring.goals import GoalCourse
from fairlead.monitoring.records import Stream
from fairlead.monitoring.slices import SliceCourse
from fairlead.monitoring.types import Drift, Quality, Side
from fairlead.routing import Automation
from fairlead.stats import Estimate


class WindowLine(msgspec.Struct, frozen=True, kw_only=True):
    """A window of rows.

    Args:
        start_us: of it, microseconds since 1970.
        rows: that were in it.
        expected: how many were; None while the past is too short.
        alarms: fields whose drift was proven in it.
        broken: fields with a fault.
    """

    start_us: int
    rows: int
    expected: Estimate | None = None
    alarms: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


class FieldLine(msgspec.Struct, frozen=True, kw_only=True):
    """A field over the windows.

    Args:
        name: of it.
        side: of the model that it is on.
        state: whether it drifts.
        effect: in the last window it was seen in, PSI above chance.
        worst: the largest of all windows; None where nothing was tested.
        worst_us: start of the window in which it was.
        since_us: when the drift was proven; None if it does not drift.
        why: in a sentence.
    """

    name: str
    side: Side
    state: FieldState
    effect: float
    worst: float | None
    worst_us: int | None
    since_us: int | None
    why: str


class MetricLine(msgspec.Struct, frozen=True, kw_only=True):
    """A metric, as it was last known.

    Args:
        metric: its name.
        estimated: without labels, of the newest window with an estimate.
        estimated_us: when that window began.
        realised: by labels, of the newest window with any.
        realised_us: when that window began.
    """

    metric: str
    estimated: Estimate | None = None
    estimated_us: int | None = None
    realised: Estimate | None = None
    realised_us: int | None = None


class ReleaseLine(msgspec.Struct, frozen=True, kw_only=True):
    """A release.

    Args:
        release: how far it is.
        created_us: when it was asked for, microseconds since 1970.
        changed_us: when it last changed.
        actor: who asked.
    """

    release: Underway
    created_us: int
    changed_us: int
    actor: str


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What answers cost.

    Args:
        model_s: time that models ran for a thousand requests, since counting began; None without
            any.
        price: of the machine for a thousand requests to all endpoints, at the traffic of the last
            hour; None where the settings name no price or nothing was asked.
        currency: of it.
    """

    model_s: float | None = None
    price: float | None = None
    currency: str = ""


class EndpointHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How an endpoint has fared.

    Args:
        state: how it is doing now.
        hours: how far was looked back.
        stream: whose rows and answers are told of; None before anyone answered.
        versions: that can be told of.
        windows: the newest first.
        fields: those that drift first.
        faults: of the last window.
        metrics: how good answers are.
        answered: rows of the time that was looked back to.
        labelled: of them.
        goals: metrics of its own.
        slices: how good answers are by the values of fields.
        undivided: inputs that the settings name, and rows were not divided by.
        releases: the newest first.
        alerts: of now and of late.
        looked_up: names of features that requests may leave out.
        answer: who answers, in this order; empty if the model alone does.
        automation: who decides, the versions that answer or people.
        cached_s: for how long answers are given again; None if they are not.
        cost: of answers.
    """

    state: EndpointState
    hours: float
    stream: Stream | None
    versions: tuple[str, ...]
    windows: tuple[WindowLine, ...]
    fields: tuple[FieldLine, ...]
    faults: tuple[Quality, ...]
    metrics: tuple[MetricLine, ...]
    answered: int
    labelled: int
    goals: tuple[GoalCourse, ...]
    slices: SliceCourse
    undivided: tuple[str, ...]
    releases: tuple[ReleaseLine, ...]
    alerts: tuple[AlertLine, ...]
    looked_up: tuple[str, ...]
    answer: tuple[str, ...]
    automation: Automation
    cached_s: float | None
    cost: Cost


class FieldWindow(msgspec.Struct, frozen=True, kw_only=True):
    """One field in one window.

    Args:
        field: its name.
        stream: whose rows these are.
        start_us: of the window, microseconds since 1970.
        end_us: of it.
        rows: in it.
        reference_rows: that they were compared with.
        drift: how far it moved, with the test's numbers; None where it was not there.
        faults: of its values, those that were looked at.
        evidence: of a drift, over the windows up to this one, as a share of what proves one.
        before_us: start of the window before; None if there is none.
        after_us: start of the window after.
    """

    field: str
    stream: Stream
    start_us: int
    end_us: int
    rows: int
    reference_rows: int
    drift: Drift | None
    faults: tuple[Quality, ...]
    evidence: float
    before_us: int | None = None
    after_us: int | None = None
