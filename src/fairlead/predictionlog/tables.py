"""Frames of the journal as tables: one row for each record, one column for each fact."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl

from fairlead.ids import text
from fairlead.predictionlog.frame import Frame
from fairlead.predictionlog.segments import SegmentKind
from fairlead.predictionlog.types import Describe, FeedbackFrame, PredictionFrame, say_nothing
from fairlead.signature import Batch, Column, concat

TIME = pl.Datetime("us", "UTC")

PREDICTION_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.String,
    "time": TIME,
    "endpoint": pl.String,
    "revision": pl.Int64,
    "arm": pl.String,
    "version": pl.String,
    "role": pl.String,
    "assigned_by": pl.String,
    "slot": pl.Int16,
    "propensity": pl.Float64,
    "unit": pl.String,
    "caller_id": pl.String,
    "outcome": pl.String,
    "source": pl.String,
    "queue_us": pl.Int32,
    "model_us": pl.Int64,
    "trace_id": pl.String,
    "parent_id": pl.String,
    "step": pl.String,
    "features": pl.String,
    "decided_by": pl.String,
    "mode": pl.String,
}
FEEDBACK_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "prediction_id": pl.String,
    "time": TIME,
    "received": TIME,
    "endpoint": pl.String,
    "name": pl.String,
    "text": pl.String,
    "number": pl.Float64,
    "source": pl.String,
}


def table_of(
    kind: SegmentKind, frames: Sequence[Frame], describe: Describe = say_nothing
) -> pl.DataFrame:
    """The rows of frames of one kind and endpoint.

    Args:
        kind: of the frames.
        frames: as they were journaled.
        describe: what is kept of pictures and sounds.
    """
    if kind == "feedback":
        return feedback_table([f for f in frames if isinstance(f, FeedbackFrame)])
    return predictions_table([f for f in frames if isinstance(f, PredictionFrame)], describe)


def predictions_table(
    frames: Sequence[PredictionFrame], describe: Describe = say_nothing
) -> pl.DataFrame:
    """The records of frames of one endpoint.

    Args:
        frames: whose inputs and outputs may differ, as versions do.
        describe: what is kept of pictures and sounds.

    Returns:
        The columns of `PREDICTION_SCHEMA`, then `in.<field>` and `out.<field>`; null where a
        frame has no such field.
    """
    groups: dict[object, list[PredictionFrame]] = {}
    for frame in frames:
        groups.setdefault(_shape(frame), []).append(frame)
    tables = [_group_table(group, describe) for group in groups.values()]
    if not tables:
        return pl.DataFrame(schema=PREDICTION_SCHEMA)
    return union([table.lazy() for table in tables]).collect()


def union(tables: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Tables below each other: missing columns are null, types widen to what holds all.

    A column of which there are types that nothing holds, such as a number in one version and a
    vector in the next, becomes text, in JSON.
    """
    types: dict[str, set[pl.DataType]] = {}
    schemas = [table.collect_schema() for table in tables]
    for schema in schemas:
        for name, dtype in schema.items():
            types.setdefault(name, set()).add(dtype)
    apart = {name for name, found in types.items() if not _widens(found - {pl.Null()})}
    parts = [
        table.with_columns(_json(name, dtype) for name, dtype in schema.items() if name in apart)
        for table, schema in zip(tables, schemas, strict=True)
    ]
    return pl.concat(parts, how="diagonal_relaxed")


def _widens(types: set[pl.DataType]) -> bool:
    plain = all(t.is_numeric() or t in (pl.Boolean(), pl.String()) for t in types)
    return len(types) <= 1 or plain


