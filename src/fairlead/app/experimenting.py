"""Experiments of a workspace: what they will take, and what they have found."""

from __future__ import annotations

from msgspec.structs import replace

from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError, NotFoundError
from fairlead.releases import Plan, plan_of
from fairlead.releases.outcomes.foresee import foresee
from fairlead.releases.outcomes.interim import Experiment, interim
from fairlead.routing import ROUTES, SLOTS


def planned(workspace: Workspace, endpoint: str, plan: Plan) -> tuple[Plan, str]:
    """The plan of an experiment with the number of units it needs, and a line about it.

    Args:
        workspace: whose log tells how the goal varies, and how many units come.
        endpoint: whose.
        plan: with a goal.

    Raises:
        ConfigError: the plan looks but once, and nothing tells when.
    """
    from fairlead.predictionlog.read import feedback

    goal = plan.goal
    assert goal is not None
    stored = workspace.store.get(ROUTES, ROUTES.key(endpoint))
    if stored is None or not stored.value.arms:
        return plan, "It is the endpoint's first version."
    fed = feedback(workspace.store, workspace.blobs, workspace.home.journals, endpoint)
    now_us, rows = workspace.clock.now_us(), workspace.read(endpoint)
    found = foresee(plan, stored.value.signature, rows, fed, now_us)
    most = plan.steps[0].hold_us / 86.4e9
    start = (
        f"By 'ab', {plan.steps[0].slots / SLOTS:.4g} of the traffic, for {most:.3g} days at most"
    )
    if found is None and not goal.units and not goal.peek:
        raise ConfigError(
            f"Nothing on the log tells how {goal.name} varies, so that no look can be planned.",
            hint="Say how many units to look at, units = 20000, or let it peek.",
        )
    if found is None:
        return plan, f"{start}: nothing on the log tells how {goal.name} varies."
    units = goal.units or found.units
    days = found.days * units / found.units
    note = ", which is longer" if days > most else ""
    return replace(plan, goal=replace(goal, units=units)), (
        f"{start}: about {units:,} units tell whether {goal.name}, {found.value:.4g} now, changes "
        f"by {goal.mde:.3g} of that; they take {days:.3g} days at the present traffic{note}."
    )


def foreseen(workspace: Workspace, endpoint: str) -> str:
    """What an experiment by the settings would take, in a line.

    Raises:
        NotFoundError: the settings have none for the endpoint.
    """
    told = workspace.settings.release.get(endpoint)
    if told is None or told.strategy != "ab":
        raise NotFoundError(
            f"The settings have no experiment for the endpoint '{endpoint}'.",
            hint=f'Write a table [release.{endpoint}] with strategy = "ab" and a goal.',
        )
    return planned(workspace, endpoint, plan_of(told))[1]


def experiment(workspace: Workspace, endpoint: str) -> Experiment:
    """What the newest experiment of an endpoint has found.

    Raises:
        NotFoundError: there was none.
    """
    found = [one for one in workspace.releases.releases(endpoint) if one.plan.goal is not None]
    if not found:
        raise NotFoundError(
            f"There was no experiment at the endpoint '{endpoint}' yet.",
            hint='A release with strategy = "ab" and a goal is one.',
        )
    return interim(found[-1], workspace.witness.evidence(found[-1]))
