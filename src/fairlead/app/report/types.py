"""What a report is made of."""

from __future__ import annotations

import msgspec

from fairlead.figures import Figure

Cell = str | int | float | None
Row = tuple[Cell, ...]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows under headings; the first cell of a row names it.

    Args:
        caption: what it shows.
        heads: of the columns.
        rows: of cells.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a report.

    Args:
        title: over it.
        text: in a sentence or two, what it says.
        figures: in order.
        tables: below them.
    """

    title: str
    text: str = ""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()


class Chapter(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one version in one role.

    Args:
        title: over it.
        sections: in order.
    """

    title: str
    sections: tuple[Section, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A page.

    Args:
        title: of the page.
        verdict: in a word or two.
        alarm: whether it is one.
        time: when it was made.
        sections: on the endpoint as a whole.
        chapters: one for each version and role.
    """

    title: str
    verdict: str
    alarm: bool
    time: str
    sections: tuple[Section, ...]
    chapters: tuple[Chapter, ...]
