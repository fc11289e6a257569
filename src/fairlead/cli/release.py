"""`fairlead release`: what becomes of a release, and the word of a person in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import click

from fairlead.app.platform import wait_settled
from fairlead.app.releasing import give_back
from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.comparison import show_comparison
from fairlead.cli.experiment import guard_row
from fairlead.cli.output import moment, say, table
from fairlead.durations import write_duration
from fairlead.errors import BundleError, NotFoundError
from fairlead.releases import OPEN, Order, OrderName, Release, Step
from fairlead.releases.judge import judged_now
from fairlead.routing import SLOTS

ORDERS: dict[OrderName, str] = {
    "approve": "Let a release go on that waits for a person.",
    "pause": "Let a release stay where it is; its guards still roll it back.",
    "resume": "Let a paused release go on.",
    "promote": "Give the candidate all traffic now.",
    "abort": "End a release, and go back to what answered before it.",
}


@click.group("release")
def release_command() -> None:
    """Follow a release, and tell it what to do."""


@release_command.command("list")
@click.argument("endpoint", default="")
@click.pass_obj
def list_command(home: Path | None, endpoint: str) -> None:
    """List the releases of ENDPOINT or of all."""
    releases = Workspace(home).releases.releases(endpoint)
    rows = [(r.endpoint, r.version.name, r.plan.strategy, r.state, moment(r.changed_us), r.reason)
            for r in releases]  # fmt: skip
    if rows:
        table(("endpoint", "version", "strategy", "state", "since", "why"), rows)
    else:
        say("There were no releases yet.")


@release_command.command("show")
@click.argument("endpoint")
@click.pass_obj
def show_command(home: Path | None, endpoint: str) -> None:
    """Show how the newest release of ENDPOINT stands, and what is known for and against it."""
    workspace = Workspace(home)
    release = newest(workspace, endpoint)
    paused = ", paused" if release.paused else ""
    say(
        f"{release.version.name} to {endpoint}, by {release.plan.strategy}: {release.state}{paused}"
    )
    say(release.reason)
    say()
    steps = release.plan.steps
    table(
        ("", "step", "for"),
        [(_mark(place, release), _named(step), _held(step)) for place, step in enumerate(steps)],
    )
    evidence = workspace.witness.evidence(release)
    judged = judged_now(release, evidence)
    if judged:
        say()
        table(("guard", "allows", "so far", "seen", "about more"), map(guard_row, judged))
    if release.plan.is_compared:
        say()
        show_comparison(evidence.compared)


@release_command.command("rollback")
@click.argument("endpoint")
@click.option("--reason", default="", help="For the audit.")
@click.pass_obj
def rollback_command(home: Path | None, endpoint: str, reason: str) -> None:
    """Go back to what answered before the newest release, under way or done."""
    workspace = Workspace(home)
    workspace.addresses()
    release = wait_settled(workspace, give_back(workspace, endpoint, user(), reason))
    if release.state == "failed":
        raise BundleError(
            f"{release.version.name} does not answer again: {release.reason}",
            hint="What answered before goes on.",
        )
    _tell(release)


def _tell(release: Release) -> None:
    state = f"{release.state}, paused" if release.paused else release.state
    say(f"{release.version.name} is {state}: {release.reason}")


def newest(workspace: Workspace, endpoint: str) -> Release:
    """The newest release of an endpoint.

    Raises:
        NotFoundError: there was none.
    """
    found = workspace.releases.last(endpoint, 1)
    if not found:
        raise NotFoundError(f"There was no release of the endpoint '{endpoint}' yet.")
    return found[0]


def _ordering(name: OrderName) -> Callable[..., None]:
    @click.argument("endpoint")
    @click.option("--reason", default="", help="For the audit.")
    @click.pass_obj
    def order(home: Path | None, endpoint: str, reason: str) -> None:
        workspace = Workspace(home)
        workspace.addresses()  # nobody would obey
        told = workspace.releases.order(endpoint, Order(name, user(), reason))
        _tell(wait_settled(workspace, told))

    return order


for _name in get_args(OrderName):
    if _name in ORDERS:
        release_command.command(_name, help=ORDERS[_name])(_ordering(_name))


def _mark(place: int, release: Release) -> str:
    if place < release.step or release.state == "done":
        return "done"
    return "now" if place == release.step and release.state in OPEN else ""


def _named(step: Step) -> str:
    if step.kind == "approve":
        return f"approve: {step.who}" if step.who else "approve"
    share = f"{step.slots / SLOTS:.2%}"
    return f"shadow of {share}" if step.kind == "shadow" else share


def _held(step: Step) -> str | None:
    return write_duration(step.hold_us / 1e6) if step.hold_us else None
