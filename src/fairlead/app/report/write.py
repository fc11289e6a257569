"""The shell that gathers what a report says, and writes the file."""

from __future__ import annotations

from pathlib import Path

from fairlead.app.monitoring import plan_of, promised
from fairlead.app.report.compose import Known, compose
from fairlead.app.report.render import render
from fairlead.app.watching import Watching, look
from fairlead.app.workspace import Workspace
from fairlead.monitoring.course import Course
from fairlead.monitoring.recount import gather, stated

WINDOWS = 6
"""Of the newest, that distributions are drawn from."""


def write_report(
    workspace: Workspace, endpoint: str, file: Path, *, since_s: float, version: str | None = None
) -> Watching:
    """Write what is known of an endpoint to one page of HTML.

    Args:
        workspace: that it belongs to.
        endpoint: its name.
        file: to write; one that is there is replaced, at once or not at all.
        since_s: how far to look back, in seconds.
        version: as in `look`.

    Returns:
        What it was written from.

    Raises:
        NotFoundError: there is no such endpoint or version.
    """
    found = look(workspace, endpoint, since_s=since_s, version=version)
    floor = plan_of(workspace.settings, endpoint).rule.effect_min
    since_us = max(found.time_us - round(since_s * 1e6), 0)
    known = [_known(workspace, found, course, floor, since_us) for course in found.courses]
    page = render(compose(found, known))
    unfinished = file.with_name(f".{file.name}.part")
    try:
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return found


def _known(
    workspace: Workspace, found: Watching, course: Course, floor: float, since_us: int
) -> Known:
    store, stream = workspace.store, course.stream
    model = promised(workspace, stream.version)
    return Known(
        course=course,
        floor=floor,
        reference=None if model is None else model.profile,
        current=gather(store, course, last=WINDOWS),
        windows=min(WINDOWS, len(course.moments)),
        statements=tuple(stated(store, stream, since_us=since_us, until_us=found.time_us)),
        facts=tuple(fact for fact in found.facts if fact.stream == stream),
        joint=next((one for one in found.joint if one.stream == stream), None),
    )
