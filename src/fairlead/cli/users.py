"""`fairlead users`: who signs in to the console."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import click

from fairlead.access import ROLES, Role
from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.output import moment, say, table

role_option = click.option("--role", required=True, type=click.Choice(list(ROLES)),
                           help="What they may do; each includes those before it.")  # fmt: skip
stdin_option = click.option("--password-stdin", "from_stdin", is_flag=True,
                            help="Take the password from standard input.")  # fmt: skip


@click.group("users")
def users_command() -> None:
    """Add, list and remove the people who sign in to the console."""


@users_command.command("add")
@click.argument("name")
@role_option
@stdin_option
@click.pass_obj
def add_command(home: Path | None, name: str, role: str, from_stdin: bool) -> None:
    """Let NAME sign in with a password, which is asked for."""
    book = Workspace(home).user_book
    added = book.add(name, cast(Role, role), _password(from_stdin=from_stdin), user())
    say(f"User {added.name} is {_article(added.role)}.")


@users_command.command("list")
@click.pass_obj
def list_command(home: Path | None) -> None:
    """List all users and what they may do."""
    rows = [
        (one.name, one.role, moment(one.created_us), moment(one.changed_us))
        for one in Workspace(home).user_book.all_users()
    ]
    if rows:
        table(("name", "role", "added", "changed"), rows)
    else:
        say("There are no users yet: 'fairlead users add NAME --role operator' adds one.")


@users_command.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(list(ROLES)))
@click.pass_obj
def role_command(home: Path | None, name: str, role: str) -> None:
    """Let NAME do what ROLE may from now on; they have to sign in again."""
    changed = Workspace(home).user_book.set_role(name, cast(Role, role), user())
    say(f"User {changed.name} is {_article(changed.role)}.")


@users_command.command("password")
@click.argument("name")
@stdin_option
@click.pass_obj
def password_command(home: Path | None, name: str, from_stdin: bool) -> None:
    """Give NAME another password; they have to sign in again."""
    workspace = Workspace(home)
    changed = workspace.user_book.set_password(name, _password(from_stdin=from_stdin), user())
    say(f"User {changed.name} has another password.")


@users_command.command("remove")
@click.argument("name")
@click.pass_obj
def remove_command(home: Path | None, name: str) -> None:
    """Let NAME in no more, from now on."""
    removed = Workspace(home).user_book.remove(name, user())
    say(f"User {removed.name} is removed.")


def _password(*, from_stdin: bool) -> str:
    """The password, asked for twice without being shown; or a line of standard input."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _article(role: Role) -> str:
    return f"{'an' if role[0] in 'ao' else 'a'} {role}"
