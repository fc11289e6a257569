"""Some rows of a stretch of the sealed log, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
import numpy.typing as npt
import polars as pl

from fairlead.monitoring.gather import WATCHED
from fairlead.monitoring.records import Stream
from fairlead.predictionlog.segments import Segment
from fairlead.signature import Field
from fairlead.store import Blobs

ROWS_MAX = 2000
FILES_MAX = 48
SPARE = 3
"""So many times as many rows are read as are needed, as units come more than once."""

Rows = npt.NDArray[np.float64]


def sample(
    blobs: Blobs, files: Sequence[Segment], stream: Stream, span_us: tuple[int, int],
    fields: Sequence[Field], *, seed: int,
) -> pl.DataFrame:  # fmt: skip
    """At most 2000 routed and answered rows of a stretch of time, one of each unit.

    At most 48 files are opened, spread evenly over all.

    Args:
        blobs: of the files.
        files: that may have such rows, in order of time.
        stream: whose.
        span_us: from when on, and until when not any more, microseconds since 1970.
        fields: that are wanted; those that are not in the log are left out.
        seed: of the choice.

    Returns:
        Columns by the names of the fields.
    """
    step = ceil(len(files) / FILES_MAX) or 1
    chosen = files[::step]
    total = sum(each.rows for each in chosen)
    parts = []
    for each in chosen:
        rows = _rows(blobs, each, stream, span_us, fields)
        count = min(rows.height, ceil(SPARE * ROWS_MAX * each.rows / total))
        parts.append(rows.sample(count, seed=seed))
    if not parts:
        return pl.DataFrame()
    drawn = pl.concat(parts, how="diagonal_relaxed").sample(fraction=1.0, shuffle=True, seed=seed)
    known = drawn.filter(pl.col("unit").is_not_null()).unique(
        "unit", keep="first", maintain_order=True
    )
    alone = drawn.filter(pl.col("unit").is_null())
    both = pl.concat([known, alone]).drop("unit")
    return both.sample(min(both.height, ROWS_MAX), seed=seed)


def encode(
    fields: Sequence[Field], reference: pl.DataFrame, current: pl.DataFrame
) -> tuple[list[str], Rows, Rows]:
    """Two samples as numbers: categories as their rank by frequency in the reference.

    Args:
        fields: numbers, booleans and categories.
        reference: rows, in columns by the names of fields.
        current: other rows.

    Returns:
        The names of the fields that both have, and each sample's rows, shape (rows, fields), NaN
        where a value is missing.
    """
    there = [f for f in fields if f.name in reference.columns and f.name in current.columns]
    columns = [_encode(field, reference[field.name], current[field.name]) for field in there]
    shapes = (reference.height, 0), (current.height, 0)
    first, second = (
        np.column_stack([column[side] for column in columns]) if columns else np.empty(shapes[side])
        for side in (0, 1)
    )
    return [field.name for field in there], first, second


def _rows(
    blobs: Blobs, file: Segment, stream: Stream, span_us: tuple[int, int], fields: Sequence[Field]
) -> pl.DataFrame:
    table = pl.scan_parquet(blobs.locate(file.blob))
    names = table.collect_schema().names()
    columns = [pl.col(f"in.{f.name}").alias(f.name) for f in fields if f"in.{f.name}" in names]
    time = pl.col("time").dt.epoch("us")
    mine = (pl.col("version") == stream.version) & (pl.col("role") == stream.role)
    inside = time.is_between(*span_us, closed="left") & (pl.col("outcome") == "ok")
    rows = table.filter(WATCHED & mine & inside)
    return rows.select(pl.col("unit").cast(pl.String), *columns).collect()


def _encode(field: Field, reference: pl.Series, current: pl.Series) -> tuple[Rows, Rows]:
    if field.kind != "category":
        first, second = (
            one.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
            for one in (reference, current)
        )
        return first, second
    counts = reference.drop_nulls().cast(pl.String).value_counts()
    ordered = counts.sort(["count", reference.name], descending=[True, False])[reference.name]
    new = sorted(set(current.drop_nulls().cast(pl.String)) - set(ordered))
    codes = {value: float(place) for place, value in enumerate([*ordered, *new])}
    first, second = (
        np.array([codes.get(value, np.nan) for value in one.cast(pl.String).to_list()])
        for one in (reference, current)
    )
    return first, second
