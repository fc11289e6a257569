"""From frames, arrays and records to a batch, column by column; and from a batch back."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from fairlead.errors import InputError
from fairlead.nearest import nearest
from fairlead.signature.columns import add_missing, assemble, blank, imputed, pack, read_column
from fairlead.signature.findings import Findings
from fairlead.signature.read import (
    INTEGER_LIMIT,
    SECONDS_HIGH,
    SECONDS_LOW,
    Refused,
    cast_elements,
    element,
    families,
    fits_shape,
)
from fairlead.signature.records import EMPTY, NAMES_COMPARED_MAX, add_unknown, from_records
from fairlead.signature.tables import RawColumn, Table, read_table
from fairlead.signature.types import NUMERIC, Batch, Column, Field, Signature


def from_frame(signature: Signature, data: object) -> Batch:
    """Read tabular data, with the same policies and errors as rows of JSON.

    Columns are found by name; those of an array without names by position. In arrays, which
    have one type for all columns, booleans may be 0 and 1.

    Args:
        signature: what the rows must fit.
        data: a pandas or Polars DataFrame, a NumPy array, or a list of records.

    Returns:
        The batch.

    Raises:
        InputError: something is wrong; names every row and field, up to a bounded list.

    Example:
        >>> from fairlead.signature import Field
        >>> two = Signature(
        ...     inputs=(Field(name="a", kind="number"), Field(name="b", kind="integer")), outputs=()
        ... )
        >>> from_frame(two, np.array([[0.5, 2.0]])).numbers.tolist()
        [[0.5, 2.0]]
    """
    if isinstance(data, list | tuple):
        return from_records(signature, data)
    return from_table(signature, read_table(data))


def from_table(signature: Signature, table: Table) -> Batch:
    """Read columns that were told apart already, as `from_frame` does.

    Raises:
        InputError: something is wrong; names every row and field, up to a bounded list.
    """
    if table.rows == 0:
        raise InputError(EMPTY, hint="Give at least one row.")
    findings = Findings(table.rows)
    columns = read_fields(signature, table, findings)
    findings.raise_if_any()
    return assemble(signature.inputs, table.rows, columns)


def read_fields(signature: Signature, table: Table, findings: Findings) -> dict[str, Column]:
    """Read the column of each field; those that something is wrong with are left out.

    Args:
        signature: what the columns must fit.
        table: of at least one row.
        findings: takes what is wrong.
    """
    found = _match(signature, table, findings)
    columns: dict[str, Column] = {}
    for field in signature.inputs:
        raw = found.get(field.name)
        column = (
            _absent(field, table.rows, findings) if raw is None else _read(field, raw, findings)
        )
        if column is not None:
            columns[field.name] = column
    return columns


def _match(signature: Signature, table: Table, findings: Findings) -> dict[str, RawColumn]:
    """Which column is which field's."""
    names = [field.name for field in signature.inputs]
    if table.positional:
        if len(table.columns) != len(names):
            raise InputError(
                f"The array has {len(table.columns)} columns, the signature {len(names)} fields.",
                hint="Give one column per field, in the signature's order, or named columns.",
            )
        return dict(zip(names, table.columns.values(), strict=True))
    if signature.extra == "error":
        unknown = [name for name in table.columns if name not in names]
        for place, name in enumerate(unknown):
            likely = nearest(name, names) if place < NAMES_COMPARED_MAX else None
            add_unknown(name, likely, None, findings)
    return table.columns


def _absent(field: Field, rows: int, findings: Findings) -> Column | None:
    """The column of a field that the data lacks."""
    if field.missing == "error":
        add_missing(field, None, findings)
        return None
    instead = imputed(field) if field.missing == "impute" else blank(field)
    return pack(field, [instead] * rows)


def _read(field: Field, raw: RawColumn, findings: Findings) -> Column | None:
    column = read_at_once(field, raw.values)
    return read_column(field, _values(raw), findings) if column is None else column


def _values(raw: RawColumn) -> Sequence[object]:
    """The values one by one; times stay NumPy's, since `tolist` makes integers of some."""
    return list(raw.values) if raw.values.dtype.kind in "MO" else raw.values.tolist()


def read_at_once(field: Field, values: npt.NDArray[Any]) -> Column | None:
    """The column, if its array is plainly right; None to look at its values one by one."""
    try:
        return _read_plain(field, values)
    except (Refused, TypeError):
        return None


def _read_plain(field: Field, values: npt.NDArray[Any]) -> Column | None:
    if field.kind in NUMERIC:
        return _numbers(field, values)
    if field.kind in ("category", "text"):
        return _scalars(field, values)
    if field.kind == "timestamp":
        return _times(field, values)
    if field.kind == "tensor" and values.ndim > 1 and fits_shape(values.shape[1:], field.shape):
        return cast_elements(values, element(field))
    return None


