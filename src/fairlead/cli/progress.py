"""A job in front of whom asked for it: how far it is, how to go on, and what to know of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from fairlead.batch import JobRecord, Progress
from fairlead.cli.output import say

Show = Callable[[Progress], None]


def watched(run: Callable[[Show], JobRecord]) -> JobRecord:
    """Run a job with a bar on the terminal; then say its notes, and what has drifted.

    Args:
        run: gives the job's record; calls what it is given with how far it is.
    """
    try:
        with progress_bar() as show:
            record = run(show)
    except KeyboardInterrupt:
        click.echo("Interrupted: run the same line again to go on.", err=True)
        raise
    for note in record.notes:
        say(f"Note: {note}")
    for moved in record.drifted:
        say(f"Drift in '{moved.field}': {moved.why}")
    return record


@contextmanager
def progress_bar() -> Iterator[Show]:
    """What draws how far a job is; nothing where nobody sees it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rejected]} rejected"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:

        def show(now: Progress) -> None:
            if not bar.tasks:  # what an earlier run has done says nothing of how fast this one is
                bar.add_task("", total=now.rows, completed=now.done, rejected=0, rate="")
            task = bar.tasks[0]
            rate = f"{task.speed:,.0f} rows/s" if task.speed else ""
            bar.update(task.id, completed=now.done, rejected=now.rejected, rate=rate)

        yield show
