"""CSV: a line of field names, then one line for each row, read to the last cell's exactness.

RFC 4180 with any line ends; an empty cell is a missing value, and lines without any cell are
passed over.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from fairlead.errors import InputError
from fairlead.serving.tables.types import ToRead
from fairlead.signature import Batch, Field, from_columns, text_reader
from fairlead.signature.envelope import check_rows

Keys = dict[str, list[str | None]]


def read_csv(asked: ToRead) -> tuple[Batch, Keys]:
    """Read the rows, and the columns that hold keys of rows.

    Raises:
        InputError: it is no CSV, has too many rows, or they do not fit; names each row and field.
    """
    lines = _lines(asked.body)
    names = _header(next(lines, []), asked)
    rows: list[list[str]] = []
    for cells in lines:
        if len(cells) != len(names):
            raise InputError(
                f"Row {len(rows)} of the CSV has {len(cells)} cells, its first line {len(names)}.",
                hint="Put quotes around cells that hold a comma or a line end.",
            )
        rows.append(cells)
        check_rows(len(rows), asked.rows_max)
    cells_of = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
    keys: Keys = {name: [text or None for text in cells_of.get(name, [])] for name in asked.keys}
    return _batch(asked, cells_of), keys


def _batch(asked: ToRead, cells_of: dict[str, list[str]]) -> Batch:
    fields = {field.name: field for field in asked.signature.inputs}
    columns = {
        name: _values(fields.get(name), cells)
        for name, cells in cells_of.items()
        if name in fields or name not in asked.keys
    }
    return from_columns(asked.signature, columns)


def _values(field: Field | None, cells: list[str]) -> list[object]:
    """Cells as values of a field; those of no field are only there to be refused."""
    return list(cells) if field is None else list(map(text_reader(field), cells))


def _lines(body: bytes) -> Iterator[list[str]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"The CSV is not UTF-8: byte {error.start} is no part of a character.",
            hint="Encode the body as UTF-8.",
        ) from None
    csv.field_size_limit(max(len(body), 1))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise InputError(
                f"Line {reader.line_num} of the CSV cannot be read.",
                hint="A cell that holds a quote is written in quotes, with the quote doubled.",
            ) from None
        if cells:
            yield cells


def _header(names: list[str], asked: ToRead) -> list[str]:
    """The first line, if it is one of names.

    Raises:
        InputError: it names no field, or a field twice.
    """
    fields = [field.name for field in asked.signature.inputs]
    if not set(names) & set(fields):
        raise InputError(
            "The CSV's first line names no field of this model.",
            hint=f"Begin with a line of names: {','.join(fields)}.",
        )
    if len(set(names)) < len(names):
        raise InputError("Two columns of the CSV have the same name.", hint="Rename one of them.")
    if set(asked.keys) - set(names):
        raise InputError("The query names a column that the table does not have.")
    return names
