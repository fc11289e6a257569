"""`fairlead online`: models that learn as labels arrive."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.options import reason_option
from fairlead.cli.output import moment, say, table
from fairlead.learning import Standing
from fairlead.stats import Estimate


@click.command("online")
@click.argument("endpoint", default="")
@click.argument("word", type=click.Choice(("freeze", "resume")), required=False)
@reason_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def online_command(
    home: Path | None, endpoint: str, word: str | None, reason: str, as_json: bool
) -> None:
    """List the models that learn as labels arrive; tell of ENDPOINT's, checkpoint by checkpoint.

    With WORD: freeze lets it learn nothing more, and its newest checkpoint goes on answering;
    resume lets it learn again, from the version that answers and by labels that come from now on.
    """
    book = Workspace(home).online_book
    if word == "freeze":
        book.freeze(endpoint, reason, user())
        say(f"{endpoint} is frozen; 'fairlead online {endpoint} resume' lets it learn again.")
    elif word == "resume":
        book.resume(endpoint, reason, user())
        say(f"{endpoint} learns again.")
    elif reason:
        raise click.UsageError("A reason goes with 'freeze' or 'resume'.")
    elif as_json:
        found = book.learner(endpoint) if endpoint else book.learners()
        say(msgspec.json.encode(found).decode())
    elif endpoint:
        _tell(book.learner(endpoint))
    else:
        heads = ("endpoint", "state", "answers", "labels", "metric", "learner", "base", "why")
        table(heads, [_row(one) for one in book.learners()])


def _tell(one: Standing) -> None:
    say(f"{one.endpoint}: {one.state}{f', by {one.by}: {one.reason}' if one.reason else ''}")
    if not one.base:
        return
    say(f"base {one.base}, last good {one.good}, newest {one.version}, answers {one.answers}")
    upto = f", the newest received {moment(one.upto_us)}" if one.upto_us else ""
    say(
        f"{one.labels} labels learnt{upto}; {one.unknown} for no prediction that there is, "
        f"{one.again} for rows that had one, {one.unfit} that do not fit"
    )
    say(
        f"{one.metric} before learning: {_shown(one.learner)}; the base's: {_shown(one.base_score)}"
    )
    if one.error:
        say(f"failed {one.failures} times: {one.error}")
    rows = [
        (moment(p.time_us), p.version, p.labels, f"{p.learner:.3f}", f"{p.base:.3f}")
        for p in one.course
    ]
    if rows:
        table(("checkpoint", "version", "labels", "error", "base's error"), rows)


def _row(one: Standing) -> tuple[object, ...]:
    return (
        one.endpoint, one.state, one.answers, one.labels, one.metric, _shown(one.learner),
        _shown(one.base_score), one.reason,
    )  # fmt: skip


def _shown(found: Estimate | None) -> str:
    if found is None:
        return "-"
    if not -1e300 < found.low <= found.high < 1e300:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
