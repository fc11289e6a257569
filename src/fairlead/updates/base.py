"""A file of rows that always belong to what is learnt, beside those of the log."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from fairlead.errors import ConfigError
from fairlead.nearest import nearest
from fairlead.signature import Signature
from fairlead.tables import read_table
from fairlead.updates import leave
from fairlead.updates.columns import as_logged, label_dtype, label_of
from fairlead.updates.fit import INPUT, fitting, narrowed
from fairlead.updates.types import DataSpec

TIME = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class Base:
    """The rows of a file.

    Args:
        rows: the inputs as `in.<field>`, `label`, `time`.
        digest: SHA-256 of the file; empty without one.
        dropped: rows that were left out, by the reason.
    """

    rows: pl.DataFrame
    digest: str = ""
    dropped: dict[str, int] = field(default_factory=dict)


def empty(signature: Signature) -> Base:
    """No file, and no rows."""
    schema = {"label": label_dtype(signature), "time": TIME}
    none = narrowed(
        {n: pl.Series(n, [], dtype=d) for n, d in schema.items()}, np.arange(0), signature
    )
    return Base(none)


def read_base(spec: DataSpec, signature: Signature, as_of_us: int) -> Base:
    """Read the file of an update's data.

    Args:
        spec: which names it, and its columns.
        signature: of the model.
        as_of_us: rows of a later time are left out, microseconds since 1970.

    Raises:
        ConfigError: the file cannot be read, lacks a column, or has a row that does not fit; names
            the column and the row, from 0.
    """
    path = Path(spec.plus)
    name = path.name
    table = read_table(path)
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    _check_columns(name, table, spec, signature)
    own = {f.name: f"{INPUT}{f.name}" for f in signature.inputs if f.name in table.columns}
    rows = table.select(
        *(pl.col(given).alias(inner) for given, inner in own.items()),
        _label(table, spec, signature),
        pl.col(spec.label).is_null().alias("unlabelled"),
        _time(name, table, spec),
    )
    _check_rows(name, rows, spec, signature)
    late = (pl.col("time") > pl.lit(as_of_us).cast(TIME)).fill_null(value=False)
    unlabelled = pl.col("unlabelled") & (spec.labels == "required")
    why = rows.select(late.alias("late"), (~late & unlabelled).alias("unlabelled"))
    counts = {leave.FILE_LATE: why["late"].sum(), leave.FILE_UNLABELLED: why["unlabelled"].sum()}
    mask = ~(why["late"] | why["unlabelled"]).to_numpy()
    columns = {name: rows[name] for name in rows.columns if name != "unlabelled"}
    del rows, table
    dropped = {reason: int(count) for reason, count in counts.items() if count}
    return Base(narrowed(columns, np.flatnonzero(mask), signature), digest, dropped)


def _check_columns(name: str, table: pl.DataFrame, spec: DataSpec, signature: Signature) -> None:
    needed = [each.name for each in signature.inputs if each.missing == "error"]
    for wanted in (*needed, spec.label):
        if wanted not in table.columns:
            close = nearest(wanted, table.columns)
            what = "labels" if wanted == spec.label else "a field of the model"
            raise ConfigError(
                f"The file '{name}' has no column '{wanted}', {what}.",
                hint=f"Did you mean '{close}'?" if close else "Add it, or name another file.",
            )


def _label(table: pl.DataFrame, spec: DataSpec, signature: Signature) -> pl.Expr:
    text, number = as_logged(table.schema[spec.label], pl.col(spec.label))
    return label_of(signature, text, number).alias("label")


def _time(name: str, table: pl.DataFrame, spec: DataSpec) -> pl.Expr:
    if spec.time not in table.columns:
        return pl.lit(None, TIME).alias("time")
    dtype = table.schema[spec.time]
    if not isinstance(dtype, pl.Datetime | pl.Date):
        raise ConfigError(
            f"Column '{spec.time}' of the file '{name}' holds no times.",
            hint="Write them as 2026-03-01T12:00:00Z, or call another column by that name.",
        )
    column = pl.col(spec.time).cast(pl.Datetime("us", getattr(dtype, "time_zone", None)))
    zoned = getattr(dtype, "time_zone", None) is not None
    utc = column.dt.convert_time_zone("UTC") if zoned else column.dt.replace_time_zone("UTC")
    return utc.alias("time")


def _check_rows(name: str, rows: pl.DataFrame, spec: DataSpec, signature: Signature) -> None:
    unread = rows["label"].is_null() & ~rows["unlabelled"]
    if unread.any():
        expected = "a number" if label_dtype(signature).is_numeric() else "one of the classes"
        raise ConfigError(
            f"Row {unread.arg_max()}, column '{spec.label}' of the file '{name}': "
            f"expected {expected}.",
            hint="Rows are counted from 0.",
        )
    refused = fitting(rows, signature).refused
    if refused is not None:
        place, problem = refused
        raise ConfigError(
            f"Row {place}, column '{problem.field}' of the file '{name}': {problem.message}",
            hint="Rows are counted from 0.",
        )
