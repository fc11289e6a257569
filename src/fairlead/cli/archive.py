"""`fairlead import`: a bundle from a file."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.app.archive import import_archive
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--trust", metavar="KEY", help="Accept bundles signed by this public key (hex).")
@click.pass_obj
def import_command(home: Path | None, file: Path, trust: str | None) -> None:
    """Verify the bundle in FILE and register it as the next version of its model."""
    version = import_archive(Workspace(home), file, trust=trust)
    say(f"Registered as {version.name}.")
