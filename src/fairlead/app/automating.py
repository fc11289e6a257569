"""Who decides at an endpoint: said in its route, so that it holds at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import asdict, replace

from fairlead.app.workspace import Workspace
from fairlead.errors import ConflictError, NotFoundError
from fairlead.routing import ROUTES, Automation, Mode, Route, check_automation
from fairlead.store import Event, Put

if TYPE_CHECKING:
    from fairlead.store import Store, Stored

TRIES_MAX = 5
"""A release may change the route at the same moment."""


def automation_of(route: Route) -> Automation:
    """Who decides by a route, with the queue's name."""
    return replace(route.automation, queue=route.queue)


def mode_of(workspace: Workspace, endpoint: str) -> Mode:
    """Who decides at an endpoint; the model, where there is none of this name yet."""
    try:
        return workspace.route(endpoint).automation.mode
    except NotFoundError:
        return "full"


def automate(
    workspace: Workspace, endpoint: str, automation: Automation, actor: str, reason: str = ""
) -> Automation:
    """Say who decides at an endpoint from now on; workers follow within moments.

    Args:
        workspace: of the home.
        endpoint: its name.
        automation: whole; what is not said in it is as at first.
        actor: who says it, for the audit.
        reason: why, for the audit.

    Returns:
        What is in force, with the queue's name.

    Raises:
        NotFoundError: there is no such endpoint; names the nearest.
        ConfigError: it makes no sense, or not at this endpoint.
        ConflictError: a release lets people decide until it ends.
    """
    check_automation(automation, workspace.route(endpoint).signature.outputs)
    now_us = workspace.clock.now_us()
    for last in range(TRIES_MAX - 1, -1, -1):
        stored = workspace.store.get(ROUTES, ROUTES.key(endpoint))
        assert stored is not None, "routes are never deleted"
        _check_free(workspace, endpoint)  # of the route that was read: a release would change it
        try:
            return _change(workspace.store, stored, automation, actor, reason, now_us)
        except ConflictError:
            if not last:
                raise
    raise AssertionError("the last try ends it")


def _check_free(workspace: Workspace, endpoint: str) -> None:
    """Refuse while a release lets people decide.

    Raises:
        ConflictError: one does.
    """
    release = workspace.releases.under_way(endpoint)
    if release is not None and release.plan.decided_by:
        raise ConflictError(
            f"A release of {release.version.name} is under way in which "
            f"{release.plan.decided_by} decides.",
            hint="End it first: 'fairlead release promote' or 'fairlead release abort'.",
        )


def _change(
    store: Store,
    stored: Stored[Route],
    automation: Automation,
    actor: str,
    reason: str,
    now_us: int,
) -> Automation:
    before, changed = stored.value, replace(stored.value, automation=automation)
    said = automation_of(changed)
    if said != automation_of(before):
        event = Event(
            time_us=now_us,
            actor=actor,
            action=f"automation {said.mode}",
            subject=stored.key,
            detail={**asdict(said), "before": before.automation.mode, "reason": reason},
        )
        store.commit(Put(ROUTES, stored.key, changed, stored.revision), events=(event,))
    return said