def _numbers(field: Field, values: npt.NDArray[Any]) -> Column | None:
    allowed = "biuf" if field.kind == "boolean" else "iuf"
    if values.ndim != 1 or values.dtype.kind not in allowed:
        return None
    numbers = values.astype(np.float64, copy=False)
    if field.kind == "number" and np.isfinite(numbers).all():  # as of most columns
        return numbers
    missing = np.isnan(numbers)
    if np.isinf(numbers).any() or (field.missing == "error" and missing.any()):
        return None
    present = numbers[~missing]
    if field.kind == "boolean" and not np.isin(present, (0.0, 1.0)).all():
        return None
    if (
        field.kind == "integer"
        and not ((present == np.rint(present)) & (np.abs(present) < INTEGER_LIMIT)).all()
    ):
        return None
    if field.missing == "impute":
        return np.where(missing, cast(float, imputed(field)), numbers)
    return numbers


def _scalars(field: Field, values: npt.NDArray[Any]) -> Column | None:
    """Texts or categories of one type, all known: looked up without a Python call per value."""
    listed = values.tolist()
    present = set(map(type, listed)) - {type(None)}
    kinds = families(field) if field.kind == "category" else {"text"}
    of_one_kind = any(present <= types and kinds == {name} for name, types in _TYPES.items())
    if not of_one_kind:
        return None
    if field.kind == "category" and field.categories:
        known = {value: value for value in field.categories}
        found = list(map(known.get, listed))
        if found.count(None) != listed.count(None):
            return None
        listed = found
    if None in listed:
        if field.missing == "error":
            return None
        if field.missing == "impute":
            instead = imputed(field)
            listed = [instead if value is None else value for value in listed]
    return pack(field, listed)


_TYPES: dict[str, set[type]] = {"text": {str}, "a number": {int, float}, "a boolean": {bool}}


FIRST_TIME = np.datetime64(SECONDS_LOW, "s")
LAST_TIME = np.datetime64(SECONDS_HIGH, "s")


def _times(field: Field, values: npt.NDArray[Any]) -> Column | None:
    if values.dtype.kind != "M":
        return None
    times = values.astype("datetime64[us]")
    missing = np.isnat(times)
    if missing.any() and field.missing == "error":
        return None
    if ((times < FIRST_TIME) | (times > LAST_TIME)).any():
        return None
    if field.missing == "impute":
        times[missing] = np.datetime64(cast(int, imputed(field)), "us")
    return times


def to_columns(fields: Iterable[Field], batch: Batch) -> dict[str, list[Any]]:
    """A batch as columns of plain values, fit for JSON.

    Args:
        fields: which of the batch's fields, in the order wanted.
        batch: inputs or answers.

    Returns:
        By field: numbers (None where missing), whole ones as int, booleans, text, base64 of
        pictures and sound, ISO 8601 times in UTC, nested lists of tensors. A tensor whose last
        axis has names, such as probabilities, is an object by those names.
    """
    return {field.name: to_column(field, batch) for field in fields}


def to_records(fields: Iterable[Field], batch: Batch) -> list[dict[str, Any]]:
    """A batch as one dictionary per row, of plain values as in `to_columns`.

    Example:
        >>> batch = Batch(1, ("n", "x"), np.array([[3.0, np.nan]]), {})
        >>> to_records([Field(name="n", kind="integer"), Field(name="x", kind="number")], batch)
        [{'n': 3, 'x': None}]
    """
    columns = to_columns(fields, batch)
    if not columns:
        return [{} for _ in range(batch.rows)]
    names = tuple(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def to_column(field: Field, batch: Batch) -> list[Any]:
    """One field of a batch as plain values, as in `to_columns`."""
    column = batch.column(field.name)
    values: list[Any] = column.tolist()
    match field.kind:
        case "number":
            return [None if value != value else value for value in values]
        case "integer":
            return [None if value != value else int(value) for value in values]
        case "boolean":
            return [None if value != value else bool(value) for value in values]
        case "timestamp":
            written = np.datetime_as_string(cast(Any, column), unit="us").tolist()
            return [None if text == "NaT" else text + "Z" for text in written]
        case "image" | "audio":
            return [None if v is None else base64.b64encode(v).decode("ascii") for v in values]
        case "tensor" if field.categories:
            names = [str(name) for name in field.categories]
            return [_named(names, value) for value in values]
    return values


def _named(names: list[str], value: list[Any]) -> Any:
    """The last axis of a tensor as objects."""
    if value and isinstance(value[0], list):
        return [_named(names, inner) for inner in value]
    return dict(zip(names, value, strict=True))
