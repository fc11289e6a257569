"""How the inputs of a graph or program are filled from a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.bundle.types import MISSING_TEXT, TensorInput
from fairlead.signature import Batch, Column

Feed = Callable[[Batch], npt.NDArray[Any]]


def make_feed(given: TensorInput) -> Feed:
    """How one input is filled.

    Returns:
        A function from a batch to an array: (rows, fields) of several numeric fields, (rows, 1)
        of one, (rows, *shape) of a tensor.

    Example:
        >>> batch = Batch(1, ("a", "b"), np.array([[1.0, 2.0]]), {})
        >>> make_feed(TensorInput(name="rows", fields=("b", "a"), dtype="float32"))(batch)
        array([[2., 1.]], dtype=float32)
    """
    if given.dtype == "object":
        return lambda batch: _texts(batch.column(given.fields[0]))
    dtype = np.dtype(given.dtype)
    if len(given.fields) == 1:
        return lambda batch: _one(batch.column(given.fields[0]), dtype)
    return lambda batch: _matrix(batch, given.fields, dtype)


def _texts(column: Column) -> npt.NDArray[Any]:
    """A column (rows, 1) of text; no caller's text is taken for a missing one."""
    listed = column.tolist()
    if None in listed or MISSING_TEXT in listed:
        listed = [_spelled(value) for value in listed]
    filled = np.empty((len(listed), 1), dtype=object)
    filled[:, 0] = listed
    return filled


def _spelled(value: str | None) -> str:
    if value is None:
        return MISSING_TEXT
    return MISSING_TEXT + "?" if value == MISSING_TEXT else value


def _one(column: Column, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    values = column if column.ndim > 1 else column.reshape(-1, 1)
    return np.ascontiguousarray(values, dtype=dtype)


def _matrix(batch: Batch, fields: tuple[str, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if fields == batch.names:
        return np.ascontiguousarray(batch.numbers, dtype=dtype)
    matrix = np.empty((batch.rows, len(fields)), dtype=dtype)
    for place, name in enumerate(fields):
        matrix[:, place] = batch.column(name)
    return matrix
