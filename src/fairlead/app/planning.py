"""What a release would do, and of which versions there could be one, before it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairlead.api.release import Choice, Planned
from fairlead.app.release import steps_of
from fairlead.app.releasing import plan_for
from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError
from fairlead.registry import Version
from fairlead.releases.plan import check_fit
from fairlead.routing import ROUTES, Route
from fairlead.signature import fits

CHOICES_MAX = 200


def planned_release(
    workspace: Workspace, endpoint: str, reference: str, told: Mapping[str, Any]
) -> Planned:
    """What a release would do.

    Args:
        workspace: of the settings and the log.
        endpoint: whose release.
        reference: of the version.
        told: of its plan, by key of a table `[release.NAME]`.

    Raises:
        NotFoundError: there is no such version.
        ConfigError: the plan cannot be carried out, or the version does not fit.
    """
    version = workspace.registry.resolve(reference)
    refused = _refused(version, _route(workspace, endpoint))
    if refused:
        raise ConfigError(f"{version.name} cannot be released to it. {refused}")
    plan, note = plan_for(workspace, endpoint, told)
    check_fit(plan, version.signature)
    return Planned(
        version=version.name,
        strategy=plan.strategy,
        note=note,
        steps=steps_of(plan),
        guards={guard.name: guard.allows for guard in plan.guards},
        prove=plan.prove,
        goal=plan.goal,
    )


def choices(workspace: Workspace, endpoint: str) -> tuple[Choice, ...]:
    """The versions there are, of the models that answer first, the newest of each first.

    Args:
        workspace: whose.
        endpoint: to which they could be released.
    """
    route = _route(workspace, endpoint)
    found = list(_versions(workspace, route))[:CHOICES_MAX]
    return tuple(Choice(version=one.name, refused=_refused(one, route)) for one in found)


def _versions(workspace: Workspace, route: Route | None) -> Iterator[Version]:
    arms = () if route is None else route.arms
    here = [arm.version.name.rpartition(":")[0] for arm in arms]
    models = [model.name for model in workspace.registry.models()]
    for name in dict.fromkeys((*(name for name in here if name in models), *models)):
        yield from reversed(workspace.registry.versions(name))


def _route(workspace: Workspace, endpoint: str) -> Route | None:
    stored = workspace.store.get(ROUTES, ROUTES.key(endpoint))
    return None if stored is None else stored.value


def _refused(version: Version, route: Route | None) -> str:
    """Why a version cannot be released; empty if it can."""
    if version.pickle:
        return (
            "It is a pickle: loading it runs whatever code is in it. If you trust it: "
            "fairlead deploy --allow-pickle."
        )
    arms = () if route is None else route.arms
    if route is None or not arms:
        return ""
    if any(arm.version.name == version.name for arm in arms) and len(arms) == 1:
        return "It answers already."
    return " ".join(fits(route.signature, version.signature))
