"""How a stream of rows went, from window to window: what pages, reports and commands show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from fairlead.monitoring.days import Day
from fairlead.monitoring.records import Finding, Stream, Watch
from fairlead.monitoring.types import Quality, Side, Volume
from fairlead.stats import Estimate

FieldState = Literal["drifting", "moved", "quiet", "not tested"]
_STATES = ("drifting", "moved", "quiet", "not tested")


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One window; or one day, of which no window is kept any more.

    Args:
        start_us: first microsecond since 1970 that belongs to it.
        end_us: first one that does not.
        rows: that were in it when it was looked at.
        expected: how many were expected; None while the past is too short, and where others
            answered a part of what the endpoint was asked.
        alarms: fields whose drift was proven in it.
        recovered: fields whose drift was over.
        broken: fields with a fault.
    """

    start_us: int
    end_us: int
    rows: int
    expected: Estimate | None
    alarms: tuple[str, ...]
    recovered: tuple[str, ...]
    broken: tuple[str, ...]


class FieldCourse(msgspec.Struct, frozen=True, kw_only=True):
    """One field over all windows.

    Args:
        name: of it.
        side: of the model that it is on.
        state: `drifting` if that is proven over windows; `moved` if the last window alone says so.
        effects: of each moment, PSI above chance; None where there was nothing to test, and of
            days.
        effect: in the last window it was seen in.
        since_us: end of the window in which the drift was proven; None if it does not drift, or
            has since before the first window.
        evidence: of a change, over the windows up to the last one; a proof sets it back.
        why: in a sentence, of the last window it was seen in.
    """

    name: str
    side: Side
    state: FieldState
    effects: tuple[float | None, ...]
    effect: float
    since_us: int | None
    evidence: float
    why: str


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a stream since a time.

    Args:
        stream: of rows.
        alarm: whether a field drifts, or the last window is broken, within the budget of false
            alarms.
        moments: days of long ago, then the windows; oldest first.
        fields: those that drift first, then by effect.
        broken: faults of the last window.
        volume: of the last window; None while the past is too short.
        pending: windows that were not looked at yet.
        threshold: of evidence, that one field alone needs.
    """

    stream: Stream
    alarm: bool
    moments: tuple[Moment, ...] = ()
    fields: tuple[FieldCourse, ...] = ()
    broken: tuple[Quality, ...] = ()
    volume: Volume | None = None
    pending: int = 0
    threshold: float | None = None


def chart(watch: Watch, findings: Sequence[Finding], days: Sequence[Day] = ()) -> Course:
    """Sum up a stream.

    Args:
        watch: what is remembered of it.
        findings: of its windows, oldest first; none if nothing was looked at.
        days: before them, oldest first.
    """
    past = tuple(map(_day, days))
    if not findings:
        return Course(stream=watch.stream, alarm=False, moments=past, pending=len(watch.pending))
    last = findings[-1]
    drifting = {name for name, field in watch.state.fields.items() if field.drifting}
    names = dict.fromkeys(name for found in reversed(findings) for name in found.comparison.fields)
    unknown = (None,) * len(past)
    fields = [_field(name, findings, unknown, drifting=name in drifting) for name in names]
    fields.sort(key=lambda field: (_STATES.index(field.state), -field.effect, field.name))
    broken = last.comparison.broken
    flooded = last.volume is not None and last.volume.broken
    return Course(
        stream=watch.stream,
        alarm=bool(drifting & names.keys() or broken or flooded),
        moments=(*past, *map(_moment, findings)),
        fields=tuple(fields),
        broken=broken,
        volume=last.volume,
        pending=len(watch.pending),
        threshold=last.detection.threshold,
    )


def _moment(found: Finding) -> Moment:
    return Moment(
        start_us=found.start_us,
        end_us=found.end_us,
        rows=found.comparison.rows,
        expected=_expected(found),
        alarms=found.detection.alarms,
        recovered=found.detection.recovered,
        broken=tuple(dict.fromkeys(one.field for one in found.comparison.broken)),
    )


def _day(day: Day) -> Moment:
    return Moment(
        start_us=day.start_us,
        end_us=day.end_us,
        rows=day.profile.rows,
        expected=None,
        alarms=day.alarms,
        recovered=day.recovered,
        broken=day.broken,
    )


def _expected(found: Finding) -> Estimate | None:
    """Of the endpoint, where this stream answered all of it."""
    if found.volume is None or found.volume.rows != found.comparison.rows:
        return None
    return found.volume.expected


def _field(
    name: str, findings: Sequence[Finding], unknown: tuple[None, ...], *, drifting: bool
) -> FieldCourse:
    seen = [found.comparison.fields.get(name) for found in findings]
    newest = next(drift for drift in reversed(seen) if drift is not None)
    last = seen[-1]
    state: FieldState = "quiet"
    if drifting:
        state = "drifting"
    elif last is None or last.test == "none":
        state = "not tested"
    elif last.drifted:
        state = "moved"
    return FieldCourse(
        name=name,
        side=newest.side,
        state=state,
        effects=(
            *unknown,
            *(None if d is None or d.test == "none" else d.effect for d in seen),
        ),
        effect=newest.effect,
        since_us=next(
            (found.end_us for found in reversed(findings) if name in found.detection.alarms), None
        )
        if drifting
        else None,
        evidence=findings[-1].detection.evidence.get(name, 0.0),
        why=newest.why,
    )
