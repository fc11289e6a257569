"""Fields cut into a few bins each, from which losses are learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.signature import Batch, Field, FieldKind, Numbers, Scalar

BINS = 64
CATEGORIES_MAX = 255
TABULAR: frozenset[FieldKind] = frozenset({"number", "integer", "boolean", "category"})

Values = npt.NDArray[Any]
Codes = npt.NDArray[np.intp]


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one field is cut into bins.

    Args:
        name: of the input; of the output for the prediction itself.
        edges: of a number, rising; missing values are bin 0, those below the first edge bin 1.
        categories: of a category, by rising mean loss; all others share the last bin.
    """

    name: str
    edges: tuple[float, ...] = ()
    categories: tuple[Scalar, ...] | None = None


def column_of(field: Field, values: Values, losses: Numbers) -> Column:
    """Cut a field at the quantiles of reference rows, or order its categories by their losses.

    Args:
        field: a number, integer, boolean or category.
        values: of the reference rows, shape (rows,).
        losses: of these rows.
    """
    if field.kind == "category":
        return Column(name=field.name, categories=_ordered(values.tolist(), losses))
    numbers = values[np.isfinite(values)]
    distinct = np.unique(numbers)
    if len(distinct) <= BINS:
        edges = distinct[:-1] / 2 + distinct[1:] / 2
    else:
        shares = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = np.unique(np.quantile(numbers, shares, method="higher"))
    return Column(name=field.name, edges=tuple(edges.tolist()))


def size_of(column: Column) -> int:
    """How many bins a column has."""
    return 1 + (len(column.edges) + 1 if column.categories is None else len(column.categories))


def codes_of(columns: Sequence[Column], inputs: Batch, outputs: Batch) -> list[Codes]:
    """The bin of each row, for each column; the last one is the answer's."""
    batches = [inputs] * (len(columns) - 1) + [outputs]
    return [
        _codes(column, batch.column(column.name).reshape(-1))
        for column, batch in zip(columns, batches, strict=True)
    ]


def _codes(column: Column, values: Values) -> Codes:
    if column.categories is None:
        numbers = values.astype(np.float64)
        places = 1 + np.searchsorted(column.edges, numbers, side="right")
        return np.where(np.isnan(numbers), 0, places)
    table = {value: place for place, value in enumerate(column.categories)}
    rest = len(column.categories)
    return np.array([table.get(value, rest) for value in values.tolist()], dtype=np.intp)


def _ordered(values: list[Any], losses: Numbers) -> tuple[Scalar, ...]:
    """The most frequent categories, by rising mean loss, so that one bound tells good from bad."""
    sums: dict[Any, list[float]] = {}
    for value, loss in zip(values, losses.tolist(), strict=True):
        if value is not None:
            seen = sums.setdefault(value, [0.0, 0.0])
            seen[0] += 1.0
            seen[1] += loss
    frequent = sorted(sums, key=lambda value: (-sums[value][0], str(value)))[:CATEGORIES_MAX]
    return tuple(sorted(frequent, key=lambda v: (sums[v][1] / sums[v][0], str(v))))
