"""From a batch back to the form of data that a scikit-learn model was fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fairlead.signature import NUMERIC, Batch, Field

Form = Literal["numpy", "pandas", "polars", "rows"]


def make_frame(fields: Sequence[Field], batch: Batch, form: Form) -> Any:
    """Rows as a model takes them.

    A field of dtype `float32` is rounded to it; integers and booleans keep their type unless a
    value is missing; missing text is NaN in fields of dtype `str` and None elsewhere; fields of
    dtype `category` become categorical columns.

    Args:
        fields: the signature's inputs.
        batch: rows that fit them.
        form: a matrix, a frame of a library, or a dictionary for each row, in which what is
            missing is None.

    Returns:
        What the model's `predict` is given.
    """
    if form == "numpy":
        return _matrix(fields, batch)
    columns = {field.name: _values(field, batch.column(field.name)) for field in fields}
    if form == "rows":
        return _rows(batch.rows, columns)
    return _pandas(fields, columns) if form == "pandas" else _polars(fields, columns)


def _matrix(fields: Sequence[Field], batch: Batch) -> npt.NDArray[Any]:
    if all(field.kind in NUMERIC for field in fields):
        single = all(field.dtype == "float32" for field in fields)
        names = tuple(field.name for field in fields)
        in_order = names == batch.names
        numbers = batch.numbers if in_order else np.column_stack([batch.column(n) for n in names])
        return numbers.astype(np.float32 if single else np.float64)
    if len(fields) == 1 and fields[0].kind == "tensor":
        return np.asarray(batch.columns[fields[0].name])
    matrix = np.empty((batch.rows, len(fields)), dtype=object)
    for place, field in enumerate(fields):
        matrix[:, place] = _values(field, batch.column(field.name))
    return matrix


def _values(field: Field, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """One column with its own type."""
    if field.kind in NUMERIC:
        return _typed(field, column)
    if field.dtype == "str" and field.kind in ("category", "text"):
        filled = column.copy()
        filled[[value is None for value in column]] = np.nan
        return filled
    return column


def _typed(field: Field, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    missing = np.isnan(column)
    if field.dtype == "float32":
        return column.astype(np.float32)
    if field.kind == "number" or field.dtype.startswith("float"):
        return column.astype(np.float64)
    target = np.bool_ if field.kind == "boolean" else np.int64
    if not missing.any():
        return column.astype(target)
    if field.kind == "integer":
        return column.astype(np.float64)
    values = np.array(
        [None if gone else bool(value) for gone, value in zip(missing, column, strict=True)]
    )
    return values.astype(object)


def _rows(count: int, columns: dict[str, npt.NDArray[Any]]) -> list[dict[str, Any]]:
    values = [_plain(column) for column in columns.values()]
    if not values:
        return [{} for _ in range(count)]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _plain(column: npt.NDArray[Any]) -> list[Any]:
    """Values of Python's own; of a tensor, an array for each row."""
    values = column.tolist() if column.ndim == 1 else list(column)
    if column.dtype.kind in "fO" and column.ndim == 1:
        return [None if value != value else value for value in values]
    return values


def _pandas(fields: Sequence[Field], columns: dict[str, npt.NDArray[Any]]) -> Any:
    import pandas as pd

    series: dict[str, Any] = {}
    for field in fields:
        values = columns[field.name]
        if field.dtype == "category" and field.kind in ("category", "text"):
            known = list(field.categories or ())
            extra = [v for v in dict.fromkeys(values.tolist()) if v is not None and v not in known]
            series[field.name] = pd.Categorical(values, categories=known + extra)
        elif field.dtype == "str":
            series[field.name] = pd.Series(values, dtype="str")
        else:
            series[field.name] = pd.Series(values, dtype=values.dtype)
    return pd.DataFrame(series)


def _polars(fields: Sequence[Field], columns: dict[str, npt.NDArray[Any]]) -> Any:
    import polars as pl

    series: list[Any] = []
    for field in fields:
        values = columns[field.name]
        if field.kind in ("category", "text"):
            text = all(isinstance(value, str) for value in field.categories or ())
            dtype = pl.Categorical if field.dtype == "category" else pl.String if text else None
            series.append(pl.Series(field.name, values.tolist(), dtype=dtype))
        elif values.dtype == object:
            series.append(pl.Series(field.name, values.tolist()))
        else:
            series.append(pl.Series(field.name, values))
    return pl.DataFrame(series)
