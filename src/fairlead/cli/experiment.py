"""`fairlead experiment`: what an experiment has found so far, or will take."""

from __future__ import annotations

from math import exp
from pathlib import Path

import click
import msgspec

from fairlead.app.experimenting import experiment, foreseen
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say, table
from fairlead.releases import Judged
from fairlead.releases.outcomes.interim import Arm, Experiment
from fairlead.stats import Estimate


@click.command("experiment")
@click.argument("endpoint")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@click.option("--plan", "forward", is_flag=True, help="What one by the settings would take.")
@click.pass_obj
def experiment_command(home: Path | None, endpoint: str, as_json: bool, forward: bool) -> None:
    """Report on the newest experiment of ENDPOINT, at any time."""
    workspace = Workspace(home)
    if forward:
        say(foreseen(workspace, endpoint))
        return
    found = experiment(workspace, endpoint)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    _show(found)


def _show(found: Experiment) -> None:
    better = f"{found.goal} ({found.better} is better)"
    say(f"{found.candidate.version} at {found.endpoint}, by {better}: {found.state}")
    say(found.note)
    say()
    heads = ("arm", "version", "share", "requests", "units", found.goal, "came", "half within")
    table(heads, [_arm("stable", found.control), _arm("candidate", found.candidate)])
    say()
    standing = found.standing
    if standing.difference is not None:
        say(f"Difference: {_range(standing.difference)}")
    if standing.ratio is not None:
        say(f"Relative: {_range(standing.ratio, '.2%')}")
    if standing.explained is not None:
        say(f"What was known of units before explains {standing.explained:.0%} of the variance.")
    if standing.needed:
        say(f"About {standing.needed:,.0f} more units, if it goes on like this.")
    if standing.planned:
        say(f"Planned are {standing.planned:,} units; {standing.units:,} are there.")
    found_so = "not split" if standing.is_mismatched else "split"
    odds = exp(min(standing.log_mismatch, 700.0))
    say(f"Units are {found_so} as the route says (e-value against it {odds:.3g}; alarm at 1000).")
    if found.guards:
        say()
        table(("guard", "allows", "so far", "seen", "about more"), map(guard_row, found.guards))


def guard_row(judged: Judged) -> tuple[object, ...]:
    """How a guard stands, as a row of a table."""
    seen = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in judged.seen.items())
    needed = judged.verdict.needed
    finding = judged.verdict.finding.replace("_", " ")
    return judged.guard.name, judged.guard.allows, finding, seen, round(needed) if needed else None


def _arm(name: str, arm: Arm) -> tuple[object, ...]:
    came = arm.predictions
    part = f"{came.came / came.rows:.1%}" if came.rows else None
    value = None if arm.value is None else _range(arm.value)
    late = None if came.delay_s is None else _late(came.delay_s)
    return name, arm.version, f"{arm.share:.2%}", arm.requests, arm.units, value, part, late


def _late(seconds: float) -> str:
    for unit, length_s in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.1f} {unit}"
    return f"{seconds:.1f} s"


def _range(estimate: Estimate, style: str = ".4g") -> str:
    return f"{estimate.value:{style}} ({estimate.low:{style}} to {estimate.high:{style}})"
