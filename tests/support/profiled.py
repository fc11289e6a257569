"""Profiles of arrays, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairlead.profiles import Profile, make_reference, observe
from fairlead.signature import Batch, Field, Signature


def batch(**columns: Any) -> Batch:
    """Rows of numbers, and of categories where a column holds objects."""
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    numbers = {n: a.astype(np.float64) for n, a in arrays.items() if a.dtype != object}
    rows = len(next(iter(arrays.values())))
    matrix = np.column_stack(list(numbers.values())) if numbers else np.empty((rows, 0))
    objects = {n: a for n, a in arrays.items() if a.dtype == object}
    return Batch(rows, tuple(numbers), matrix, objects)


def reference(**columns: Any) -> Profile:
    """The profile of reference rows, with its edges and categories."""
    rows = batch(**columns)
    fields = [Field(name=name, kind="number") for name in rows.names]
    fields += [Field(name=name, kind="category") for name in rows.columns]
    return make_reference(Signature(inputs=tuple(fields), outputs=()), rows)


def window(frame: Profile, **columns: Any) -> Profile:
    """The profile of other rows, on the bins of a reference."""
    return observe(frame, batch(**columns))
