"""How far a job is, on a terminal: a bar, how fast, how long still, how many rejects."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fairlead.batch import Progress


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None]]:
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
