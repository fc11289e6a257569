"""`fairlead review`: what waits for a person, one at a time."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.output import moment, plain, say, table
from fairlead.cli.reviewing import work
from fairlead.review.book import ReviewBook
from fairlead.review.bring import bring, write_lines
from fairlead.review.exchange import Form
from fairlead.review.rungs import Rung
from fairlead.stats import Estimate

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("review")
@click.argument("endpoint")
@click.option("--status", is_flag=True, help="Show how the queue and the rungs stand.")
@click.option("--json", "as_json", is_flag=True, help="With --status: print JSON.")
@click.option("--export", "target", type=FILE, help="Write the tasks that wait, a line for each.")
@click.option("--decided", is_flag=True, help="With --export: those that are decided instead.")
@click.option("--label-studio", is_flag=True, help="With --export: as tasks of Label Studio.")
@click.option("--import", "source", type=FILE, help="Decide what a file tells, all of it or none.")
@click.option("--as", "reviewer", default="", help="Your name; that of your account if not given.")
@click.pass_obj
def review_command(
    home: Path | None,
    endpoint: str,
    status: bool,
    as_json: bool,
    target: Path | None,
    decided: bool,
    label_studio: bool,
    source: Path | None,
    reviewer: str,
) -> None:
    """Decide what waits for a person at ENDPOINT, or in the queue of that name, one at a time.

    1 to 9 choose, s passes over, u takes the last decision back, q ends.
    """
    if sum((status, target is not None, source is not None)) > 1:
        raise click.UsageError("--status, --export and --import do not go together.")
    workspace = Workspace(home)
    try:
        book = workspace.review_book
        queue, who = book.queues.named(endpoint), reviewer or user()
        if status:
            _status(book, endpoint, queue, as_json=as_json)
        elif target is not None:
            form: Form = "label-studio" if label_studio else "plain"
            lines = list(write_lines(book, queue, form, decided=decided))
            target.write_bytes(b"".join(lines))
            say(f"{len(lines)} tasks written to {target}.")
        elif source is not None:
            told = bring(book, queue, source.read_bytes(), str(source), who)
            say(f"{told.decided} decided, {told.left_out} left out.")
        else:
            work(book, queue, who)
    finally:
        workspace.close()


def _status(book: ReviewBook, name: str, queue: str, *, as_json: bool) -> None:
    line, reviewers = book.queues.line(queue), book.queues.reviewers(queue)
    rungs = {one: book.queues.rungs(one) for one in line.endpoints if name in (one, queue)}
    if as_json:
        told = {"queue": line, "reviewers": reviewers, "rungs": rungs}
        say(msgspec.json.encode(told).decode())
        return
    oldest = "" if line.oldest_us is None else f", the oldest since {moment(line.oldest_us)}"
    say(f"{line.waiting} wait in '{queue}'{oldest}; {line.taken} are before somebody.")
    if reviewers:
        rows = [
            (one.name, one.decided, _share(one.agreed, one.compared), one.per_hour)
            for one in reviewers
        ]
        table(("reviewer", "decided", "agrees with the model", "an hour"), rows)
    for endpoint, found in rungs.items():
        for rung in found:
            _rung(endpoint, rung)


def _rung(endpoint: str, rung: Rung) -> None:
    covered = "-" if rung.coverage is None else f"{rung.coverage:.1%}"
    say()
    say(f"{endpoint}, '{rung.mode}', {rung.version}: the model decided {covered} of {rung.rows}.")
    measures = {
        "agreement": rung.agreement, "override rate": rung.override, "kappa": rung.kappa
    }  # fmt: skip
    for what, found in measures.items():
        if found is not None:
            say(f"  {what}: {_interval(found)}")
    if rung.next:
        verdict = "supports" if rung.supported else "does not support"
        say(f"  The evidence {verdict} '{rung.next}'.")
    for reason in rung.reasons:
        say(f"  - {plain(reason)}")


def _interval(found: Estimate) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _share(part: int, whole: int) -> str | None:
    return f"{part / whole:.0%} of {whole}" if whole else None
