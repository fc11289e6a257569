"""Which policies the original model has: asked with values that are missing or unseen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
import numpy as np

from fairlead.packaging.export.encoders import UNSEEN
from fairlead.signature import Batch, Column, Field

ROWS = 8


class Asked(Protocol):
    """A model that was brought, of whatever library."""

    @property
    def inputs(self) -> tuple[Field, ...]:
        """Fields in."""
        ...

    def tries(self, batch: Batch) -> Batch | None:
        """Its answers, or None where it refuses the rows or answers nothing finite."""
        ...


def with_policies(original: Asked, batch: Batch) -> tuple[Field, ...]:
    """The inputs, with `allow` exactly where the original answers a missing or unseen value.

    Categories that a type declares but that the original refuses are left out.
    """
    rows = batch.take(slice(0, ROWS))
    return tuple(_probed(original, rows, field, batch) for field in original.inputs)


def _probed(original: Asked, rows: Batch, field: Field, seen: Batch) -> Field:
    def answers(value: object) -> bool:
        return original.tries(with_value(rows, field, value)) is not None

    missing = can_miss(field) and original.tries(with_missing(rows, field)) is not None
    unseen = unseen_value(field)
    unknown = field.kind == "category" and unseen is not None and answers(unseen)
    categories = field.categories
    if field.kind == "category" and categories and not unknown:
        present = set(seen.column(field.name).tolist())
        categories = tuple(value for value in categories if value in present or answers(value))
    return msgspec.structs.replace(
        field,
        missing="allow" if missing else "error",
        unknown="allow" if unknown else "error",
        categories=categories,
    )


def can_miss(field: Field) -> bool:
    """Whether a batch has a way to say that a value is missing."""
    return field.kind != "tensor"


def unseen_value(field: Field) -> object:
    """A category that no data holds, of the type of those seen; None if there is none."""
    known = field.categories or ()
    if any(isinstance(value, bool) for value in known):
        return None
    if known and all(isinstance(value, int | float) for value in known):
        return max(float(value) for value in known) + 1.0 if known else None
    return UNSEEN


def with_missing(rows: Batch, field: Field) -> Batch:
    """The rows without their values of a field."""
    blank: object = None
    if field.name in rows.names:
        blank = np.nan
    elif field.kind == "timestamp":
        blank = np.datetime64("NaT", "us")
    return with_value(rows, field, blank)


def with_value(rows: Batch, field: Field, value: object) -> Batch:
    """The rows with one value in all of a field."""
    return with_column(rows, field.name, lambda column: np.full(len(column), value, column.dtype))


def with_column(rows: Batch, name: str, change: Callable[[Column], Column]) -> Batch:
    """The rows with one column changed."""
    if name in rows.columns:
        columns = {**rows.columns, name: change(rows.columns[name])}
        return Batch(rows.rows, rows.names, rows.numbers, columns)
    numbers = rows.numbers.copy()
    place = rows.names.index(name)
    numbers[:, place] = change(numbers[:, place])
    return Batch(rows.rows, rows.names, numbers, rows.columns)
