"""`fairlead link`: into the console, for who can read the home."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.app.supervisor import Addresses
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say
from fairlead.cli.user import user


@click.command("link")
@click.pass_obj
def link_command(home: Path | None) -> None:
    """Print a link that signs in to the console once, within 15 minutes, for everything."""
    workspace = Workspace(home)
    say(sign_in_link(workspace, workspace.addresses()))


def sign_in_link(workspace: Workspace, addresses: Addresses) -> str:
    """A link that signs in once, as who runs this command."""
    return f"{addresses.control}/enter/{workspace.entry_book.make(user())}"
