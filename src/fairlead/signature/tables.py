"""One view of every form of tabular data: pandas, Polars, NumPy and records.

pandas and Polars are recognised by where their types come from and asked through their own
methods, so that neither is ever imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import InputError
from fairlead.signature.read import is_missing

FORMS = "a pandas or Polars DataFrame, a NumPy array, or a list of records"


@dataclass(frozen=True, slots=True)
class RawColumn:
    """One column as it came, in NumPy's terms.

    Args:
        name: of the column.
        values: numbers (NaN where missing), booleans, datetime64 (NaT, UTC), or objects (None
            where missing); one per row along the first axis.
        dtype: NumPy's name of the type it had, `category` for the categorical types of pandas
            and Polars, empty for values of records, which have none.
        whole: whether it held integers, though some are missing.
        categories: of a categorical type, in its own order.
    """

    name: str
    values: npt.NDArray[Any]
    dtype: str
    whole: bool = False
    categories: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length.

    Args:
        rows: how many there are.
        columns: by name, in order.
        positional: whether the names were made up, because the data has none.
    """

    rows: int
    columns: dict[str, RawColumn]
    positional: bool = False


def read_table(data: object, names: Sequence[str] | None = None) -> Table:
    """View data as columns.

    Args:
        data: a pandas or Polars DataFrame, a NumPy array (1-D: one column; 2-D: rows and
            columns; more dimensions: one tensor per row; structured: named columns) or a list
            of dictionaries.
        names: of the columns of an array without names; `x0`, `x1` ... if not given.

    Raises:
        InputError: the data has another form, or two columns of one name.
    """
    library = type(data).__module__.partition(".")[0]
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise InputError(
            "Some values of the array are masked, and what lies behind a mask is no value.",
            hint="Fill them in, as with `array.astype(float).filled(np.nan)`.",
        )
    if library == "polars" and hasattr(data, "collect"):
        raise InputError("A LazyFrame holds no rows yet.", hint="Give `frame.collect()`.")
    if isinstance(data, np.ndarray):
        return _array(data, names)
    if isinstance(data, list | tuple):
        return _records(data)
    if library in ("pandas", "polars") and hasattr(data, "columns"):
        return _frame(data, _pandas_column if library == "pandas" else _polars_column)
    raise InputError(f"Data of type {type(data).__name__} cannot be read.", hint=f"Give {FORMS}.")


def _frame(data: Any, view: Callable[[str, Any], RawColumn]) -> Table:
    names = [str(name) for name in data.columns]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InputError(f"Two columns are named '{twice[0]}'.", hint="Rename one of them.")
    columns = {name: view(name, data[key]) for name, key in zip(names, data.columns, strict=True)}
    return Table(len(data), columns)


def _array(data: npt.NDArray[Any], names: Sequence[str] | None) -> Table:
    if data.ndim == 0:
        raise InputError("A single value is not a table.", hint=f"Give {FORMS}.")
    if data.dtype.names:
        named = {name: _numpy_column(name, data[name]) for name in data.dtype.names}
        return Table(len(data), named)
    columns = [data] if data.ndim != 2 else list(data.T)
    if names is not None and len(names) != len(columns):
        raise InputError(
            f"{len(names)} names were given for {len(columns)} columns.",
            hint="Name every column of the array.",
        )
    given = [f"x{place}" for place in range(len(columns))] if names is None else list(names)
    views = {name: _numpy_column(name, c) for name, c in zip(given, columns, strict=True)}
    return Table(len(data), views, positional=names is None)


def _numpy_column(name: str, values: npt.NDArray[Any]) -> RawColumn:
    kind = values.dtype.kind
    if kind in "US":
        return RawColumn(name, values.astype(str).astype(object), "object")
    if kind == "O" and values.ndim == 1:
        return RawColumn(name, _objects(values), "object")
    if kind == "f" and values.dtype.itemsize > 8:
        values = values.astype(np.float64)
    return RawColumn(name, values, values.dtype.name)


