"""From a chunk of a file to columns that can be checked against a signature."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.batch.inspect import is_same, scan_frame, unreadable
from fairlead.batch.lines import rows_of
from fairlead.batch.types import Chunk, InputFile
from fairlead.errors import ConfigError, Problem
from fairlead.signature import Signature, read_texts
from fairlead.signature.tables import RawColumn, Table, read_table

if TYPE_CHECKING:
    import polars as pl

Refused = dict[int, tuple[Problem, ...]]
_PLAIN = {float, int, type(None)}


@dataclass(frozen=True, slots=True)
class Taken:
    """The rows of a chunk.

    Args:
        places: of those that could be read, in the chunk.
        table: these rows' columns that are fields.
        kept: these rows' columns that are asked for besides.
        refused: what is wrong with the others, by place.
    """

    places: npt.NDArray[np.intp]
    table: Table
    kept: pl.DataFrame
    refused: Refused


def read_chunk(chunk: Chunk, signature: Signature, kept: Sequence[str]) -> Taken:
    """Read the rows of a chunk.

    Args:
        chunk: that is asked for.
        signature: whose fields are read, as far as there are such columns.
        kept: further columns.

    Raises:
        ConfigError: the file is damaged, or is not what it was when the job began.
    """
    file = chunk.file
    if not is_same(file):
        raise _changed(file)
    read = {"csv": _read_csv, "jsonl": _read_json}.get(file.form, _read_frame)
    taken = read(chunk, signature, kept)
    if not is_same(file) or len(taken.places) + len(taken.refused) != chunk.piece.rows:
        raise _changed(file)
    return taken


def _changed(file: InputFile) -> ConfigError:
    return ConfigError(
        f"{file.path} has changed, or is gone, since the job began.",
        hint="Bring it back as it was, or remove the unfinished output and run the job again.",
    )


def _read_frame(chunk: Chunk, signature: Signature, kept: Sequence[str]) -> Taken:
    import polars as pl

    file, piece = chunk.file, chunk.piece
    fields = [field.name for field in signature.inputs if field.name in file.columns]
    wanted = list(dict.fromkeys([*fields, *kept]))
    try:
        rows = scan_frame(file.path, file.form).slice(piece.start, piece.rows)
        frame = rows.select(wanted).collect()
    except (Exception, pl.exceptions.PanicException) as error:
        raise unreadable(Path(file.path), file.form) from error
    table = read_table(frame.select(fields))
    return Taken(np.arange(frame.height), _sized(table, frame.height), frame.select(kept), {})


def _sized(table: Table, rows: int) -> Table:
    """A table of no columns has rows all the same."""
    return Table(rows, table.columns)


def _read_csv(chunk: Chunk, signature: Signature, kept: Sequence[str]) -> Taken:
    raw, names = _bytes(chunk.file, chunk.piece.low, chunk.piece.high), list(chunk.file.columns)
    cells = _cells_at_once(raw, len(names), chunk.piece.rows)
    refused: Refused = {}
    places = np.arange(chunk.piece.rows)
    if cells is None:
        cells, refused = _cells_one_by_one(raw, len(names))
        places = np.setdiff1d(places, np.fromiter(refused, np.intp, len(refused)))
    columns = dict(zip(names, map(list, zip(*cells, strict=True)), strict=True)) if cells else {}
    fields = {
        field.name: _column(field.name, read_texts(field, columns.get(field.name, [])))
        for field in signature.inputs
        if field.name in chunk.file.columns
    }
    others = _series({n: [text or None for text in columns.get(n, [])] for n in kept}, {})
    return Taken(places, Table(len(cells), fields), others, refused)


def _bytes(file: InputFile, low: int, high: int) -> bytes:
    with Path(file.path).open("rb") as source:
        source.seek(low)
        return source.read(high - low)


def _cells_at_once(raw: bytes, width: int, rows: int) -> list[list[str]] | None:
    """All cells, if nothing is wrong with any row."""
    try:
        text = raw.decode()
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        cells = [row for row in reader if row]
    except (UnicodeDecodeError, csv.Error):
        return None
    sound = len(cells) == rows and all(len(row) == width for row in cells)
    return cells if sound else None


def _cells_one_by_one(raw: bytes, width: int) -> tuple[list[list[str]], Refused]:
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
    except csv.Error:
        return "cannot be read: a cell that holds a quote is written in quotes, the quote doubled"


def _read_json(chunk: Chunk, signature: Signature, kept: Sequence[str]) -> Taken:
    raw = _bytes(chunk.file, chunk.piece.low, chunk.piece.high)
    rows: list[dict[str, Any]] = []
    refused: Refused = {}
    lines = (row for row, _ in rows_of(io.BytesIO(raw), "jsonl") if row)
    decode: Callable[[bytes], dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode
    for place, line in enumerate(lines):
        try:
            rows.append(decode(line))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            refused[place] = (Problem("is not a JSON object"),)
    places = np.setdiff1d(np.arange(chunk.piece.rows), np.fromiter(refused, np.intp, len(refused)))
    fields = {
        field.name: _column(field.name, [row.get(field.name) for row in rows])
        for field in signature.inputs
    }
    others = _series({n: [row.get(n) for row in rows] for n in kept}, chunk.file.columns)
    return Taken(places, Table(len(rows), fields), others, refused)


def _column(name: str, values: list[object]) -> RawColumn:
    """Values of JSON or cells as a column: of numbers if all are, so that it is checked at once."""
    if set(map(type, values)) <= _PLAIN:
        with contextlib.suppress(OverflowError):
            return RawColumn(name, np.array(values, dtype=np.float64), "")
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return RawColumn(name, column, "")


def _series(columns: dict[str, list[Any]], types: dict[str, str]) -> pl.DataFrame:
    """Columns that are kept, in the types that all rows of the job have in common."""
    import polars as pl

    dtypes: dict[str, Any] = {"Int64": pl.Int64, "Float64": pl.Float64, "Boolean": pl.Boolean}
    return pl.DataFrame(
        [
            pl.Series(name, values, dtype=dtypes[kind])
            if (kind := types.get(name, "")) in dtypes
            else pl.Series(name, list(map(_text, values)), dtype=pl.String)
            for name, values in columns.items()
        ]
    )


def _text(value: object) -> str | None:
    """A value as text; what is no text, as JSON."""
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
