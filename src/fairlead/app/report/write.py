"""The shell that gathers what a report says, and writes the file."""

from __future__ import annotations

import contextlib
from pathlib import Path

from fairlead.app.monitoring import plan_of
from fairlead.app.report.compose import Known, compose
from fairlead.app.report.render import render
from fairlead.app.watching import Watching, look
from fairlead.app.workspace import Workspace
from fairlead.errors import FairleadError
from fairlead.monitoring.course import Course
from fairlead.monitoring.recount import gather
from fairlead.profiles import Profile

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
    page = render(compose(found, [_known(workspace, course, floor) for course in found.courses]))
    unfinished = file.with_name(f".{file.name}.part")
    try:
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return found


def _known(workspace: Workspace, course: Course, floor: float) -> Known:
    return Known(
        course=course,
        floor=floor,
        reference=_reference(workspace, course.stream.version),
        current=gather(workspace.store, course, last=WINDOWS),
        windows=min(WINDOWS, len(course.moments)),
    )


def _reference(workspace: Workspace, version: str) -> Profile | None:
    """What a version was trained on; a bundle that is gone or damaged costs its figures alone."""
    with contextlib.suppress(FairleadError):
        return workspace.reference(version)
    return None
