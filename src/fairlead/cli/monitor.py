"""`fairlead monitor`: how an endpoint fares, for people and for scripts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from fairlead.app.watching import Watching, look
from fairlead.app.workspace import Workspace
from fairlead.cli.output import fail, moment, say, table
from fairlead.cli.sparkline import sparkline
from fairlead.durations import read_duration
from fairlead.errors import ConfigError, FairleadError
from fairlead.monitoring.course import Course, FieldCourse
from fairlead.monitoring.facts import Fact
from fairlead.monitoring.goals import GoalCourse
from fairlead.monitoring.joint import Joint
from fairlead.monitoring.slices import SliceCourse
from fairlead.stats import Estimate

FIELDS_MAX = SLICES_MAX = 20
EFFECT_FULL = 0.1
"""The least effect whose bar is full: a shift of normal values by a third of a deviation."""

AUC_FULL = 0.2
"""Beyond one half, the least area whose bar is full."""


@click.command("monitor")
@click.argument("endpoint")
@click.option("--version", help="As churn:3 or churn@champion. Default: those that answer now.")
@click.option(
    "--since", default="7d", show_default=True, help="How far to look back, as 36h or 7d."
)
@click.option("--json", "as_json", is_flag=True, help="Print what is known as JSON.")
@click.pass_obj
def monitor_command(
    home: Path | None, endpoint: str, version: str | None, since: str, as_json: bool
) -> None:
    """Show how ENDPOINT fares: alerts, volume, what drifts and what is broken.

    Needs no running platform. Ends with status 0 if all is quiet, 1 on an alarm (an alert fires,
    a field drifts, or the last window is broken), and 2 if it could not be told.
    """
    try:
        found = look(Workspace(home), endpoint, since_s=duration_s(since), version=version)
    except (FairleadError, OSError) as error:
        fail(error, status=2)
    if as_json:
        say(msgspec.json.encode(found).decode())
    else:
        _print(found)
    sys.exit(1 if found.alarm else 0)


def duration_s(text: str) -> float:
    """What an option says, in seconds.

    Raises:
        ConfigError: it says no duration.
    """
    found = read_duration(text)
    if found is None:
        raise ConfigError(
            f"'{text}' is not a duration.", hint="One is a number and s, m, h or d: 36h."
        )
    return found


def _print(found: Watching) -> None:
    say(f"{found.endpoint}: {'alarm' if found.alarm else 'quiet'}")
    if found.alerts:
        say()
        rows = [
            (a.name, a.severity, a.state, moment(a.since_us), a.steps[-1].reason)
            for a in found.alerts
        ]
        table(("alert", "severity", "state", "since", "why"), rows)
    if not found.courses:
        say("No row of it was looked at yet.")
    for course in found.courses:
        _course(course)
    _facts(found.facts)
    for joint in found.joint:
        _days(joint)
    _goals(found.goals)
    for slices in found.slices:
        _slices(slices)


def _course(course: Course) -> None:
    stream, moments = course.stream, course.moments
    waiting = f", {course.pending} not looked at yet" if course.pending else ""
    say(f"\n{stream.version} ({stream.role}): {len(moments)} windows{waiting}")
    if not moments:
        say("  none was looked at in this time")
        return
    last = moments[-1]
    say(f"  last window  {moment(last.start_us)} to {moment(last.end_us)}")
    say(f"  rows         {sparkline([each.rows for each in moments])}  {_volume(course)}")
    if course.broken:
        say()
        table(
            ("broken in the last window", "fault", "why"),
            [(one.field, one.kind.replace("_", " "), one.why) for one in course.broken],
        )
    say()
    rows = [
        (field.name, field.state, sparkline(field.effects, EFFECT_FULL), field.effect,
         _evidence(field, course))
        for field in course.fields[:FIELDS_MAX]
    ]  # fmt: skip
    table(("field", "state", "effect over time", "last effect", "evidence"), rows)
    left = len(course.fields) - FIELDS_MAX
    if left > 0:
        say(f"… and {left} more fields that moved less; --json has all.")


def _facts(facts: Sequence[Fact]) -> None:
    """How good the answers are, by labels and by estimates."""
    if not facts:
        return
    say()
    rows = [
        (fact.name.replace("_", " "), f"{fact.stream.version} ({fact.stream.role})",
         "harm" if fact.proven else "quiet", _estimate(fact.value), fact.look_at or "-")
        for fact in facts
    ]  # fmt: skip
    table(("answers", "of", "state", "last tested", "look at"), rows)


def _days(joint: Joint) -> None:
    """All fields of one stream together."""
    stream, last = joint.stream, joint.days[-1]
    say(f"\n{stream.version} ({stream.role}), all fields together: {len(joint.days)} days")
    bars = sparkline([max(day.auc.value - 0.5, 0.0) for day in joint.days], AUC_FULL)
    state = "drifting" if last.proven else "quiet"
    say(f"  area beyond one half  {bars}  {_estimate(last.auc)} on {moment(last.start_us)[:10]}")
    say(f"  {state}: {last.why}")


def _goals(goals: Sequence[GoalCourse]) -> None:
    """An endpoint's own metrics."""
    if not goals:
        return
    say()
    rows = [
        (goal.name, f"{goal.stream.version} ({goal.stream.role})",
         sparkline([None if one is None else one.value for one in goal.values]),
         _estimate(goal.values[-1]), _estimate(goal.whole))
        for goal in goals
    ]  # fmt: skip
    table(("metric", "of", "over time", "last window", "all windows"), rows)
    for goal in goals:
        if goal.failed:
            say(f"  {goal.name} could not be had of the last window: {goal.failed}")


def _slices(course: SliceCourse) -> None:
    """How good answers were by the values of fields, the worst first."""
    if course.stream is None or not course.labelled:
        return
    say()
    rows = [
        (f"{line.field}: {line.name}", line.rows, line.labelled, _estimate(line.value),
         _estimate(line.apart), line.verdict)
        for line in course.lines[:SLICES_MAX]
    ]  # fmt: skip
    of = f"slices of {course.stream.version} ({course.stream.role})"
    table((of, "rows", "labels", course.metric, "difference to the rest", "found"), rows)
    left = len(course.lines) - SLICES_MAX
    if left > 0:
        say(f"… and {left} more slices; --json has all.")


def _estimate(value: Estimate | None) -> str:
    """With its interval."""
    return "-" if value is None else f"{value.value:.4g} ({value.low:.4g} to {value.high:.4g})"


def _evidence(field: FieldCourse, course: Course) -> str:
    if field.state == "drifting":
        return "proven" if field.since_us is None else f"proven by {moment(field.since_us)}"
    return f"{field.evidence:.3g} of {course.threshold:.3g}"


def _volume(course: Course) -> str:
    last, found = course.moments[-1], course.volume
    if found is None:
        return f"{last.rows} in the last window"
    expected = f"{found.expected.low:.0f} to {found.expected.high:.0f} expected"
    return f"{last.rows} in the last window, {expected}{': broken' if found.broken else ''}"
