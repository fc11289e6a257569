"""`fairlead config` and `fairlead home`."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.app.settings_shown import describe
from fairlead.app.workspace import Workspace
from fairlead.cli.output import say, table


@click.group("config")
def config_command() -> None:
    """Check or show the settings."""


@config_command.command("check")
@click.pass_obj
def check_command(home: Path | None) -> None:
    """Read `fairlead.toml` and say what is wrong with it, if anything is."""
    workspace = Workspace(home)
    _ = workspace.settings
    file = workspace.home.settings_file
    say(f"{file} is fine." if file else "There is no fairlead.toml; every setting is its default.")


@config_command.command("show")
@click.pass_obj
def show_command(home: Path | None) -> None:
    """Show every setting in force and where it comes from."""
    workspace = Workspace(home)
    table(("setting", "value", "from"), describe(workspace.settings))


@click.command("home")
@click.pass_obj
def home_command(home: Path | None) -> None:
    """Print the home folder that commands use here."""
    say(str(Workspace(home).home.path))
