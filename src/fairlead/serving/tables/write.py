"""From answers to the bytes of a table."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.serving.tables.types import ARROW_STREAM, CSV, PARQUET, ToWrite, Written

if TYPE_CHECKING:
    import polars as pl


def write(asked: ToWrite) -> Written:
    """Write a table.

    Pictures and sound are base64 in every form. A CSV has times in ISO 8601, and JSON in cells
    of tensors.
    """
    if asked.media_type == CSV:
        return Written(_csv(asked))
    import polars as pl

    frame = pl.DataFrame([_series(name, asked) for name in asked.columns])
    out = io.BytesIO()
    match asked.media_type:
        case media_type if media_type == PARQUET:
            frame.write_parquet(out)
        case media_type if media_type == ARROW_STREAM:
            frame.write_ipc_stream(out)
        case _:
            frame.write_ipc(out)
    return Written(out.getvalue())


def _csv(asked: ToWrite) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(asked.columns)
    writer.writerows(zip(*(map(_cell, c) for c in asked.columns.values()), strict=True))
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else value


def _series(name: str, asked: ToWrite) -> pl.Series:
    import polars as pl

    values, kind = asked.columns[name], asked.kinds[name]
    if kind == "timestamp":
        times = [None if v is None else dt.datetime.fromisoformat(v) for v in values]
        return pl.Series(name, times, dtype=pl.Datetime("us", "UTC"))
    dtypes: dict[str, Any] = {
        "number": pl.Float64, "integer": pl.Int64, "boolean": pl.Boolean, "text": pl.String,
        "image": pl.String, "audio": pl.String,
    }  # fmt: skip
    return pl.Series(name, values, dtype=dtypes.get(kind), strict=False)
