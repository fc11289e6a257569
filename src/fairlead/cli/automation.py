"""`fairlead automation`: who decides at an endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from fairlead.app.automating import automate, automation_of
from fairlead.app.platform import wait_followed
from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.options import reason_option
from fairlead.cli.output import say
from fairlead.releases.plan import read_share
from fairlead.routing import Automation, Mode

_WHO: dict[Mode, str] = {
    "human": "people of the queue '{0.queue}' decide every row; the model is not asked",
    "shadow": "people of the queue '{0.queue}' decide every row; the model's answer is on the log",
    "assist": "people of the queue '{0.queue}' decide every row, and are shown the model's answer",
    "partial": "the model decides where {0.auto_if}, people of the queue '{0.queue}' the others",
    "full": "the model decides every row",
}


@click.command("automation")
@click.argument("endpoint")
@click.argument("mode", type=click.Choice(get_args(Mode)), required=False)
@click.option("--auto-if", help="Which rows the model decides, of partial: 'confidence >= 0.97'.")
@click.option("--queue", help="Whose people decide. Default: the endpoint's name.")
@click.option("--audit", help="Share of the model's rows that people look at too: '2%'.")
@reason_option
@click.pass_obj
def automation_command(
    home: Path | None,
    endpoint: str,
    mode: Mode | None,
    auto_if: str | None,
    queue: str | None,
    audit: str | None,
    reason: str,
) -> None:
    """Show who decides at ENDPOINT, or say it: MODE holds from now on, without a restart.

    human: people decide every row. shadow: so they do, while the model predicts silently.
    assist: so they do, and see what it says. partial: the model decides where --auto-if holds,
    people the others. full: the model decides every row.
    """
    workspace = Workspace(home)
    if mode is None:
        if (auto_if, queue, audit, reason) != (None, None, None, ""):
            raise click.UsageError("Say the mode too, as 'partial': what is said is said whole.")
        _tell(endpoint, automation_of(workspace.route(endpoint)))
        return
    share = 0.0 if audit is None else read_share(audit, "--audit")
    wanted = Automation(mode, auto_if or "", queue or "", share)
    _tell(endpoint, automate(workspace, endpoint, wanted, user(), reason))
    if not wait_followed(workspace):
        click.echo("Not every worker has taken it over yet; they will.", err=True)


def _tell(endpoint: str, said: Automation) -> None:
    audit = f"; people look at {said.audit:.2%} of the model's rows too" if said.audit else ""
    say(f"{endpoint}, {said.mode}: {_WHO[said.mode].format(said)}{audit}.")
