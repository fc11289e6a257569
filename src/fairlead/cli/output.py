"""How commands print: plain lines and tables, and errors on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NoReturn

import click

from fairlead.errors import FairleadError, InputError, StorageError

PROBLEMS_MAX = 20


def say(text: str = "") -> None:
    """Print one line."""
    click.echo(text)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under headings; numbers to the right. A pipe gets it at full width."""
    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    cells = [[_text(value) for value in row] for row in rows]
    for place, column in enumerate(columns):
        numeric = bool(cells) and all(_is_number(row[place]) for row in cells)
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        drawn.add_row(*row)
    console = Console(
        highlight=False, markup=False, width=None if sys.stdout.isatty() else 200, soft_wrap=False
    )
    console.print(drawn)


def plain(text: str) -> str:
    """A text without what a terminal would obey, such as escape sequences."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


def _text(value: object) -> str:
    """A cell."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return plain(str(value))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text == "-"
    return True


def moment(time_us: int) -> str:
    """A time as people read it, in UTC, e.g. `2026-03-01 12:00:05Z`."""
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def fail(error: FairleadError | OSError, status: int = 1) -> NoReturn:
    """Print an error the way people can act on it, and end with a status.

    Raises:
        OSError: it is no matter of a file, and so none of the operator's.
    """
    if isinstance(error, OSError):
        if error.filename is None:
            raise error
        error = StorageError(f"{error.filename} cannot be used: {error.strerror}.")
    click.echo(f"Error: {error.message}", err=True)
    if isinstance(error, InputError):
        for problem in error.problems[:PROBLEMS_MAX]:
            row = "" if problem.row is None else f"row {problem.row}, "
            click.echo(f"  - {row}field '{problem.field}': {problem.message}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)
    sys.exit(status)
