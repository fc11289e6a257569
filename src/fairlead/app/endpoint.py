"""How one endpoint has fared, put together from the store: no look at the log."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.alerts import Alert
from fairlead.api.endpoint import (
    EndpointHealth,
    FieldLine,
    FieldWindow,
    MetricLine,
    ReleaseLine,
    WindowLine,
)
from fairlead.app.charts.streams import (
    STATEMENTS_MAX,
    course_of,
    earliest,
    stream_of,
    streams,
    windows_round,
)
from fairlead.app.cost import cost_of
from fairlead.app.gauges import Seen
from fairlead.app.overview import alert_lines, state_of, underway
from fairlead.app.settings import EndpointSettings, slices_of
from fairlead.app.workspace import Workspace
from fairlead.durations import read_duration
from fairlead.errors import NotFoundError
from fairlead.monitoring.accounts import Statement
from fairlead.monitoring.course import Course, FieldCourse
from fairlead.monitoring.draw_statements import metrics_of
from fairlead.monitoring.goals import chart_goals
from fairlead.monitoring.records import Finding, Stream
from fairlead.monitoring.recount import stated
from fairlead.monitoring.slices import SliceCourse, chart_slices
from fairlead.nearest import nearest

WINDOWS_MAX, FIELDS_MAX, RELEASES_MAX, ALERTS_MAX = 8, 50, 5, 10


def endpoint_health(
    workspace: Workspace, seen: Seen, endpoint: str, hours: float, version: str = ""
) -> EndpointHealth:
    """Put together how an endpoint has fared.

    Args:
        workspace: that it belongs to.
        seen: by monitoring, at its last look.
        endpoint: its name.
        hours: how far to look back.
        version: whose rows and answers to tell of; of the one that answers now if empty.

    Raises:
        NotFoundError: there is no such endpoint, or the version never answered it.
    """
    route = workspace.route(endpoint)
    now_us = workspace.clock.now_us()
    since_us = max(now_us - round(hours * 3.6e9), 0)
    stream = stream_of(workspace, endpoint, version)
    course = course_of(workspace, endpoint, since_us, version)
    statements = _statements(workspace, stream, since_us, now_us)
    own = workspace.settings.endpoint.get(endpoint, EndpointSettings())
    versions = dict.fromkeys(one.version for one in streams(workspace, endpoint))
    slices = chart_slices(statements)
    named = slices_of(workspace.settings, endpoint) or ()
    return EndpointHealth(
        state=state_of(workspace, seen, route),
        hours=hours,
        stream=stream,
        versions=tuple(versions),
        windows=() if course is None else _windows(course),
        fields=() if course is None else _fields(course),
        faults=() if course is None else course.broken,
        metrics=tuple(_metric(name, statements) for name in metrics_of(statements)),
        answered=sum(one.coverage.answered for one in statements),
        labelled=sum(one.coverage.labelled for one in statements),
        goals=chart_goals(statements),
        slices=slices,
        undivided=tuple(one for one in named if statements and one not in slices.fields),
        releases=_releases(workspace, endpoint),
        alerts=alert_lines(workspace, _lately(workspace, endpoint, since_us)),
        looked_up=tuple(own.features),
        answer=tuple(own.answer),
        automation=route.automation,
        cached_s=read_duration(own.cache.ttl) if own.cache.ttl else None,
        cost=cost_of(workspace, seen, endpoint),
    )


def endpoint_slices(
    workspace: Workspace, endpoint: str, hours: float, version: str = ""
) -> SliceCourse:
    """How good an endpoint's answers were by the values of fields.

    Args:
        workspace: that it belongs to.
        endpoint: its name.
        hours: how far to look back.
        version: as in `endpoint_health`.

    Raises:
        NotFoundError: there is no such endpoint, or the version never answered it.
    """
    workspace.route(endpoint)
    now_us = workspace.clock.now_us()
    stream = stream_of(workspace, endpoint, version)
    since_us = max(now_us - round(hours * 3.6e9), 0)
    return chart_slices(_statements(workspace, stream, since_us, now_us))


def field_window(
    workspace: Workspace, endpoint: str, field: str, start_us: int, version: str = ""
) -> FieldWindow:
    """One field in one window, with the numbers of its test.

    Args:
        workspace: that it belongs to.
        endpoint: its name.
        field: name of it.
        start_us: of the window, microseconds since 1970; of the newest if 0.
        version: as in `endpoint_health`.

    Raises:
        NotFoundError: there is no such endpoint, version, window or field.
    """
    workspace.route(endpoint)
    stream = stream_of(workspace, endpoint, version)
    near = [] if stream is None else windows_round(workspace, stream, start_us)
    starts = [one.start_us for one in near]
    if not start_us and starts:
        start_us = starts[-1]
    if start_us not in starts:
        raise NotFoundError("What was found in this window is not kept, or there is no such one.")
    place = starts.index(start_us)
    before_us = starts[place - 1] if place else None
    after_us = starts[place + 1] if place + 1 < len(starts) else None
    return _field_window(near[place], field, before_us, after_us)


def _field_window(
    finding: Finding, field: str, before_us: int | None, after_us: int | None
) -> FieldWindow:
    found, detection = finding.comparison, finding.detection
    names = [*found.fields, *(one.field for one in found.quality)]
    if field not in names:
        close = nearest(field, names)
        hint = f"Did you mean '{close}'?" if close else ""
        raise NotFoundError("There is no field of this name in the window.", hint=hint)
    return FieldWindow(
        field=field,
        stream=finding.stream,
        start_us=finding.start_us,
        end_us=finding.end_us,
        rows=found.rows,
        reference_rows=found.reference_rows,
        drift=found.fields.get(field),
        faults=tuple(one for one in found.quality if one.field == field),
        evidence=detection.evidence.get(field, 0.0) / detection.threshold,
        before_us=before_us,
        after_us=after_us,
    )


def _windows(course: Course) -> tuple[WindowLine, ...]:
    return tuple(
        WindowLine(
            start_us=each.start_us,
            rows=each.rows,
            expected=each.expected,
            alarms=each.alarms,
            broken=each.broken,
        )
        for each in reversed(course.moments[-WINDOWS_MAX:])
    )


def _fields(course: Course) -> tuple[FieldLine, ...]:
    starts = [each.start_us for each in course.moments]
    return tuple(_field(field, starts) for field in course.fields[:FIELDS_MAX])


def _field(field: FieldCourse, starts: Sequence[int]) -> FieldLine:
    tested = [
        (effect, start_us)
        for effect, start_us in zip(field.effects, starts, strict=True)
        if effect is not None
    ]
    worst = max(tested, default=None)
    return FieldLine(
        name=field.name,
        side=field.side,
        state=field.state,
        effect=field.effect,
        worst=None if worst is None else worst[0],
        worst_us=None if worst is None else worst[1],
        since_us=field.since_us,
        why=field.why,
    )


def _statements(
    workspace: Workspace, stream: Stream | None, since_us: int, until_us: int
) -> list[Statement]:
    if stream is None:
        return []
    since_us = earliest(workspace, since_us, STATEMENTS_MAX)
    found = stated(workspace.store, stream, since_us=since_us, until_us=until_us)
    return [one for one in found if one.coverage.answered]


def _metric(name: str, statements: Sequence[Statement]) -> MetricLine:
    """A metric of the newest windows that know it."""
    line = MetricLine(metric=name)
    for one in statements:
        entry = None if one.ledger is None else one.ledger.entries.get(name)
        realised = one.realised.get(name)
        line = MetricLine(
            metric=name,
            estimated=line.estimated if entry is None else entry.estimated,
            estimated_us=line.estimated_us if entry is None else one.start_us,
            realised=realised or line.realised,
            realised_us=line.realised_us if realised is None else one.start_us,
        )
    return line


def _releases(workspace: Workspace, endpoint: str) -> tuple[ReleaseLine, ...]:
    return tuple(
        ReleaseLine(
            release=underway(one),
            created_us=one.created_us,
            changed_us=one.changed_us,
            actor=one.actor,
        )
        for one in workspace.releases.last(endpoint, RELEASES_MAX)
    )


def _lately(workspace: Workspace, endpoint: str, since_us: int) -> list[Alert]:
    """Alerts that hold, and those that ended since a time."""
    alerts = workspace.alert_book.alerts(endpoint)
    kept = [a for a in alerts if a.state != "resolved" or a.steps[-1].time_us >= since_us]
    return kept[:ALERTS_MAX]
