"""The cells of rows of CSV, as columns of text: all at once, or where that fails row by row."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fairlead.batch.lines import rows_of
from fairlead.errors import Problem

if TYPE_CHECKING:
    import polars as pl

Refused = dict[int, tuple[Problem, ...]]


def read_cells(raw: bytes, names: Sequence[str], rows: int) -> tuple[pl.DataFrame, Refused]:
    r"""The cells of all rows that can be read; null where one is empty.

    Args:
        raw: the rows, without a line of names.
        names: of the columns.
        rows: how many there are.

    Returns:
        A column of text for each name, and what is wrong with the other rows, by place.

    Example:
        >>> cells, refused = read_cells(b'1,\n2\n"a, b",c\n', ["x", "y"], 3)
        >>> cells.rows(), refused[1][0].message
        ([('1', None), ('a, b', 'c')], 'has 1 cells, the first line 2')
    """
    frame = _plain(raw, names, rows)
    if frame is not None:
        return frame, {}
    cells = _at_once(raw, len(names), rows)
    refused: Refused = {}
    if cells is None:
        cells, refused = _one_by_one(raw, len(names))
    return _frame(cells, names), refused


def _plain(raw: bytes, names: Sequence[str], rows: int) -> pl.DataFrame | None:
    """All cells, if none is written in quotes and each row has as many as it should."""
    import polars as pl

    strange = b'"' in raw or raw.count(b"\r") != raw.count(b"\r\n")
    strange |= raw.startswith(codecs.BOM_UTF8)  # Polars leaves it out wherever it begins to read
    if strange or raw.count(b",") != rows * (len(names) - 1):
        return None
    try:
        frame = pl.read_csv(
            raw, has_header=False, new_columns=list(names), infer_schema=False, quote_char=None
        )
    except pl.exceptions.PolarsError:
        return None
    if frame.shape != (rows, len(names)):
        return None
    longest = max(frame.select(pl.all().str.len_bytes().max()).row(0), key=lambda size: size or 0)
    return frame if (longest or 0) < csv.field_size_limit() else None


def _frame(cells: Sequence[Sequence[str]], names: Sequence[str]) -> pl.DataFrame:
    import polars as pl

    columns = zip(*cells, strict=True) if cells else [()] * len(names)
    listed = [[text or None for text in column] for column in columns]
    return pl.DataFrame(
        [pl.Series(name, texts, dtype=pl.String) for name, texts in zip(names, listed, strict=True)]
    )


def _at_once(raw: bytes, width: int, rows: int) -> list[list[str]] | None:
    """All cells, if nothing is wrong with any row."""
    try:
        text = raw.decode()
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        cells = [row for row in reader if row]
    except (UnicodeDecodeError, csv.Error):
        return None
    sound = len(cells) == rows and all(len(row) == width for row in cells)
    return cells if sound else None


def _one_by_one(raw: bytes, width: int) -> tuple[list[list[str]], Refused]:
    """The cells of sound rows, and what is wrong with the others."""
    cells: list[list[str]] = []
    refused: Refused = {}
    rows = (row for row, _ in rows_of(io.BytesIO(raw), "csv") if row)
    for place, row in enumerate(rows):
        found = _cells(row)
        if isinstance(found, list) and len(found) == width:
            cells.append(found)
        elif isinstance(found, list):
            refused[place] = (Problem(f"has {len(found)} cells, the first line {width}"),)
        else:
            refused[place] = (Problem(found),)
    return cells, refused


def _cells(row: bytes) -> list[str] | str:
    """The cells of one row, or why there are none."""
    try:
        return next(csv.reader(io.StringIO(row.decode(), newline=""), strict=True), [])
    except UnicodeDecodeError:
        return "is not UTF-8"
    except csv.Error as error:
        if "field limit" in str(error):
            return f"has a cell of more than {csv.field_size_limit()} letters"
        return "cannot be read: a cell that holds a quote is written in quotes, the quote doubled"
