"""From the bytes of a table, or of much JSON, to rows that fit a signature."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from fairlead.errors import InputError
from fairlead.runners.wire import pack
from fairlead.serving.tables.delimited import read_csv
from fairlead.serving.tables.types import (
    ARROW_FILE,
    ARROW_STREAM,
    CSV,
    JSON,
    PARQUET,
    Rows,
    ToRead,
)
from fairlead.signature import Batch, RowDecoder, from_frame
from fairlead.signature.envelope import WHOSE, Envelope, check_rows, each

if TYPE_CHECKING:
    import polars as pl

_FORMS = {
    PARQUET: "a Parquet file",
    ARROW_STREAM: "an Arrow IPC stream",
    ARROW_FILE: "an Arrow IPC file",
}
_INDEX = re.compile(r"__index_level_\d+__")


def read(asked: ToRead) -> Rows:
    """Read a table.

    Raises:
        InputError: it is none, has too many rows, or they do not fit; names each row and field.
    """
    arm = ""
    if asked.media_type == JSON:
        batch, keys, arm = _read_json(asked)
    elif asked.media_type == CSV:
        batch, keys = read_csv(asked)
    else:
        batch, keys = _read_binary(asked)
    columns = {field.name: batch.column(field.name) for field in asked.signature.inputs}
    return Rows(batch.rows, pack(columns).columns, keys, arm)


def _read_json(asked: ToRead) -> tuple[Batch, dict[str, list[str | None]], str]:
    """The native envelope."""
    envelope = Envelope(RowDecoder(asked.signature), asked.rows_max)
    batch, unit, caller_id, arm = envelope.decode(asked.body)
    whose = zip(WHOSE, (unit, caller_id), strict=True)
    found = {key: each(texts, batch.rows, key) for key, texts in whose}
    return batch, {key: texts for key, texts in found.items() if texts is not None}, arm


def _read_binary(asked: ToRead) -> tuple[Batch, dict[str, list[str | None]]]:
    """Parquet and Arrow."""
    frame = _frame(asked)
    check_rows(frame.height, asked.rows_max)
    keys = {name: _texts(frame, name) for name in asked.keys}
    fields = {field.name for field in asked.signature.inputs}
    other = [
        name
        for name in frame.columns
        if name not in fields and (name in asked.keys or _INDEX.fullmatch(name))
    ]  # pandas writes its index as a column
    return from_frame(asked.signature, frame.drop(other)), keys


def _frame(asked: ToRead) -> pl.DataFrame:
    import polars as pl

    reader: Any = {
        PARQUET: pl.read_parquet,
        ARROW_STREAM: pl.read_ipc_stream,
        ARROW_FILE: pl.read_ipc,
    }[asked.media_type]
    try:  # one row more than is taken tells that there are too many
        frame: pl.DataFrame = reader(io.BytesIO(asked.body), n_rows=asked.rows_max + 1)
    except (Exception, pl.exceptions.PanicException):  # whatever the library makes of junk
        raise InputError(
            f"The body is not {_FORMS[asked.media_type]} that can be read.",
            hint="Check that it was sent whole, and with the Content-Type of what it is.",
        ) from None
    return frame


def _texts(frame: pl.DataFrame, name: str) -> list[str | None]:
    import polars as pl

    asked_column = frame[name] if name in frame.columns else None
    if asked_column is None:
        raise InputError("The query names a column that the table does not have.")
    kind = asked_column.dtype
    if not (kind.is_integer() or kind in (pl.String, pl.Categorical, pl.Enum, pl.Null)):
        raise InputError("A column of units or ids holds neither text nor whole numbers.")
    texts: list[str | None] = asked_column.cast(pl.String).to_list()
    return texts