def _records(rows: Sequence[object]) -> Table:
    names: dict[str, None] = {}
    read: list[dict[str, object]] = []
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InputError(
                f"Row {number} is of type {type(row).__name__}, not a dictionary.",
                hint=f"Give {FORMS}.",
            )
        read.append({str(name): value for name, value in row.items()})
        names.update(dict.fromkeys(read[-1]))
    columns = {
        name: RawColumn(name, _objects([row.get(name) for row in read]), "") for name in names
    }
    return Table(len(rows), columns)


def _objects(values: Sequence[object] | npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    kinds = set(map(type, values))
    if kinds <= {str, int, bool, bytes, float, type(None)}:
        column[:] = values
        if float in kinds:  # of all these only NaN, which differs from itself, is missing too
            column[column != column] = None
        return column
    for place, value in enumerate(values):
        column[place] = None if is_missing(value) else value
    return column


def _pandas_column(name: str, series: Any) -> RawColumn:
    dtype = series.dtype
    if dtype == "category":
        known = tuple(value for value in dtype.categories.tolist())
        return RawColumn(name, _objects(series.astype(object).to_numpy()), "category", False, known)
    if str(dtype).startswith("Sparse["):
        return _pandas_column(name, series.sparse.to_dense())
    kind = getattr(dtype, "kind", "O")
    if kind == "M":
        if getattr(dtype, "tz", None) is not None:
            series = series.dt.tz_convert("UTC").dt.tz_localize(None)
        return _numpy_column(name, series.to_numpy())
    missing = not isinstance(dtype, np.dtype) and bool(series.isna().any())
    if kind in "iuf":
        native = np.dtype("float64" if missing else str(dtype).lower().split("[")[0])
        values = (
            series.to_numpy(dtype=native, na_value=np.nan) if missing else series.to_numpy(native)
        )
        return RawColumn(name, values, native.name, whole=missing and kind in "iu")
    if kind == "b" and not missing:
        return _numpy_column(name, series.to_numpy(dtype=bool))
    return RawColumn(
        name, _objects(series.to_numpy(dtype=object)), "bool" if kind == "b" else "object"
    )


def _polars_column(name: str, series: Any) -> RawColumn:
    kind = type(series.dtype).__name__
    if kind in ("Categorical", "Enum"):
        known = series.dtype.categories if kind == "Enum" else series.drop_nulls().unique().sort()
        return RawColumn(
            name, _objects(series.to_list()), "category", False, tuple(known.to_list())
        )
    if kind == "Datetime":
        if series.dtype.time_zone is not None:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return _numpy_column(name, series.to_numpy())
    if kind == "Date":
        return _numpy_column(name, series.to_numpy())
    if kind == "Boolean" and series.null_count():
        return RawColumn(name, _objects(series.to_list()), "bool")
    if kind == "Boolean" or series.dtype.is_integer() or series.dtype.is_float():
        values = series.to_numpy()
        whole = series.dtype.is_integer() and series.null_count() > 0
        return RawColumn(name, values, values.dtype.name, whole)
    nested = _polars_tensor(series) if kind in ("List", "Array") else None
    if nested is not None:
        return RawColumn(name, nested, nested.dtype.name)
    return RawColumn(name, _objects(series.to_list()), "object")


def _polars_tensor(series: Any) -> npt.NDArray[Any] | None:
    """Lists of numbers as one array; None where they are of unequal lengths or have gaps."""
    shape = [len(series)]
    while type(series.dtype).__name__ in ("List", "Array"):
        listed = series.arr.to_list() if type(series.dtype).__name__ == "Array" else series
        lengths = listed.list.len()
        if listed.null_count() or lengths.n_unique() != 1 or lengths[0] == 0:
            return None
        shape.append(lengths[0])
        series = listed.explode()
    if series.null_count() or not (series.dtype.is_integer() or series.dtype.is_float()):
        return None
    values: npt.NDArray[Any] = series.to_numpy().reshape(shape)
    return values
