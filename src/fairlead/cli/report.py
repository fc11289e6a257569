"""`fairlead report`: how an endpoint fares, as a file to look at and to send."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.app.report import write_report
from fairlead.app.workspace import Workspace
from fairlead.cli.monitor import duration_s
from fairlead.cli.output import say


@click.command("report")
@click.argument("endpoint")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Default: ENDPOINT.html; a file that is there is replaced.",
)
@click.option("--version", help="As churn:3 or churn@champion. Default: those that answer now.")
@click.option("--since", default="30d", show_default=True, help="How far to look back, as 7d.")
@click.pass_obj
def report_command(
    home: Path | None, endpoint: str, output: Path | None, version: str | None, since: str
) -> None:
    """Write how ENDPOINT fares to one page of HTML, which opens anywhere, offline too."""
    file = output or Path(f"{endpoint}.html")
    found = write_report(
        Workspace(home), endpoint, file, since_s=duration_s(since), version=version
    )
    say(f"{endpoint}: {'alarm' if found.alarm else 'quiet'}. Written to {file}.")
