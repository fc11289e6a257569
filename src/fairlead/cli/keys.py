"""`fairlead keys`: who may ask."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from fairlead.access import SCOPES, Key, Scope
from fairlead.app.platform import wait_followed
from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.output import moment, say, table


@click.group("keys")
def keys_command() -> None:
    """Make, list and revoke the keys of callers."""


@keys_command.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES),
              help="What it is for; may be given again.")  # fmt: skip
@click.option("--endpoint", "endpoints", multiple=True, help="That it is for; default: all.")
@click.option("--rate", type=float, help="Requests a second that it is good for.")
@click.option("--burst", type=float, help="Requests at once after a pause; default: a second's.")
@click.option("--days", type=click.FloatRange(0, min_open=True), help="After which it expires.")
@click.pass_obj
def create_command(
    home: Path | None,
    name: str,
    scopes: tuple[str, ...],
    endpoints: tuple[str, ...],
    rate: float | None,
    burst: float | None,
    days: float | None,
) -> None:
    """Make a key for NAME, and print its secret, this once.

    The secret alone goes to standard output: fairlead keys create shop --scope predict > shop.key
    """
    workspace = Workspace(home)
    key, secret = workspace.key_book.create(
        name,
        cast("tuple[Scope, ...]", scopes),
        endpoints=endpoints or None,
        rate=rate,
        burst=burst,
        days=days,
        actor=user(),
    )
    click.echo(f"Key {key.id} for {key.name}. Keep its secret: it is not shown again.", err=True)
    say(secret)
    _wait(workspace)


@keys_command.command("list")
@click.pass_obj
def list_command(home: Path | None) -> None:
    """List all keys, also those that are no longer valid."""
    workspace = Workspace(home)
    now_us = workspace.clock.now_us()
    rows = [
        (
            key.id,
            key.name,
            " ".join(key.scopes),
            "all" if key.endpoints is None else " ".join(key.endpoints),
            key.rate,
            moment(key.created_us),
            None if key.expires_us is None else moment(key.expires_us),
            _state(key, now_us),
        )
        for key in workspace.key_book.all_keys()
    ]
    if rows:
        table(("id", "name", "scopes", "endpoints", "rate", "made", "expires", "state"), rows)
    else:
        say("There are no keys yet: 'fairlead keys create NAME --scope predict' makes one.")


def _state(key: Key, now_us: int) -> str:
    if key.revoked_us is not None:
        return f"revoked {moment(key.revoked_us)}"
    return "expired" if key.expires_us is not None and key.expires_us <= now_us else "in force"


@keys_command.command("revoke")
@click.argument("key")
@click.pass_obj
def revoke_command(home: Path | None, key: str) -> None:
    """Refuse KEY, a name or an id, from now on."""
    workspace = Workspace(home)
    revoked = workspace.key_book.revoke(key, user())
    say(f"Key {revoked.id} for {revoked.name} is revoked.")
    _wait(workspace)


def _wait(workspace: Workspace) -> None:
    """Return when the running platform acts on it."""
    if not wait_followed(workspace):
        click.echo("Not every worker knows of it yet; they follow once they can.", err=True)