def _json(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if not dtype.is_nested():
        return column.cast(pl.String)
    written = pl.struct(column.alias("")).struct.json_encode()
    written = written.str.strip_prefix('{"":').str.strip_suffix("}")
    return pl.when(column.is_not_null()).then(written).alias(name)


def _shape(frame: PredictionFrame) -> object:
    """What frames must share to be laid out together."""
    return _batch_shape(frame.inputs), frame.outputs and _batch_shape(frame.outputs)


def _batch_shape(batch: Batch) -> object:
    return batch.names, *((n, c.dtype.str, c.shape[1:]) for n, c in batch.columns.items())


def _group_table(frames: Sequence[PredictionFrame], describe: Describe) -> pl.DataFrame:
    rows = [frame.inputs.rows for frame in frames]

    def same(values: Iterable[Any]) -> list[Any]:
        return [v for value, count in zip(values, rows, strict=True) for v in [value] * count]

    def each(lists: Iterable[Sequence[Any] | None]) -> list[Any]:
        return [
            v
            for values, count in zip(lists, rows, strict=True)
            for v in (values if values is not None else [None] * count)
        ]

    fixed: dict[str, Any] = {
        "id": [text(raw) for frame in frames for raw in frame.ids],
        "time": np.concatenate([frame.time_us for frame in frames]).astype("datetime64[us]"),
        "endpoint": same(frame.endpoint for frame in frames),
        "revision": same(frame.revision for frame in frames),
        "arm": same(frame.arm for frame in frames),
        "version": same(frame.version for frame in frames),
        "role": same(frame.role for frame in frames),
        "assigned_by": same(frame.assigned_by for frame in frames),
        "slot": np.concatenate([frame.slots for frame in frames]),
        "propensity": np.concatenate([frame.propensity for frame in frames]),
        "unit": each(frame.units for frame in frames),
        "caller_id": each(frame.caller_ids for frame in frames),
        "outcome": same(frame.outcome for frame in frames),
        "source": same(frame.source for frame in frames),
        "queue_us": np.concatenate([frame.queue_us for frame in frames]),
        "model_us": same(frame.model_us for frame in frames),
        "trace_id": each(frame.trace_ids for frame in frames),
        "parent_id": [raw and text(raw) for raw in each(frame.parent_ids for frame in frames)],
        "step": same(frame.step for frame in frames),
        "features": each(frame.features for frame in frames),
        "decided_by": each(frame.decided_by for frame in frames),
        "mode": same(frame.mode for frame in frames),
    }
    series = [_fixed(name, values, PREDICTION_SCHEMA[name]) for name, values in fixed.items()]
    series += batch_series("in.", [frame.inputs for frame in frames], describe)
    outputs = [frame.outputs for frame in frames if frame.outputs is not None]
    return pl.DataFrame(series + (batch_series("out.", outputs, describe) if outputs else []))


def _fixed(name: str, values: Any, dtype: Any) -> pl.Series:
    if name == "time":
        return pl.Series(name, values).dt.replace_time_zone("UTC")
    return pl.Series(name, values, dtype=dtype)


def batch_series(prefix: str, batches: Sequence[Batch], describe: Describe) -> list[pl.Series]:
    """The fields of rows as columns of the log.

    Args:
        prefix: of the columns' names: `in.` or `out.`.
        batches: of the same fields.
        describe: what is kept of pictures and sounds.
    """
    batch = concat(batches)
    series = [
        pl.Series(prefix + name, column, nan_to_null=True)
        for name, column in zip(batch.names, batch.turned(), strict=True)
    ]
    for name, values in batch.columns.items():
        series.append(_column_series(prefix + name, values, describe))
    return series


def _column_series(name: str, column: Column, describe: Describe) -> pl.Series:
    """One field's values. Pictures and sound are kept as digest, size and what is told of them."""
    if column.dtype.kind == "M":
        return pl.Series(name, column).dt.replace_time_zone("UTC")
    if column.ndim == 2 and column.dtype.kind == "f" and column.size:
        return pl.Series(name, column.astype(np.float64)).arr.to_list()
    if column.ndim > 1:
        return pl.Series(name, column.tolist())
    if not column.dtype.hasobject:
        return pl.Series(name, column)
    values: list[Any] = column.tolist()
    if bytes in set(map(type, values)):
        told = iter(describe([value for value in values if value is not None]))
        values = [None if value is None else _described(value, next(told)) for value in values]
    return pl.Series(name, values, strict=False)


def _described(value: bytes, told: str) -> str:
    kept = f"sha256:{hashlib.sha256(value).hexdigest()} {len(value)} bytes"
    return f"{kept}; {told}" if told else kept


def feedback_table(frames: Sequence[FeedbackFrame]) -> pl.DataFrame:
    """The entries of feedback frames, in the columns of `FEEDBACK_SCHEMA`.

    A value is kept as the text of it and, if it is a number or a boolean, as a number.
    """
    values = [value for frame in frames for value in frame.values]
    columns: dict[str, Any] = {
        "prediction_id": [text(raw) for frame in frames for raw in frame.ids],
        "time": [time for frame in frames for time in frame.time_us.tolist()],
        "received": [frame.received_us for frame in frames for _ in frame.ids],
        "endpoint": [frame.endpoint for frame in frames for _ in frame.ids],
        "name": [name for frame in frames for name in frame.names],
        "text": [_text(value) for value in values],
        "number": [None if isinstance(value, str) else float(value) for value in values],
        "source": [frame.source for frame in frames for _ in frame.ids],
    }
    series = []
    for name, dtype in FEEDBACK_SCHEMA.items():
        if dtype == TIME:
            times = pl.Series(name, columns[name], dtype=pl.Int64).cast(pl.Datetime("us"))
            series.append(times.dt.replace_time_zone("UTC"))
        else:
            series.append(pl.Series(name, columns[name], dtype=dtype))
    return pl.DataFrame(series)


def _text(value: bool | float | str) -> str:
    """A value as text, such that 1 and 1.0 are the same label."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
