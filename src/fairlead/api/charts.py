"""Figures, and the numbers that they are drawn from."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from fairlead.figures import Figure

Cell = str | int | float | None
HOURS = 24.0
HOURS_MAX = 400 * 24.0
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A figure, and the numbers that it is drawn from.

    Args:
        figure: as Plotly reads it.
        columns: headings of the numbers, each with its unit.
        rows: of them.
    """

    figure: Figure
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that can be had.

    Args:
        name: of it.
        title: what it shows.
        options: what can be said beside how far to look back, by name.
    """

    name: str
    title: str
    options: tuple[str, ...]


class Charts(Protocol):
    """Who draws the figures of endpoints."""

    def listed(self) -> tuple[Listed, ...]:
        """All that there are."""
        ...

    def draw(self, endpoint: str, name: str, hours: float, options: Mapping[str, str]) -> Chart:
        """Draw one.

        Raises:
            NotFoundError: there is no such endpoint or figure; names the nearest.
            ConfigError: an option makes no sense.
        """
        ...


def to_csv(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Write a table as RFC 4180 has it; text that a spreadsheet would run gets an apostrophe.

    Example:
        >>> to_csv(["field", "rows"], [["=1+1", 2], [None, -0.5]]).splitlines()
        ['field,rows', "'=1+1,2", ',-0.5']
    """
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    for row in (columns, *rows):
        writer.writerow([_harmless(cell) for cell in row])
    return sink.getvalue()


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
