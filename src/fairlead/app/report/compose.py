"""What a report says, from what is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from fairlead.app.report.own import tell_days, tell_goals
from fairlead.app.report.performance import tell_performance
from fairlead.app.report.slices import tell_slices
from fairlead.app.report.types import Chapter, Report, Row, Section, Table
from fairlead.app.watching import Watching
from fairlead.figures import Figure
from fairlead.monitoring.accounts import Statement
from fairlead.monitoring.course import Course
from fairlead.monitoring.draw import draw_field
from fairlead.monitoring.draw_course import draw_drift, draw_last, draw_rows, iso
from fairlead.monitoring.facts import Fact
from fairlead.monitoring.joint import Joint
from fairlead.profiles import Profile

DRAWN_MAX = 8
FAULTS_MAX = 50


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """All that a chapter is written from.

    Args:
        course: of a stream.
        floor: least effect of a drift.
        reference: what its version was trained on; None if that is not known any more.
        current: rows of the last windows; None if they are not there any more.
        windows: how many these were.
        statements: on the performance of windows, oldest first.
        facts: what is guarded of it, and how that is now.
        joint: what days said of all its fields together; None if that is not looked at.
    """

    course: Course
    floor: float
    reference: Profile | None = None
    current: Profile | None = None
    windows: int = 0
    statements: tuple[Statement, ...] = ()
    facts: tuple[Fact, ...] = ()
    joint: Joint | None = None


def compose(found: Watching, known: Sequence[Known]) -> Report:
    """Write a report.

    Args:
        found: of the endpoint.
        known: of its streams, in order.
    """
    return Report(
        title=f"{found.endpoint}: monitoring report",
        verdict="Alarm" if found.alarm else "Quiet",
        alarm=found.alarm,
        time=_time(found.time_us),
        sections=(_alerts(found),),
        chapters=tuple(_chapter(one) for one in known),
    )


def _chapter(known: Known) -> Chapter:
    stream = known.course.stream
    title = f"{stream.version}, {stream.role}"
    answers = tuple(_answers(known))
    if not known.course.moments:
        nothing = Section(title="Windows", text="No window of this time was looked at.")
        return Chapter(title=title, sections=(nothing, *answers))
    parts = (_fields, _distributions, _quality)
    others = (part(known) for part in parts)
    joint = () if known.joint is None else (tell_days(known.joint),)
    return Chapter(title=title, sections=(_windows(known), *answers, *others, *joint))


def _answers(known: Known) -> Iterator[Section]:
    yield tell_performance(known.statements, known.facts)
    slices = tell_slices(known.statements)
    if slices is not None:
        yield slices
    goals = tell_goals(known.statements)
    if goals is not None:
        yield goals


def _alerts(found: Watching) -> Section:
    if not found.alerts:
        return Section(title="Alerts", text="Nothing is wrong that an alert tells of.")
    rows = tuple(
        (a.name, a.severity, a.state, _time(a.since_us), a.steps[-1].reason, a.look_at)
        for a in found.alerts
    )
    heads = ("alert", "severity", "state", "since", "why", "look at")
    return Section(
        title="Alerts", tables=(Table(caption="Firing and pending", heads=heads, rows=rows),)
    )


def _windows(known: Known) -> Section:
    course = known.course
    first, last = course.moments[0], course.moments[-1]
    text = f"{len(course.moments)} windows from {_time(first.start_us)} to {_time(last.end_us)}"
    waiting = f"; {course.pending} more were not looked at yet" if course.pending else ""
    return Section(
        title="Windows",
        text=f"{text}{waiting}.",
        figures=(draw_rows(course), draw_drift(course, known.floor)),
    )


def _fields(known: Known) -> Section:
    course = known.course
    rows = tuple(
        (f.name, f.side, f.state, f.effect, f.evidence,
         None if f.since_us is None else _time(f.since_us), f.why)
        for f in course.fields
    )  # fmt: skip
    heads = ("field", "side", "state", "effect", "evidence", "proven by", "why")
    drifting = sum(field.state == "drifting" for field in course.fields)
    return Section(
        title="Fields",
        text=f"{drifting} of {len(rows)} drift. The effect is the population stability index "
        "above what chance gives; evidence adds up over windows until it proves a drift, which "
        f"sets it back. One field alone needs {course.threshold or 0:,.0f}.",
        figures=(draw_last(course, known.floor),),
        tables=(Table(caption="All fields, in the last window", heads=heads, rows=rows),),
    )


def _distributions(known: Known) -> Section:
    title = "Distributions"
    if known.reference is None or known.current is None:
        return Section(title=title, text="What they are drawn from is not there any more.")
    return Section(
        title=title,
        text=f"The training rows beside the last {known.windows} windows, "
        f"{known.current.rows:,} rows, of the fields that moved most.",
        figures=tuple(_drawn(known.course, known.reference, known.current)),
    )


def _drawn(course: Course, reference: Profile, current: Profile) -> Iterator[Figure]:
    for field in course.fields[:DRAWN_MAX]:
        figure = draw_field(reference, current, field.name)
        if figure is not None:
            yield figure


def _quality(known: Known) -> Section:
    course = known.course
    last: tuple[Row, ...] = tuple(
        (one.field, one.kind.replace("_", " "), one.share.value, one.share.low, one.share.high,
         one.rise.value, one.why)
        for one in course.broken
    )  # fmt: skip
    past: tuple[Row, ...] = tuple(
        (_time(each.start_us), each.rows, ", ".join(each.broken))
        for each in reversed(course.moments)
        if each.broken
    )
    tables: list[Table] = []
    if last:
        heads = ("field", "fault", "share", "low", "high", "rise", "why")
        tables.append(Table(caption="In the last window", heads=heads, rows=last))
    if past:
        tables.append(
            Table(
                caption="Windows with faults, newest first",
                heads=("window", "rows", "fields"),
                rows=past[:FAULTS_MAX],
            )
        )
    text = f"{len(past)} of {len(course.moments)} windows have values with faults."
    return Section(title="Quality", text=text, tables=tuple(tables))


def _time(time_us: int) -> str:
    return iso(time_us).replace("T", " ")
