"""`fairlead link`: into the console, for who can read the home."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.app.sessions import sign_in_link
from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say


@click.command("link")
@click.option(
    "--end-sessions", is_flag=True, help="Print none, but end all sessions that links began."
)
@click.pass_obj
def link_command(home: Path | None, end_sessions: bool) -> None:
    """Print a link that signs in to the console once, within 15 minutes, for everything."""
    workspace = Workspace(home)
    if end_sessions:
        workspace.entry_book.end_sessions(user())
        say("All sessions that links began are over.")
        return
    say(sign_in_link(workspace, workspace.addresses().control, user()))
