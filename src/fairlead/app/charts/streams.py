"""Which of an endpoint's streams of rows a figure or a page is about."""

from __future__ import annotations

from fairlead.app.workspace import Workspace
from fairlead.errors import NotFoundError
from fairlead.monitoring.course import Course
from fairlead.monitoring.records import WATCHES, Finding, Stream
from fairlead.monitoring.recount import findings, recount_stream
from fairlead.monitoring.retain import HOURS_US
from fairlead.monitoring.traffic import SHADOW, STABLE
from fairlead.nearest import nearest

WINDOWS_MAX, STATEMENTS_MAX = 1500, 3000
"""Of a stream that are read at once; statements are smaller, and come later."""
NEAR = 48
"""Windows before and after one that are read with it."""
_ROLES = (STABLE, "candidate", SHADOW, "batch")


def streams(workspace: Workspace, endpoint: str) -> list[Stream]:
    """Those that were ever watched; what answers now first, then the newest version.

    Args:
        workspace: that it belongs to.
        endpoint: its name.
    """
    stored = workspace.store.scan(WATCHES, f"{endpoint}/")
    known = sorted(stored, key=lambda one: -one.value.until_us)
    found = [one.value.stream for one in known]
    found.sort(key=lambda one: _ROLES.index(one.role) if one.role in _ROLES else len(_ROLES))
    now = _answering(workspace, endpoint)
    found.sort(key=lambda one: (one.version, one.role) != (now, STABLE))
    if now and not any(one.version == now for one in found):
        found.insert(0, Stream(endpoint=endpoint, version=now, role=STABLE))
    return found


def stream_of(workspace: Workspace, endpoint: str, version: str = "") -> Stream | None:
    """The stream to show.

    Args:
        workspace: that it belongs to.
        endpoint: its name.
        version: whose; of the one that answers now if empty.

    Returns:
        None if none was ever watched and nobody answers.

    Raises:
        NotFoundError: the version never answered; names the nearest.
    """
    found = streams(workspace, endpoint)
    if not version:
        return found[0] if found else None
    chosen = next((one for one in found if one.version == version), None)
    if chosen is not None:
        return chosen
    close = nearest(version, [one.version for one in found])
    raise NotFoundError(
        "This version has not answered the endpoint.",
        hint=f"Did you mean '{close}'?" if close else "Leave the version out.",
    )


def course_of(
    workspace: Workspace, endpoint: str, since_us: int, version: str = ""
) -> Course | None:
    """What was found of the stream to show; None if nothing was."""
    stream = stream_of(workspace, endpoint, version)
    if stream is None:
        return None
    return recount_stream(workspace.store, stream, since_us=earliest(workspace, since_us))


def earliest(workspace: Workspace, since_us: int, windows: int = WINDOWS_MAX) -> int:
    """From when on windows are read: of very short ones, as of a demo, the last alone.

    All that are kept are fewer where a window is an hour.
    """
    reach_us = round(workspace.settings.monitoring.window_s * 1e6) * windows
    if reach_us >= HOURS_US:
        return since_us
    return max(since_us, workspace.clock.now_us() - reach_us)


def windows_round(workspace: Workspace, stream: Stream, start_us: int) -> list[Finding]:
    """What was found in a window and in those near it, in order.

    Args:
        workspace: that it belongs to.
        stream: of rows.
        start_us: of the window, microseconds since 1970; of the newest if 0.
    """
    stored = workspace.store.get(WATCHES, WATCHES.key(stream.place))
    if stored is None:
        return []
    near_us = round(workspace.settings.monitoring.window_s * 1e6) * NEAR
    at_us = start_us or stored.value.until_us
    since_us, until_us = max(at_us - near_us, 0), at_us + near_us
    return findings(workspace.store, stream, since_us=since_us, until_us=until_us)


def _answering(workspace: Workspace, endpoint: str) -> str:
    """The version that answers in the stable role; empty if none does."""
    arms = workspace.route(endpoint).arms
    return next((arm.version.name for arm in arms if arm.role == STABLE), "")
