"""The labelled rows of an endpoint's past: of its log or of a file, and those beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError
from fairlead.monitoring.answer import answer_of
from fairlead.monitoring.measure import classes_of
from fairlead.signature import Signature
from fairlead.updates.gather import gather_base, gather_past
from fairlead.updates.types import DataSpec, UpdateSpec

LABELLED = "labelled"
CLASSES_MAX = 20


@dataclass(frozen=True, slots=True)
class Past:
    """Labelled rows of the past.

    Args:
        frame: inputs, label, time, and when the label came; by time.
        plus: inputs, label and time, which may be null: rows that always belong to what is
            learnt; by time.
        inputs: the columns that a model is asked by.
        classes: of the labels, in order; empty for numbers.
    """

    frame: pl.DataFrame
    plus: pl.DataFrame
    inputs: tuple[str, ...]
    classes: tuple[Any, ...]


def past_of_log(workspace: Workspace, spec: UpdateSpec) -> Past:
    """The labelled rows of an endpoint's log, each known from when its label was received.

    Raises:
        NotFoundError: nothing answers the endpoint.
        ConfigError: the log does not keep a field, or the file cannot be used.
    """
    signature, now_us = workspace.route(spec.endpoint).signature, workspace.clock.now_us()
    frame = gather_past(
        workspace.store, workspace.blobs, workspace.home.journals, spec.data, signature,
        as_of_us=now_us, received=LABELLED,
    )  # fmt: skip
    plus = gather_base(spec.data, signature, as_of_us=now_us).sort(spec.data.time)
    inputs = tuple(field.name for field in signature.inputs)
    return Past(frame, plus, inputs, _classes(frame[spec.data.label], signature))


def past_of_file(path: Path, data: DataSpec) -> Past:
    """The labelled rows of a file: columns of the label, the time, when it came, and the inputs.

    Args:
        path: of the file.
        data: what its columns are called, and which other rows always belong to them.

    Raises:
        ConfigError: a file cannot be read, lacks a column, or holds something else in it.
    """
    frame = _table(path, (data.label, data.time))
    if LABELLED not in frame.columns:
        frame = frame.with_columns(pl.col(data.time).alias(LABELLED))
    frame = _timed(_timed(frame, data.time, path), LABELLED, path)
    needed = [data.label, data.time, LABELLED]
    frame = frame.drop_nulls(needed).sort(data.time, maintain_order=True)
    inputs = tuple(name for name in frame.columns if name not in needed)
    given = frame.select(*inputs, data.label, data.time)
    plus = _plus(data, given.schema) if data.plus else given.clear()
    return Past(frame, plus, inputs, _classes(frame[data.label], None))


def _plus(data: DataSpec, schema: pl.Schema) -> pl.DataFrame:
    path = Path(data.plus)
    inner = [name for name in schema.names() if name != data.time]
    table = _table(path, inner)
    if data.time not in table.columns:
        table = table.with_columns(pl.lit(None, schema[data.time]).alias(data.time))
    else:
        table = _timed(table, data.time, path)
    try:
        typed = table.select(schema.names()).cast(schema)
    except pl.exceptions.PolarsError as error:
        raise ConfigError(
            f"The columns of {path.name} are not of the same kind as those of the other rows.",
            hint=f"They are to be {', '.join(f'{name}: {schema[name]}' for name in inner)}.",
        ) from error
    return typed.drop_nulls(data.label).sort(data.time, maintain_order=True)


def _table(path: Path, wanted: Iterable[str]) -> pl.DataFrame:
    from fairlead.tables import read_table

    frame = read_table(path)
    for name in wanted:
        if name not in frame.columns:
            raise ConfigError(
                f"{path.name} has no column '{name}'.",
                hint=f"It has {', '.join(frame.columns)}; 'data.label' and 'data.time' of the "
                "endpoint's update say what these are called.",
            )
    return frame


def _timed(frame: pl.DataFrame, name: str, path: Path) -> pl.DataFrame:
    dtype = frame.schema[name]
    if not isinstance(dtype, pl.Date | pl.Datetime):
        raise ConfigError(f"The column '{name}' of {path.name} holds {dtype}, and no times.")
    times = pl.col(name).cast(pl.Datetime("us"))
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        times = pl.col(name).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    else:
        times = times.dt.replace_time_zone("UTC")
    return frame.with_columns(times)


def _classes(labels: pl.Series, signature: Signature | None) -> tuple[Any, ...]:
    """The classes of labels: those of the model, or those that there are; none of numbers."""
    if signature is not None:
        if signature.task == "regression":
            return ()
        field = answer_of(signature)
        known = classes_of(signature, field) if field is not None else None
        return tuple(known) if known else tuple(labels.unique().sort().to_list())
    if labels.dtype.is_float() or (labels.dtype.is_integer() and labels.n_unique() > CLASSES_MAX):
        return ()
    return tuple(labels.unique().sort().to_list())
