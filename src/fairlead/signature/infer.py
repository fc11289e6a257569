"""Inferring fields from reference data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import InputError, Problem
from fairlead.signature.media import media_kind
from fairlead.signature.tables import RawColumn, read_table
from fairlead.signature.types import Field, FieldKind, Policy, Scalar

CATEGORIES_MAX = 1000
ALWAYS_FEW = 20
CATEGORY_LENGTH_MAX = 50


def infer_inputs(data: object, names: Sequence[str] | None = None) -> tuple[Field, ...]:
    """Infer the input fields of a model from data like what it was fitted on.

    Text counts as a category if it has at most 1,000 distinct values, they are 50 characters
    long or less on average, and there are at most 20 of them or half as many as rows; otherwise
    it is text. Columns of a categorical type are categories with the type's own values. A field
    is allowed to be missing where the data has missing values.

    Args:
        data: a pandas or Polars DataFrame, a NumPy array, or a list of records.
        names: of an array's columns; `x0`, `x1` ... if not given.

    Returns:
        One field per column, in order.

    Raises:
        InputError: there are no rows or columns, or a column whose values have no kind.

    Example:
        >>> age, plan = infer_inputs([{"age": 42, "plan": "pro"}, {"age": 7, "plan": None}])
        >>> age.kind, age.low, age.high, plan.kind, plan.categories, plan.missing
        ('integer', 7.0, 42.0, 'category', ('pro',), 'allow')
    """
    table = read_table(data, names)
    if table.rows == 0 or not table.columns:
        raise InputError(
            "The reference data has no rows or no columns.",
            hint="Give a few hundred rows like those the model was fitted on.",
        )
    return tuple(infer_field(column) for column in table.columns.values())


def infer_field(column: RawColumn) -> Field:
    """Infer one field.

    Raises:
        InputError: its values have no kind, or are all missing.
    """
    values = column.values
    if column.categories is not None:
        return _category(column, column.categories)
    if values.ndim > 1:
        return Field(name=column.name, kind="tensor", dtype=column.dtype, shape=values.shape[1:])
    kind = values.dtype.kind
    if kind == "b":
        return Field(name=column.name, kind="boolean", dtype="bool")
    if kind in "iuf":
        whole = kind in "iu" or column.whole
        return _numeric(column, "integer" if whole else "number", values)
    if kind == "M":
        return _field(column, "timestamp", bool(np.isnat(values).any()))
    if kind == "O":
        return _of_objects(column)
    raise _no_kind(column, f"values of type {values.dtype.name}")


def _field(column: RawColumn, kind: FieldKind, nullable: bool, **facts: Any) -> Field:
    missing: Policy = "allow" if nullable else "error"
    facts.setdefault("dtype", column.dtype or "object")
    return Field(name=column.name, kind=kind, nullable=nullable, missing=missing, **facts)


def _numeric(
    column: RawColumn, kind: FieldKind, values: npt.NDArray[Any], dtype: str = ""
) -> Field:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
    nullable = bool(np.isnan(values).any())
    return _field(column, kind, nullable, low=low, high=high, dtype=dtype or column.dtype)


def _category(column: RawColumn, categories: tuple[Any, ...]) -> Field:
    nullable = any(value is None for value in column.values)
    if len(categories) > CATEGORIES_MAX:
        if not all(isinstance(value, str) for value in categories):
            raise _no_kind(column, f"more than {CATEGORIES_MAX} categories that are not text")
        return _field(column, "text", nullable)
    if not all(isinstance(value, bool | int | float | str) for value in categories):
        raise _no_kind(column, "categories that are neither text, numbers nor booleans")
    return _field(column, "category", nullable, categories=categories)


def _of_objects(column: RawColumn) -> Field:
    """Infer the field of a column of Python objects, by what they are."""
    present = [value for value in column.values if value is not None]
    nullable = len(present) < len(column.values)
    if not present:
        raise _no_kind(column, "no value at all")
    for types, infer in _BY_TYPE:
        if all(isinstance(value, types) for value in present):
            return infer(column, present, nullable)
    found = sorted({type(value).__name__ for value in present})
    raise _no_kind(column, "values of type " + ", ".join(found[:5]))


def _booleans(column: RawColumn, _: list[Any], nullable: bool) -> Field:
    return _field(column, "boolean", nullable, dtype=column.dtype or "bool")


def _integers(column: RawColumn, present: list[Any], nullable: bool) -> Field:
    _refuse_booleans(column, present)
    values = np.array(present, dtype=np.float64)
    dtype = column.dtype or ("float64" if nullable else "int64")
    return _field(
        column, "integer", nullable, dtype=dtype, low=values.min().item(), high=values.max().item()
    )


def _numbers(column: RawColumn, present: list[Any], nullable: bool) -> Field:
    _refuse_booleans(column, present)
    values = np.array([*map(float, present), *([np.nan] * nullable)])
    return _numeric(column, "number", values, dtype=column.dtype or "float64")


def _texts(column: RawColumn, present: list[Any], nullable: bool) -> Field:
    distinct = set(present)
    few = len(distinct) <= max(ALWAYS_FEW, len(present) / 2)
    short = sum(map(len, distinct)) <= CATEGORY_LENGTH_MAX * len(distinct)
    if len(distinct) > CATEGORIES_MAX or not (few and short):
        return _field(column, "text", nullable)
    return _field(column, "category", nullable, categories=tuple(map(str, sorted(distinct))))


def _scalars(column: RawColumn, present: list[Any], nullable: bool) -> Field:
    """Texts and numbers side by side are categories, if they are few."""
    _refuse_booleans(column, present)
    plain = {value.item() if isinstance(value, np.generic) else value for value in present}
    if len(plain) > CATEGORIES_MAX:
        raise _no_kind(column, f"text and numbers mixed, in more than {CATEGORIES_MAX} values")
    ordered: list[Scalar] = sorted(plain, key=lambda value: (isinstance(value, str), value))
    return _field(column, "category", nullable, categories=tuple(ordered))


def _media(column: RawColumn, present: list[Any], nullable: bool) -> Field:
    kinds = {media_kind(value) for value in present}
    kind = kinds.pop()
    if kinds or kind is None:
        raise _no_kind(column, "bytes that are not all pictures or all sounds of a known format")
    return _field(column, kind, nullable)


def _times(column: RawColumn, _: list[Any], nullable: bool) -> Field:
    return _field(column, "timestamp", nullable, dtype="datetime64[us]")


def _tensors(column: RawColumn, present: list[Any], nullable: bool) -> Field:
    if nullable:
        raise _no_kind(column, "tensors of which some are missing")
    try:
        arrays = [np.asarray(value) for value in present]
    except ValueError:
        raise _no_kind(column, "lists of lists of unequal lengths") from None
    if len({array.ndim for array in arrays}) > 1:
        raise _no_kind(column, "tensors of different numbers of dimensions")
    dtype = np.result_type(*{array.dtype for array in arrays})
    if dtype.kind not in "biufU":
        raise _no_kind(column, "lists whose elements are neither numbers, booleans nor text")
    lengths = zip(*(array.shape for array in arrays), strict=True)
    shape = tuple(same[0] if len(set(same)) == 1 else -1 for same in lengths)
    name = "object" if dtype.kind == "U" else dtype.name
    return _field(column, "tensor", nullable=False, dtype=name, shape=shape)


_BY_TYPE: tuple[tuple[Any, Callable[[RawColumn, list[Any], bool], Field]], ...] = (
    (bool | np.bool_, _booleans),
    (int | np.integer, _integers),
    (int | float | np.number | Decimal, _numbers),
    (str, _texts),
    (str | int | float | np.number, _scalars),
    (bytes, _media),
    (dt.date | np.datetime64, _times),
    (list | tuple | np.ndarray, _tensors),
)


def _refuse_booleans(column: RawColumn, present: list[Any]) -> None:
    if any(isinstance(value, bool | np.bool_) for value in present):
        raise _no_kind(column, "booleans and other values mixed")


def _no_kind(column: RawColumn, what: str) -> InputError:
    return InputError(
        f"Column '{column.name}' of the reference data holds {what}.",
        (Problem(f"holds {what}", field=column.name),),
        hint="Convert it to numbers, text, booleans, times, media or tensors, or drop it.",
    )
