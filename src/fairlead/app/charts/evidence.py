"""Figures of releases: the evidence on a guard over time."""

from __future__ import annotations

from fairlead.api.charts import Chart
from fairlead.app.charts.types import Asked
from fairlead.app.release import begun, find_release, share_of
from fairlead.errors import NotFoundError
from fairlead.figures import Ends, Figure, draw_narrowing
from fairlead.monitoring.draw_course import iso
from fairlead.nearest import nearest
from fairlead.releases import Guard, Release
from fairlead.releases.course import GOAL, Look
from fairlead.releases.enclose import Enclosed
from fairlead.releases.outcomes.metrics import Goal


def evidence(asked: Asked) -> Chart:
    """What a guard of a release bounds, or the goal of an experiment, at each look."""
    release = _release(asked)
    name = asked.options.get("guard") or next(iter(_names(release)), "")
    if name not in _names(release):
        close = nearest(name, _names(release))
        known = ", ".join(_names(release)) or "none"
        raise NotFoundError(
            "The release has no such guard.",
            hint=f"Did you mean '{close}'?" if close else f"There are: {known}.",
        )
    looks = asked.workspace.releases.course(release).looks
    found = [(look, look.ends.get(name, Enclosed())) for look in looks]
    return Chart(
        figure=_drawn(asked, release, name, found),
        columns=("time", "requests", "candidate", "beside", "value", "low", "high"),
        rows=tuple(
            (iso(look.time_us), look.requests, one.candidate, one.control, one.value, one.low,
             one.high)
            for look, one in found
        ),
    )  # fmt: skip


def _release(asked: Asked) -> Release:
    """That which is named, or the newest.

    Raises:
        NotFoundError: there is none.
    """
    if asked.options.get("release"):
        return find_release(asked.workspace, asked.endpoint, asked.options["release"])
    found = asked.workspace.releases.last(asked.endpoint, 1)
    if not found:
        raise NotFoundError("There was no release of the endpoint yet.")
    return found[0]


def _names(release: Release) -> list[str]:
    goal = release.plan.goal
    named = [guard.name for guard in release.plan.guards]
    return [GOAL, *named] if goal is not None and goal.peek else named


def _drawn(asked: Asked, release: Release, name: str, found: list[tuple[Look, Enclosed]]) -> Figure:
    goal, guards = release.plan.goal, {guard.name: guard for guard in release.plan.guards}
    guard = guards.get(name) or _as_guard(goal)
    same = {"ratio": 1.0, "difference": 0.0, "value": None}[guard.kind]
    unit = {"ratio": "times the stable version's", "difference": "difference", "value": ""}
    return draw_narrowing(
        goal.name if goal is not None and name == GOAL else name,
        [iso(look.time_us) for look, _ in found],
        [Ends(one.value, one.low, one.high) for _, one in found],
        guard.bound,
        at_least=guard.at_least,
        ratio=guard.kind == "ratio",
        same=same,
        steps=[
            (iso(at_us), share_of(release, place))
            for place, at_us in begun(asked.workspace, release).items()
        ],
        unit=unit[guard.kind],
    )


def _as_guard(goal: Goal | None) -> Guard:
    """The goal of an experiment, whose difference is worse on one side of 0."""
    assert goal is not None
    return Guard(GOAL, 0.0, at_least=goal.higher, kind="difference")
