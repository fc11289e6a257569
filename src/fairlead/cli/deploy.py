"""`fairlead deploy` and `fairlead endpoints`."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.app.platform import deploy
from fairlead.app.workspace import Workspace
from fairlead.cli.output import moment, say, table
from fairlead.errors import BundleError
from fairlead.releases import Release
from fairlead.routing import ROUTES


@click.command("deploy")
@click.argument("version")
@click.option("--endpoint", help="Its name; default: the model's.")
@click.option("--allow-pickle", is_flag=True, help="Let a pickled payload be loaded.")
@click.option("--timeout", "timeout_s", default=300.0, help="Seconds to wait for the end.")
@click.pass_obj
def deploy_command(
    home: Path | None, version: str, endpoint: str | None, allow_pickle: bool, timeout_s: float
) -> None:
    """Let VERSION (`churn:2`, `churn@champion`) answer an endpoint.

    Every worker loads, proves and warms it first, while the old version goes on answering.
    """
    workspace = Workspace(home)
    workspace.addresses()  # nothing is released where nothing runs

    def told(release: Release) -> None:
        if release.state != "failed":
            say(f"{release.state}: {release.reason}")

    release = deploy(
        workspace, version, endpoint, allow_pickle=allow_pickle, timeout_s=timeout_s, told=told
    )
    if release.state == "failed":
        raise BundleError(
            f"{release.version.name} was not deployed: {release.reason}",
            hint="What answered before goes on.",
        )


@click.command("endpoints")
@click.pass_obj
def endpoints_command(home: Path | None) -> None:
    """List the endpoints and who answers them."""
    workspace = Workspace(home)
    changed = {r.endpoint: r.changed_us for r in workspace.releases.releases() if r.state == "done"}
    rows = [
        (
            route.endpoint,
            ", ".join(f"{arm.version.name} {arm.weight:.0%}" for arm in route.arms) or "nobody yet",
            ", ".join(ref.name for ref in (*route.prepare, *route.keep)),
            route.revision,
            moment(changed[route.endpoint]) if route.endpoint in changed else None,
        )
        for route in (stored.value for stored in workspace.store.scan(ROUTES))
    ]
    if rows:
        table(("endpoint", "answers", "warm", "revision", "since"), rows)
    else:
        say("There are no endpoints yet: 'fairlead up MODEL:VERSION' makes one.")
