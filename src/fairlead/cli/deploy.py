"""`fairlead deploy` and `fairlead endpoints`."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from fairlead.app.platform import deploy
from fairlead.app.releasing import plan_for
from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.output import moment, say, table
from fairlead.errors import BundleError
from fairlead.releases import Release, Strategy
from fairlead.routing import ROUTES, Route


@click.command("deploy")
@click.argument("version")
@click.option("--endpoint", help="Its name; default: the model's.")
@click.option("--strategy", type=click.Choice(get_args(Strategy)), help="How it takes over.")
@click.option("--step", "steps", multiple=True, help="Of a canary: '5% for 2h'; may be repeated.")
@click.option("--share", help="Of a shadow: the requests it sees. Default: 100%.")
@click.option("--duration", help="Of a shadow (default: 1d) or an ab (14d).")
@click.option("--stable", help="Of a shadow: 'human:QUEUE' where a person decides.")
@click.option("--goal", help="Of an ab: the metric that shall get better, as 'mean:revenue'.")
@click.option("--allow-pickle", is_flag=True, help="Let a pickled payload be loaded.")
@click.option("--timeout", "timeout_s", default=300.0, help="Seconds to wait for the end.")
@click.pass_obj
def deploy_command(
    home: Path | None,
    version: str,
    endpoint: str | None,
    strategy: Strategy | None,
    steps: tuple[str, ...],
    share: str | None,
    duration: str | None,
    stable: str | None,
    goal: str | None,
    allow_pickle: bool,
    timeout_s: float,
) -> None:
    """Let VERSION (`churn:2`, `churn@champion`) answer an endpoint.

    Every worker loads, proves and warms it first, while the old version goes on answering. Then
    it takes over step by step, as its plan says: see 'fairlead release show'.
    """
    workspace = Workspace(home)
    workspace.addresses()  # nothing is released where nothing runs

    def told(release: Release) -> None:
        if release.state not in ("failed", "rolled back"):
            say(f"{release.state}: {release.reason}")

    name = endpoint or workspace.registry.resolve(version).model
    wanted = {
        "strategy": strategy,
        "steps": [*steps] or None,
        "share": share,
        "duration": duration,
        "stable": stable,
        "goal": goal,
    }
    plan, why = plan_for(workspace, name, {k: v for k, v in wanted.items() if v is not None})
    say(why)
    release = deploy(
        workspace, version, name, allow_pickle=allow_pickle, timeout_s=timeout_s, told=told,
        plan=plan, actor=user(),
    )  # fmt: skip
    if release.state in ("failed", "rolled back"):
        raise BundleError(
            f"{release.version.name} was not deployed: {release.reason}",
            hint="What answered before goes on.",
        )


@click.command("endpoints")
@click.pass_obj
def endpoints_command(home: Path | None) -> None:
    """List the endpoints and who answers them."""
    workspace = Workspace(home)
    changed = {
        r.endpoint: r.changed_us
        for r in workspace.releases.releases()
        if r.state in ("done", "baking") and r.plan.is_moving
    }
    rows = [
        (
            route.endpoint,
            ", ".join(f"{arm.version.name} {arm.weight:.0%}" for arm in route.arms) or "nobody yet",
            _mode(route),
            ", ".join(ref.name for ref in (*route.prepare, *route.keep)),
            route.revision,
            moment(changed[route.endpoint]) if route.endpoint in changed else None,
        )
        for route in (stored.value for stored in workspace.store.scan(ROUTES))
    ]
    if rows:
        table(("endpoint", "answers", "mode", "warm", "revision", "since"), rows)
    else:
        say("There are no endpoints yet: 'fairlead up MODEL:VERSION' makes one.")


def _mode(route: Route) -> str:
    """Who decides, and whose people if any do."""
    mode = route.automation.mode
    return mode if mode == "full" else f"{mode} ({route.queue})"
