"""The rows of a receipt: some of the reference, and some made to be awkward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import ExportError
from fairlead.packaging.export.original import Original
from fairlead.packaging.export.parts import parts_of
from fairlead.packaging.export.probe import (
    Asked,
    unseen_value,
    with_column,
    with_missing,
    with_value,
)
from fairlead.runners.libraries import library_of
from fairlead.signature import Batch, Field, Numbers, concat

PLAIN = 120
PAIRS = 48
PARTS = 16
"""That a span is cut into at once: a call costs a model more than a row does."""
STEPS = 20
PER_FIELD = 4
SPECIAL_MAX = 160
TREES = ("tree_", "_predictors")
SMOOTH = ("coef_", "coefs_", "theta_", "support_vectors_", "_fit_X")


def receipt_rows(original: Original, batch: Batch, seed: int = 0) -> Batch:
    """Rows that a form of the model must answer like the original.

    Reference rows; rows with a missing, an unseen and the literally "nan" value in each field
    that allows it; extremes of each number; and, for models with trees, pairs of rows one
    double apart between which the original's answer jumps. Rows that it refuses are left out.

    Args:
        original: with the policies that were found.
        batch: reference rows.
        seed: of the choice.
    """
    draw = np.random.default_rng(seed)
    plain = batch.take(np.sort(draw.permutation(batch.rows)[:PLAIN]))
    parts = [plain, *special_rows(original.inputs, batch, draw)]
    if has_edges(original):
        parts += edge_rows(original, batch, draw)
    return answered_rows(original, parts)


def answered_rows(original: Asked, parts: Sequence[Batch]) -> Batch:
    """The rows of all parts that the original answers, in order.

    Raises:
        ExportError: it answers none.
    """
    rows = concat(parts)
    if original.tries(rows) is not None:
        return rows
    good = [row for part in parts for row in _answered(original, part)]
    if not good:
        raise ExportError("The model answers no reference row with finite numbers.")
    return concat(good)


def _answered(original: Asked, part: Batch) -> list[Batch]:
    """The rows of a part that the original answers."""
    if original.tries(part) is not None:
        return [part]
    rows = (part.take(slice(row, row + 1)) for row in range(part.rows))
    return [row for row in rows if original.tries(row) is not None]


def special_rows(fields: tuple[Field, ...], batch: Batch, draw: np.random.Generator) -> list[Batch]:
    """Rows with one field changed to something awkward, at most 160."""
    changed = [rows for field in fields for rows in _special(field, batch, draw)]
    total = sum(rows.rows for rows in changed)
    if total <= SPECIAL_MAX:
        return changed
    keep = np.sort(draw.permutation(total)[:SPECIAL_MAX])
    return [concat(changed).take(keep)]


def _special(field: Field, batch: Batch, draw: np.random.Generator) -> Iterator[Batch]:
    def some() -> Batch:
        return batch.take(draw.integers(0, batch.rows, PER_FIELD).astype(np.intp))

    if field.missing == "allow":
        yield with_missing(some(), field)
    if field.kind == "category" and field.unknown == "allow":
        yield with_value(some(), field, unseen_value(field))
        if not any(isinstance(value, int | float) for value in field.categories or ()):
            yield with_value(some(), field, "nan")
            yield with_value(some(), field, "")
    if field.kind == "text":
        yield with_value(some(), field, "nan")
    if field.kind in ("number", "integer"):
        extremes = np.array(_extremes(field))
        rows = batch.take(draw.integers(0, batch.rows, len(extremes)).astype(np.intp))
        yield with_column(rows, field.name, lambda _: extremes)
    if field.kind == "boolean":
        yield with_value(some(), field, 0.0)
        yield with_value(some(), field, 1.0)


def _extremes(field: Field) -> list[float]:
    low, high = field.low or 0.0, field.high or 0.0
    reach = max(high - low, 1.0)
    values = [low, high, low - reach, high + reach, 0.0, high + 100 * reach]
    return [float(np.rint(v)) for v in values] if field.kind == "integer" else values


def has_edges(original: Original) -> bool:
    """Whether its answers jump at trees' splits, and that can be told from its answers.

    Where only labels are answered, those of a smooth model inside jump, too: within a rounding
    error, at which no two ways to compute it agree.
    """
    parts = list(parts_of(original.model))
    if library_of(original.model) == "river":  # which is served as itself, whatever it holds
        return False
    if not any(library_of(part) or _holds(part, TREES) for part in parts):
        return False
    only_labels = all(field.name == "label" for field in original.outputs)
    return not (only_labels and any(_holds(part, SMOOTH) for part in parts))


def _holds(part: object, marks: tuple[str, ...]) -> bool:
    return any(hasattr(part, mark) for mark in marks)


def edge_rows(original: Original, batch: Batch, draw: np.random.Generator) -> list[Batch]:
    """Pairs of rows that differ in one number by one double, and in the answer.

    Found by cutting the span between the values of two reference rows ever smaller, so that
    steps before the trees are taken into account.
    """
    fields = [f for f in original.inputs if f.kind in ("number", "integer")]
    if not fields:
        return []
    low = batch.take(draw.integers(0, batch.rows, PAIRS).astype(np.intp))
    other = batch.take(draw.integers(0, batch.rows, PAIRS).astype(np.intp))
    chosen = draw.integers(0, len(fields), PAIRS)
    places = np.array([low.names.index(fields[choice].name) for choice in chosen])
    whole = np.array([fields[choice].kind == "integer" for choice in chosen])
    rows = np.arange(PAIRS)
    starts, ends = low.numbers[rows, places], other.numbers[rows, places]
    usable = np.flatnonzero(np.isfinite(starts) & np.isfinite(ends) & (starts != ends))
    if not usable.size:
        return []
    spans = np.stack([starts, ends], axis=1)
    differs = _differs(original, low.take(usable), places[usable], spans[usable])
    if differs is None or not differs.any():
        return []
    kept = usable[differs.any(axis=1)]
    return _narrow(original, low.take(kept), places[kept], spans[kept], whole[kept])


def _narrow(
    original: Original, rows: Batch, places: npt.NDArray[np.intp], spans: Numbers,
    whole: npt.NDArray[np.bool_],
) -> list[Batch]:  # fmt: skip
    """Move both ends of each span to where the answer first differs, until nothing is between."""
    here = np.arange(rows.rows)
    for _ in range(STEPS):
        starts, ends = spans[:, :1], spans[:, 1:]
        between = starts + (ends - starts) * (np.arange(1, PARTS) / PARTS)
        between = np.where(whole[:, None], np.floor(between), between)
        if bool(np.all((between == starts) | (between == ends))):
            break
        values = np.hstack([starts, between, ends])
        differs = _differs(original, rows, places, values[:, :-1])
        if differs is None:
            return []
        first = np.where(differs.any(axis=1), differs.argmax(axis=1), PARTS)
        spans = np.stack([values[here, first - 1], values[here, first]], axis=1)
    return [_moved(rows, places, spans[:, :1]), _moved(rows, places, spans[:, 1:])]


def _differs(
    original: Original, rows: Batch, places: npt.NDArray[np.intp], values: Numbers
) -> npt.NDArray[np.bool_] | None:
    """Where the answer is another than with the first value of a row; (rows, values) each."""
    found = _signals(original, _moved(rows, places, values))
    if found is None:
        return None
    told = found.reshape(*values.shape, -1)
    return np.asarray((told != told[:, :1]).any(axis=2))


def _moved(rows: Batch, places: npt.NDArray[np.intp], values: Numbers) -> Batch:
    """Each row once with each of its values, (rows, values), at its place."""
    times = values.shape[1]
    each = rows.take(np.repeat(np.arange(rows.rows), times))
    each.numbers[np.arange(each.rows), np.repeat(places, times)] = values.ravel()
    return each


def _signals(original: Original, rows: Batch) -> npt.NDArray[Any] | None:
    """The most telling answer of each row, (rows, values)."""
    got = original.tries(rows)
    if got is None:
        return None
    if "probabilities" in got.columns:
        return np.asarray(got.columns["probabilities"], dtype=np.float64)
    if got.names:
        return got.numbers
    column = next(iter(got.columns.values()))
    if column.dtype != object:
        return column.reshape(rows.rows, -1).astype(np.float64)
    return column.reshape(-1, 1).astype(str)
