"""`fairlead update` and `fairlead updates`: models that are kept right."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click
import msgspec

from fairlead.access.types import SCOPES
from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.output import moment, say, table
from fairlead.errors import NotFoundError
from fairlead.updates import Overview, Update, Word
from fairlead.updates.announce import summary
from fairlead.updates.decide import in_words


@click.command("update")
@click.argument("endpoint")
@click.option("--reason", default="", help="Why; for whoever looks at it later.")
@click.pass_obj
def update_command(home: Path | None, endpoint: str, reason: str) -> None:
    """Train the model of ENDPOINT anew now, and release it if it proves better."""
    workspace = Workspace(home)
    workspace.update_book.ask(endpoint, user(), reason)
    served = workspace.home.is_served()
    when = "now" if served else "as soon as the platform is up"
    say(f"{endpoint} is updated {when}; 'fairlead updates show {endpoint}' tells how far it is.")


@click.group("updates")
def updates_command() -> None:
    """See how models are kept right; approve, decline or cancel an update."""


@updates_command.command("list")
@click.argument("endpoint", default="")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_command(home: Path | None, endpoint: str, as_json: bool) -> None:
    """List the endpoints that are updated; or with ENDPOINT its updates, the newest first."""
    book = Workspace(home).update_book
    overviews = [book.overview(endpoint)] if endpoint else book.overviews()
    updates = book.updates(endpoint) if endpoint else []
    if as_json:
        say(msgspec.json.encode(updates if endpoint else overviews).decode())
    elif endpoint:
        table(("update", "because of", "state", "candidate", "came of it"), map(_update, updates))
    else:
        table(("endpoint", "trained by", "due", "now", "last", "ended"), map(_overview, overviews))


@updates_command.command("show")
@click.argument("endpoint")
@click.argument("update", default="")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show_command(home: Path | None, endpoint: str, update: str, as_json: bool) -> None:
    """Tell of the newest update of ENDPOINT, or of UPDATE, an id as `list` prints it."""
    found = _find(Workspace(home), endpoint, update)
    if as_json:
        say(msgspec.json.encode(found).decode())
        return
    say(f"{found.name}: {_state(found)}.")
    for cause in found.causes:
        say(f"Because of {in_words(cause)}")
    if found.made is not None:
        _say_made(found)
    if found.error:
        say(f"Why: {found.error}")


@updates_command.command("log")
@click.argument("endpoint")
@click.argument("update", default="")
@click.pass_obj
def log_command(home: Path | None, endpoint: str, update: str) -> None:
    """Print what the newest update of ENDPOINT said, or UPDATE."""
    for line in _find(Workspace(home), endpoint, update).log:
        say(f"{moment(line.time_us)}  {line.text}")


@updates_command.command("approve")
@click.argument("endpoint")
@click.option("--reason", default="", help="Why; for whoever looks at it later.")
@click.pass_obj
def approve_command(home: Path | None, endpoint: str, reason: str) -> None:
    """Let the update of ENDPOINT that waits for a word be released."""
    _tell(home, endpoint, "approve", reason)


@updates_command.command("decline")
@click.argument("endpoint")
@click.option("--reason", default="", help="Why; for whoever looks at it later.")
@click.pass_obj
def decline_command(home: Path | None, endpoint: str, reason: str) -> None:
    """End the update of ENDPOINT that waits for a word; its version stays registered."""
    _tell(home, endpoint, "decline", reason)


@updates_command.command("cancel")
@click.argument("endpoint")
@click.option("--reason", default="", help="Why; for whoever looks at it later.")
@click.pass_obj
def cancel_command(home: Path | None, endpoint: str, reason: str) -> None:
    """End the update of ENDPOINT that is under way; everything is left as it was."""
    _tell(home, endpoint, "cancel", reason)


def _tell(
    home: Path | None, endpoint: str, name: Literal["approve", "decline", "cancel"], reason: str
) -> None:
    word = Word(name=name, actor=user(), reason=reason)
    found = Workspace(home).update_book.tell(endpoint, "", word, SCOPES)
    say(f"{found.name} is told to {name}.")


def _find(workspace: Workspace, endpoint: str, update: str) -> Update:
    if update:
        return workspace.update_book.update(endpoint, update)
    overview = workspace.update_book.overview(endpoint)
    found = overview.update or overview.last
    if found is None:
        raise NotFoundError(
            f"'{endpoint}' was not updated yet.",
            hint=f"To ask for an update: fairlead update {endpoint}.",
        )
    return found


def _say_made(update: Update) -> None:
    assert update.made is not None
    made, learnt = update.made, update.made.learnt
    say(
        f"Learnt from {learnt.train.rows} rows of the log and {learnt.plus_rows} of the file, "
        f"as known at {moment(learnt.as_of_us)}; judged on {learnt.holdout.rows} newer rows."
    )
    if made.candidate:
        say(f"Made {made.candidate}, a {made.change} update of {made.champion}.")
    say(f"{made.judgement.verdict.capitalize()}: {made.judgement.reason}")
    rows = [
        (one.name, one.verdict, one.champion, one.challenger, one.reason)
        for one in made.judgement.findings
    ]
    table(("looked at", "says", made.champion, made.candidate or "-", "why"), rows)


def _overview(one: Overview) -> tuple[object, ...]:
    due = one.due_us or one.next_us
    now = "-" if one.update is None else _state(one.update)
    last, ended = (None, None) if one.last is None else (one.last.outcome, one.last.ended_us)
    return (
        one.endpoint, one.train, None if not due else moment(due), now, last,
        None if ended is None else moment(ended),
    )  # fmt: skip


def _update(one: Update) -> tuple[object, ...]:
    kinds = ", ".join(dict.fromkeys(cause.kind for cause in one.causes))
    candidate = one.made.candidate if one.made is not None else ""
    return one.id, kinds, _state(one), candidate or None, summary(one) or None


def _state(update: Update) -> str:
    match update.state:
        case "ended":
            return str(update.outcome)
        case "running" if update.stage is not None:
            share = "" if update.progress is None else f", {update.progress:.0%}"
            return f"running: {update.stage}{share}"
        case "waiting" if update.failures:
            return f"waits to try again at {moment(update.due_us)}"
        case "asking":
            return "waits for a person's word"
    return update.state
