"""Of tensors: their size, and where they lie along the principal axes of a reference."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from fairlead.signature import Column, Numbers

PLACES_MAX = 32
AXES = 3
AXIS_ELEMENTS_MAX = 4096
AXIS_ROWS_MAX = 512
CONFIDENCE = "confidence"


def place_names(categories: Sequence[object]) -> tuple[str, ...]:
    """Of a tensor whose last axis has names, those of the places that are measured."""
    return tuple(str(name) for name in categories[:PLACES_MAX])


def principal_axes(column: Column) -> tuple[bytes, ...]:
    """The directions in which some tensors differ most, an int8 for each element.

    A direction so rounded is within half a degree of the true one for hundreds of elements, and
    is frozen: what counts is that every profile projects on the same one. They are taken from
    up to 512 rows, evenly spread.

    Args:
        column: shape (rows, ...); no axes are found for more than 4096 elements a row.
    """
    if column.dtype.kind in "OU" or prod(column.shape[1:]) > AXIS_ELEMENTS_MAX:
        return ()
    rows = _flat(column)
    rows = rows[np.isfinite(rows).all(axis=1)]
    rows = rows[:: max(len(rows) // AXIS_ROWS_MAX, 1)][:AXIS_ROWS_MAX]
    most = float(np.abs(rows).max(initial=0.0))
    if len(rows) < 2 or most == 0:
        return ()
    apart = rows / most
    apart -= apart.mean(axis=0)
    # The Gram matrix of the rows is small, however many elements they have.
    values, vectors = np.linalg.eigh(apart @ apart.T)
    found = [apart.T @ vectors[:, -place] for place in range(1, AXES + 1) if place <= len(values)]
    spread = [np.abs(axis).max() for axis in found]
    return tuple(
        _rounded(axis) for axis, s in zip(found, spread, strict=True) if s > 1e-6 * max(spread)
    )


def measure_tensors(column: Column, axes: Sequence[bytes]) -> dict[str, Numbers]:
    """Norm, mean, and projections on the axes of a reference; of texts the characters.

    Args:
        column: shape (rows, ...), or objects: one list per row, or None where it is missing.
        axes: from `principal_axes`; rows of another number of elements have no projections.
    """
    if column.ndim == 1:
        return _measure_lists(column, axes)
    if column.dtype.kind in "OU":
        lengths = [sum(len(str(text)) for text in row.flat) for row in column]
        return {"characters": np.array(lengths, dtype=np.float64)}
    rows = _flat(column)
    with np.errstate(over="ignore", invalid="ignore"):
        found = {"norm": np.linalg.norm(rows, axis=1), "mean": _mean(rows)}
        for place, raw in enumerate(axes, start=1):
            axis = np.frombuffer(raw, np.int8).astype(np.float64)
            fits = len(axis) == rows.shape[1]
            along = _along(rows, axis) if fits else _nothing(len(rows))
            found[f"axis{place}"] = along
    return found


def measure_places(column: Column, names: Sequence[str]) -> dict[str, Numbers]:
    """Each place along the last axis by its name, and the largest of all as `confidence`.

    Args:
        column: shape (rows, ..., places), or objects: one list per row, or None where it is
            missing. Axes between are averaged over.
        names: from `place_names`.
    """
    if column.ndim == 1:
        column = _stacked(column)
    places = column.shape[-1]
    found = {
        name: _mean(_flat(column[..., place])) if place < places else _nothing(len(column))
        for place, name in enumerate(names)
    }
    return {CONFIDENCE: _mean(_flat(column.max(axis=-1))), **found}


def _stacked(column: Column) -> Column:
    """Lists of one shape as one array, NaN where there is none."""
    rows = column.tolist()
    shape = next((np.shape(row) for row in rows if row is not None), (1,))
    return np.array([np.full(shape, np.nan) if row is None else row for row in rows],
                    dtype=np.float64).reshape(-1, *shape)  # fmt: skip


def _measure_lists(column: Column, axes: Sequence[bytes]) -> dict[str, Numbers]:
    """Row by row: their shapes may differ."""
    found: dict[str, Numbers] = {}
    for place, value in enumerate(column.tolist()):
        row: Column = np.full((1, 1), np.nan)
        if value is not None:
            row = np.asarray(value)[np.newaxis]
        for name, measure in measure_tensors(row, axes).items():
            found.setdefault(name, _nothing(len(column)))[place] = measure[0]
    return found


def _nothing(rows: int) -> Numbers:
    return np.full(rows, np.nan)


def _flat(column: Column) -> Numbers:
    return column.astype(np.float64).reshape(len(column), prod(column.shape[1:]))


def _mean(rows: Numbers) -> Numbers:
    if rows.shape[1] == 1:
        return rows[:, 0]
    with np.errstate(over="ignore", invalid="ignore"):
        total: Numbers = rows.sum(axis=1) / max(rows.shape[1], 1)
        return total


def _rounded(axis: Numbers) -> bytes:
    """Scaled to int8, with the sign that makes its largest element positive."""
    largest = axis[np.abs(axis).argmax()]
    raw: bytes = np.rint(axis * (127 / largest)).astype(np.int8).tobytes()
    return raw


def _along(rows: Numbers, axis: Numbers) -> Numbers:
    """The place of each row on an axis; the same to the last bit, whatever rows stand beside it.

    A product of matrices is not: how it adds up depends on their size, so that a merge would
    differ from what is observed at once.
    """
    return np.asarray((rows * (axis / np.linalg.norm(axis))).sum(axis=1))
