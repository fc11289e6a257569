"""`fairlead export`: a version as files for another place."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.app.exporting import TARGETS, export_version
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say
from fairlead.export.browser import fetch_runtime as fetch


@click.command("export")
@click.argument("version", required=False)
@click.option(
    "--to", type=click.Choice(list(TARGETS)), default="bundle", show_default=True,
    help="Where it is to run; a bundle is imported by another home.",
)  # fmt: skip
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="File or folder. Default: NAME-N-PLACE."
)
@click.option("--single-file", is_flag=True, help="For a browser: one page that holds all of it.")
@click.option(
    "--runtime", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="For a browser: folder with the runtime. Default: the one that was fetched.",
)  # fmt: skip
@click.option(
    "--fetch-runtime", is_flag=True,
    help="Fetch the runtime of browsers from the npm registry, once for all exports.",
)  # fmt: skip
@click.option(
    "--registry", metavar="URL", envvar="NPM_CONFIG_REGISTRY", show_envvar=True,
    help="The npm registry that is asked. Default: the one that npm asks.",
)  # fmt: skip
@click.pass_obj
def export_command(
    home: Path | None,
    version: str | None,
    to: str,
    out: Path | None,
    single_file: bool,
    runtime: Path | None,
    fetch_runtime: bool,
    registry: str | None,
) -> None:
    """Write VERSION to a file or folder that runs elsewhere, or that another home imports."""
    if fetch_runtime:
        say(f"The runtime is in {fetch(registry)}.")
    if version is None:
        if fetch_runtime:
            return
        raise click.UsageError("Say which version: fairlead export churn:3 --to browser.")
    if to != "browser" and (single_file or runtime):
        raise click.UsageError("--single-file and --runtime belong to --to browser.")
    done = export_version(
        Workspace(home), version, to, out, single_file=single_file, runtime=runtime
    )
    for note in done.notes:
        say(f"Note: {note}")
    say(f"Written to {done.path}.")
