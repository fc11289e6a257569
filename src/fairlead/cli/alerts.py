"""`fairlead alerts`: what is wrong, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from fairlead.alerts import Alert, AlertBook, Silence
from fairlead.alerts.compose import describe
from fairlead.alerts.tell import covers
from fairlead.app.board import rule_in_words
from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.options import reason_option
from fairlead.cli.output import moment, say, table
from fairlead.durations import read_duration
from fairlead.errors import ConfigError, NotFoundError


@click.group("alerts")
def alerts_command() -> None:
    """See what is wrong, silence it for a while, and test who is told."""


@alerts_command.command("list")
@click.argument("endpoint", default="")
@click.option("--all", "everything", is_flag=True, help="Also those that are resolved.")
@click.pass_obj
def list_command(home: Path | None, endpoint: str, everything: bool) -> None:
    """List the alerts, of ENDPOINT or of all, with silences and what could not be delivered."""
    book = Workspace(home).alert_book
    alerts = [a for a in book.alerts(endpoint) if everything or a.state != "resolved"]
    if alerts:
        silences = book.silences(endpoint)
        rows = [_row(alert, silences) for alert in alerts]
        table(("alert", "severity", "state", "since", "why"), rows)
    else:
        say("There are no alerts." if everything else "Nothing is wrong that an alert tells of.")
    _silences(book, endpoint)
    _undelivered(book)


def _row(alert: Alert, silences: Sequence[Silence]) -> tuple[str, ...]:
    quiet = any(covers(silence, alert) for silence in silences)
    state = f"{alert.state}, silenced" if quiet else alert.state
    if alert.acknowledged is not None and alert.state != "resolved":
        state += f", {alert.acknowledged.by} is on it"
    return alert.name, alert.severity, state, moment(alert.since_us), alert.steps[-1].reason


def _silences(book: AlertBook, endpoint: str) -> None:
    rows = [
        (s.id, s.endpoint, s.rule, s.subject, moment(s.until_us), s.reason)
        for s in book.silences(endpoint)
    ]
    if rows:
        say()
        table(("silence", "endpoint", "rules", "subjects", "until", "reason"), rows)


def _undelivered(book: AlertBook) -> None:
    rows = [
        (n.channel, "given up" if n.state == "dead" else "waits", n.attempts, n.message.title,
         n.problem)
        for n in book.undelivered()
    ]  # fmt: skip
    if rows:
        say()
        table(("channel", "delivery", "attempts", "message", "problem"), rows)


@alerts_command.command("show")
@click.argument("alert")
@click.pass_obj
def show_command(home: Path | None, alert: str) -> None:
    """Show ALERT, a name as `list` prints it: every state with its time and evidence."""
    workspace = Workspace(home)
    found = workspace.alert_book.alert(alert)
    say(describe(found))
    say(f"Rule: {rule_in_words(workspace.settings, found)}")
    say()
    rows = [(step.state, moment(step.time_us), step.reason) for step in found.steps]
    table(("state", "at", "why"), rows)


@alerts_command.command("ack")
@click.argument("alert")
@click.option("--note", default="", help="What others should know.")
@click.pass_obj
def ack_command(home: Path | None, alert: str, note: str) -> None:
    """Say that you are on ALERT, a name as `list` prints it; it goes on being told of."""
    told = Workspace(home).alert_book.acknowledge(alert, note, user())
    say(f"{told.name}: {user()} is on it.")


@alerts_command.command("silence")
@click.argument("endpoint")
@click.option("--for", "duration", required=True, metavar="DURATION", help="As in 30m, 2h or 3d.")
@click.option("--rule", default="*", help="Of these rules; `*` and `?` stand for anything.")
@click.option("--subject", default="*", help="Of these fields, segments or versions; likewise.")
@reason_option
@click.pass_obj
def silence_command(
    home: Path | None, endpoint: str, duration: str, rule: str, subject: str, reason: str
) -> None:
    """Tell nobody of alerts of ENDPOINT for a while."""
    for_s = read_duration(duration)
    if for_s is None:
        raise ConfigError(
            f"'{duration}' is not a duration.", hint="One is a number and s, m, h or d: 2h."
        )
    workspace = Workspace(home)
    made = workspace.alert_book.silence(endpoint, for_s, rule=rule, subject=subject, reason=reason)
    say(f"Silence {made.id} until {moment(made.until_us)}.")
    try:
        workspace.route(endpoint)
    except NotFoundError as error:  # which may be right before it is deployed
        click.echo(f"{error.message} {error.hint}", err=True)


@alerts_command.command("unsilence")
@click.argument("silence")
@click.pass_obj
def unsilence_command(home: Path | None, silence: str) -> None:
    """End SILENCE, an id as `list` prints it, now."""
    ended = Workspace(home).alert_book.unsilence(silence)
    say(f"Silence {ended.id} is over.")


@alerts_command.command("test")
@click.argument("channel")
@click.pass_obj
def test_command(home: Path | None, channel: str) -> None:
    """Send a test message through CHANNEL."""
    from fairlead.app.alerting import try_channel

    sent = try_channel(Workspace(home), channel)
    say(f"The channel '{channel}' took the test message {sent}.")
