"""`fairlead export` and `fairlead import`: bundles as files."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.app.archive import export_version, import_archive
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say


@click.command("export")
@click.argument("version")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: NAME-N.fairlead")
@click.pass_obj
def export_command(home: Path | None, version: str, output: Path | None) -> None:
    """Write the bundle of VERSION to one `.fairlead` file, to be imported elsewhere."""
    say(f"Written to {export_version(Workspace(home), version, output)}.")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--trust", metavar="KEY", help="Accept bundles signed by this public key (hex).")
@click.pass_obj
def import_command(home: Path | None, file: Path, trust: str | None) -> None:
    """Verify the bundle in FILE and register it as the next version of its model."""
    version = import_archive(Workspace(home), file, trust=trust)
    say(f"Registered as {version.name}.")
