"""Which plan a release goes by, where nobody says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fairlead.app.experimenting import planned
from fairlead.app.workspace import Workspace
from fairlead.durations import write_duration
from fairlead.errors import ConflictError, NotFoundError
from fairlead.releases import OPEN, Order, Plan, PlanSettings, Release, chosen, plan_of
from fairlead.releases.fold import request
from fairlead.routing import ROUTES, SLOTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.releases import Step

REQUESTS_MIN = 400
"""To a candidate: about as many as it takes to find that it fails three times as often as 1 %."""


def plan_for(workspace: Workspace, endpoint: str, told: Mapping[str, Any]) -> tuple[Plan, str]:
    """The plan of a release, and a line about it for who asked.

    What is told counts, then the settings' table `[release.ENDPOINT]`, see `chosen`. Without
    either the first version goes live at once; then a canary is taken where the traffic of the
    last hour lets it prove anything in time, and blue-green where it does not.

    Args:
        workspace: of the settings and the log.
        endpoint: whose release.
        told: values by key of the table.

    Raises:
        ConfigError: the plan cannot be carried out.
    """
    named = workspace.settings.release.get(endpoint)
    meant = chosen(told, named)
    if meant is not None:
        plan = plan_of(meant)
        if plan.goal is not None:
            return planned(workspace, endpoint, plan)
        return plan, _origin(meant, named, endpoint) + _length(plan)
    stored = workspace.store.get(ROUTES, ROUTES.key(endpoint))
    if stored is None or not stored.value.arms:
        return plan_of(PlanSettings(strategy="now")), "It is the endpoint's first version."
    canary, requests = plan_of(PlanSettings()), _requests(workspace, endpoint)
    reached = _reached(canary.steps, requests)
    if reached >= REQUESTS_MIN:
        hours = sum(step.hold_us for step in canary.steps) / 3.6e9
        return canary, f"By 'canary', over {hours:.1f} hours and {reached:.0f} requests to it."
    return plan_of(PlanSettings(strategy="blue-green")), (
        f"By 'blue-green': with {requests} requests in the last hour a canary would see "
        f"{reached:.0f}, too few to prove anything."
    )


def _origin(meant: PlanSettings, named: PlanSettings | None, endpoint: str) -> str:
    """Where a plan comes from, in words."""
    if named is None:
        return f"By '{meant.strategy}'."
    table = f"[release.{endpoint}] of the settings"
    if named.strategy != meant.strategy:
        return f"By '{meant.strategy}', without {table}, which is by '{named.strategy}'."
    changed = [
        key for key in PlanSettings.__struct_fields__ if getattr(meant, key) != getattr(named, key)
    ]
    but = f", but for: {', '.join(changed)}" if changed else ""
    return f"By '{meant.strategy}', as {table}{but}."


def _length(plan: Plan) -> str:
    """How long its steps last, in words, where they do."""
    held_us = sum(step.hold_us for step in plan.steps)
    return f" Its steps take at least {write_duration(held_us / 1e6)}." if held_us else ""


def give_back(
    workspace: Workspace, endpoint: str, actor: str, reason: str = "", release_id: str = ""
) -> Release:
    """Let answer again what answered before the newest release.

    What is under way is taken back; after the end of one, a release of the version before it is
    asked for, which is still loaded.

    Args:
        workspace: of the endpoint.
        endpoint: its name.
        actor: who asks, for the audit.
        reason: why, for the audit.
        release_id: of the release that is gone back from, and no other; empty for the newest.

    Returns:
        The release that goes back; a controller's next ticks carry it out.

    Raises:
        NotFoundError: nothing answered before.
        ConflictError: another release is by now the newest.
    """
    if workspace.releases.under_way(endpoint) is not None:
        return workspace.releases.order(endpoint, Order("rollback", actor, reason), release_id)
    last = went_before(workspace, endpoint)
    if last is None or last.before is None:
        raise NotFoundError(f"Nothing answered the endpoint '{endpoint}' before what does now.")
    if release_id not in ("", last.id):
        raise ConflictError(
            f"By now {last.version.name} answers the endpoint '{endpoint}', by a later release "
            "than the one that this was meant for.",
            hint="Look at it before you go back from it.",
        )
    ref = last.before.arms[0].version
    return workspace.releases.request(endpoint, ref, last.before.signature, actor)


def went_before(workspace: Workspace, endpoint: str) -> Release | None:
    """The release that can be gone back from after its end; None if there is none."""
    releases = workspace.releases.releases(endpoint)
    if any(one.state in OPEN for one in releases):
        return None
    done = [one for one in releases if one.state == "done" and one.plan.is_moving]
    last = done[-1] if done else None
    return last if last is not None and last.before is not None and last.before.arms else None


def _reached(steps: Sequence[Step], requests: int) -> float:
    """How many requests a candidate sees at so many an hour in all."""
    return sum(step.slots / SLOTS * step.hold_us / 3.6e9 for step in steps) * requests


def _requests(workspace: Workspace, endpoint: str) -> int:
    """Of the last hour."""
    import polars as pl

    now = datetime.fromtimestamp(workspace.clock.now_us() / 1e6, UTC)
    lately = workspace.read(endpoint).filter(pl.col("time") >= now - timedelta(hours=1))
    ids = lately.select(request().n_unique())
    return int(ids.collect().item())
