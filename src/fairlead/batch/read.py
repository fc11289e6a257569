"""From a chunk of a file to columns that can be checked against a signature."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.batch.cells import Refused, read_cells
from fairlead.batch.folders import value_of
from fairlead.batch.inspect import is_same, scan_frame, unreadable
from fairlead.batch.lines import rows_of
from fairlead.batch.types import Chunk, InputFile
from fairlead.errors import ConfigError, Problem
from fairlead.signature import Field, Signature, read_texts
from fairlead.signature.tables import RawColumn, Table, read_table

if TYPE_CHECKING:
    import polars as pl

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
        told = {name: value_of(file, name) for name in wanted if name in file.folders}
        frame = rows.with_columns(_alike(file, told)).select(wanted).collect()
    except (Exception, pl.exceptions.PanicException) as error:
        raise unreadable(Path(file.path), file.form) from error
    table = read_table(frame.select(fields))
    return Taken(np.arange(frame.height), _sized(table, frame.height), frame.select(kept), {})


def _alike(file: InputFile, values: Mapping[str, int | str | None]) -> list[pl.Expr]:
    """Columns of one value in all rows."""
    import polars as pl

    dtypes = {"Int64": pl.Int64, "String": pl.String}
    return [
        pl.lit(value, dtype=dtypes[file.columns[name]]).alias(name)
        for name, value in values.items()
    ]


def _sized(table: Table, rows: int) -> Table:
    """A table of no columns has rows all the same."""
    return Table(rows, table.columns)


def _read_csv(chunk: Chunk, signature: Signature, kept: Sequence[str]) -> Taken:
    raw, file = _bytes(chunk.file, chunk.piece.low, chunk.piece.high), chunk.file
    names = [name for name in file.columns if name not in file.folders]
    cells, refused = read_cells(raw, names, chunk.piece.rows)
    cells = cells.with_columns(_alike(file, {name: value_of(file, name) for name in file.folders}))
    fields = {
        field.name: _of_texts(field, cells[field.name].cast(str))
        for field in signature.inputs
        if field.name in chunk.file.columns
    }
    return Taken(_places(chunk, refused), Table(cells.height, fields), cells.select(kept), refused)


def _of_texts(field: Field, texts: pl.Series) -> RawColumn:
    """Texts as values of a field: of numbers at once, if all are finite."""
    if field.kind in ("number", "integer"):
        numbers = texts.cast(float, strict=False)
        if numbers.null_count() == texts.null_count() and numbers.is_finite().all():
            return RawColumn(field.name, numbers.to_numpy(), "")
    return _column(field.name, read_texts(field, [text or "" for text in texts.to_list()]))


def _places(chunk: Chunk, refused: Refused) -> npt.NDArray[np.intp]:
    """Of the rows that could be read."""
    places = np.arange(chunk.piece.rows)
    return np.setdiff1d(places, np.fromiter(refused, np.intp, len(refused))) if refused else places


def _bytes(file: InputFile, low: int, high: int) -> bytes:
    with Path(file.path).open("rb") as source:
        source.seek(low)
        return source.read(high - low)


def _read_json(chunk: Chunk, signature: Signature, kept: Sequence[str]) -> Taken:
    raw = _bytes(chunk.file, chunk.piece.low, chunk.piece.high)
    rows: list[dict[str, Any]] = []
    refused: Refused = {}
    lines = (row for row, _ in rows_of(io.BytesIO(raw), "jsonl") if row)
    told = {name: value_of(chunk.file, name) for name in chunk.file.folders}
    decode: Callable[[bytes], dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode
    for place, line in enumerate(lines):
        try:
            rows.append(told | decode(line))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            refused[place] = (Problem("is not a JSON object"),)
    fields = {
        field.name: _column(field.name, [row.get(field.name) for row in rows])
        for field in signature.inputs
    }
    others = _series({n: [row.get(n) for row in rows] for n in kept}, chunk.file.columns)
    return Taken(_places(chunk, refused), Table(len(rows), fields), others, refused)


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
