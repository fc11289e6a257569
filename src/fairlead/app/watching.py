"""What is known of an endpoint: how its windows went, and which alerts there are."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from fairlead.alerts import Alert
from fairlead.app.monitoring import promised
from fairlead.app.workspace import Workspace
from fairlead.errors import NotFoundError
from fairlead.monitoring.accounts import ACCOUNTS, Statement
from fairlead.monitoring.course import Course
from fairlead.monitoring.facts import Fact, facts
from fairlead.monitoring.goals import GoalCourse, chart_goals
from fairlead.monitoring.joint import JOINTS, Joint
from fairlead.monitoring.records import Stream
from fairlead.monitoring.recount import recount, stated
from fairlead.monitoring.slices import SliceCourse, chart_slices


class Watching(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as monitoring sees it.

    Args:
        endpoint: its name.
        time_us: when it was looked at, microseconds since 1970.
        alarm: whether an alert fires, a field drifts or all together do, or a last window is
            broken.
        courses: of the versions that answer it.
        alerts: that fire or are pending, the worst first.
        goals: its own metrics, of these versions.
        joint: what days said of all fields together, if that is looked at.
        facts: what is guarded of the answers, and how that is now.
        slices: how good answers were by the values of fields, of these versions.
    """

    endpoint: str
    time_us: int
    alarm: bool
    courses: tuple[Course, ...]
    alerts: tuple[Alert, ...]
    goals: tuple[GoalCourse, ...] = ()
    joint: tuple[Joint, ...] = ()
    facts: tuple[Fact, ...] = ()
    slices: tuple[SliceCourse, ...] = ()


def look(
    workspace: Workspace, endpoint: str, *, since_s: float, version: str | None = None
) -> Watching:
    """Read what is known of an endpoint, whether its platform runs or not.

    Args:
        workspace: that it belongs to.
        endpoint: its name.
        since_s: how far to look back, in seconds.
        version: `churn:3`, `churn@champion`; those that answer now if not given, or all that ever
            did where none of these has windows.

    Raises:
        NotFoundError: there is no such endpoint or version.
    """
    now_us = workspace.clock.now_us()
    since_us = max(now_us - round(since_s * 1e6), 0)
    courses = recount(workspace.store, endpoint, since_us=since_us)
    answering = _answering(workspace, endpoint, known=bool(courses))
    if version is not None:
        wanted = {workspace.registry.resolve(version).name}
        courses = [course for course in courses if course.stream.version in wanted]
    else:
        wanted = set()
        courses = [c for c in courses if c.stream.version in answering] or courses
    shown = answering | {course.stream.version for course in courses}
    alerts = tuple(
        alert
        for alert in workspace.alert_book.alerts(endpoint)
        if alert.state != "resolved" and (not wanted or alert.version in {"", *wanted})
    )
    joint = _joint(workspace, endpoint, wanted or shown, since_us)
    statements = _statements(workspace, endpoint, wanted or shown, since_us, now_us)
    firing = any(alert.state == "firing" for alert in alerts)
    return Watching(
        endpoint=endpoint,
        time_us=now_us,
        alarm=firing
        or any(course.alarm for course in courses)
        or any(one.days[-1].proven for one in joint),
        courses=tuple(courses),
        joint=joint,
        facts=_facts(workspace, [course.stream for course in courses]),
        goals=tuple(goal for each in statements for goal in chart_goals(each)),
        slices=tuple(one for each in statements if (one := chart_slices(each)).lines),
        alerts=alerts,
    )


def _facts(workspace: Workspace, streams: Sequence[Stream]) -> tuple[Fact, ...]:
    """What guards say of streams."""
    keys = (ACCOUNTS.key(stream.place) for stream in streams)
    found = (workspace.store.get(ACCOUNTS, key) for key in keys)
    accounts = [stored.value for stored in found if stored is not None and stored.value.guards]
    models = ((account, promised(workspace, account.stream.version)) for account in accounts)
    return tuple(
        fact for account, model in models if model is not None for fact in facts(account, model)
    )


def _statements(
    workspace: Workspace, endpoint: str, versions: set[str], since_us: int, now_us: int
) -> list[list[Statement]]:
    """Those of each stream of some versions."""
    store = workspace.store
    streams = [stored.value.stream for stored in store.scan(ACCOUNTS, f"{endpoint}/")]
    return [
        stated(store, stream, since_us=since_us, until_us=now_us)
        for stream in streams
        if stream.version in versions
    ]


def _joint(
    workspace: Workspace, endpoint: str, versions: set[str], since_us: int
) -> tuple[Joint, ...]:
    """What days since a time said of some versions; none of which there are no such days."""
    stored = (each.value for each in workspace.store.scan(JOINTS, f"{endpoint}/"))
    lately = (
        replace(one, days=tuple(day for day in one.days if day.start_us >= since_us))
        for one in stored
        if one.stream.version in versions
    )
    return tuple(one for one in lately if one.days)


def _answering(workspace: Workspace, endpoint: str, *, known: bool) -> set[str]:
    """The versions of its route."""
    try:
        return {arm.version.name for arm in workspace.route(endpoint).arms}
    except NotFoundError:
        if known:
            return set()
        raise
