"""One field of any kind: how its summary is frozen, counted, emptied and merged."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.errors import ConflictError
from fairlead.profiles.categories import (
    Coded,
    Tally,
    code_values,
    count_categories,
    freeze_categories,
    merge_categories,
    tally_codes,
    tally_values,
)
from fairlead.profiles.measures.images import measure_images
from fairlead.profiles.measures.sounds import measure_sounds
from fairlead.profiles.measures.tensors import (
    measure_places,
    measure_tensors,
    place_names,
    principal_axes,
)
from fairlead.profiles.measures.texts import measure_texts, reference_words
from fairlead.profiles.measures.times import HOURS, LAG_EDGES_S, WEEKDAYS, measure_times
from fairlead.profiles.numbers import count_numbers, freeze_numbers, merge_numbers
from fairlead.profiles.types import Categorical, Leaf, Named, Numeric, Summary
from fairlead.signature import Column, Field, Numbers

Times = npt.NDArray[np.int64] | None
Values = Column | Coded | Tally
"""A column as a batch holds it, or as a dictionary; or a tally, which does not tell of rows."""

TAUGHT, HELD_OUT = slice(0, None, 2), slice(1, None, 2)
"""The rows of a reference that its words and axes are taken from, and those measured by them.

Rows look more like words and axes that were taken from them than any later rows do.
"""

_TIMES = Named(
    kind="timestamp",
    parts={
        "hour": freeze_categories({}, HOURS),
        "weekday": freeze_categories({}, WEEKDAYS),
        "lag_s": freeze_numbers(np.empty(0), LAG_EDGES_S),
    },
)


def freeze_field(field: Field, values: Values) -> Summary:
    """The summary of no rows, frozen from the values of a reference."""
    if field.kind == "category":
        return freeze_categories(_tally(values), field.categories)
    column = _column(values)
    if field.kind in ("number", "integer", "boolean"):
        return freeze_numbers(column.astype(np.float64))
    if field.kind == "timestamp":
        return _TIMES
    frame = _frame(field, column[TAUGHT])
    measures = _measure(frame, column, None)
    parts = {name: _freeze(_fair(frame, name, each)) for name, each in measures.items()}
    return msgspec.structs.replace(frame, parts=parts)


def reference_field(field: Field, values: Values) -> Summary:
    """The summary of a reference's values, on what is frozen from them."""
    return hold_out(count_field(freeze_field(field, values), values, None), values)


def hold_out(summary: Summary, values: Values) -> Summary:
    """The summary of a reference's own rows, without those that its words or axes came from.

    Args:
        summary: of all the rows.
        values: of all the rows.
    """
    if not isinstance(summary, Named) or not (summary.known or summary.axes):
        return summary
    later = count_field(empty_field(summary), _column(values)[HELD_OUT], None)
    assert isinstance(later, Named)
    parts = {n: later.parts[n] if _is_learned(summary, n) else p for n, p in summary.parts.items()}
    return msgspec.structs.replace(summary, parts=parts)


def count_field(frame: Summary, values: Values, times_us: Times) -> Summary:
    """The summary of some values on a frame of no rows."""
    if isinstance(frame, Categorical):
        return count_categories(frame, _tally(values))
    column = _column(values)
    if isinstance(frame, Numeric):
        return count_numbers(frame, column.astype(np.float64, copy=False))
    measures = _measure(frame, column, times_us)
    parts = {n: _count(p, measures[n]) if n in measures else p for n, p in frame.parts.items()}
    return msgspec.structs.replace(frame, parts=parts)


def code_field(frame: Summary, values: Values) -> Values:
    """A column of categories as a dictionary, which is made once for all that counts it."""
    if isinstance(frame, Categorical) and not isinstance(values, Coded | Mapping):
        return code_values(values)
    return values


def empty_field(summary: Summary) -> Summary:
    """The summary of no rows on the edges and categories of one."""
    if isinstance(summary, Named):
        parts = {name: _empty(part) for name, part in summary.parts.items()}
        return msgspec.structs.replace(summary, parts=parts)
    return _empty(summary)


def merge_field(a: Summary, b: Summary) -> Summary:
    """The summary of the rows of both.

    Raises:
        ConflictError: they are not on the edges and categories of one reference.
    """
    if isinstance(a, Named):
        if not isinstance(b, Named) or a.parts.keys() != b.parts.keys() or _frozen(a) != _frozen(b):
            raise differ()
        parts = {name: _merge(part, b.parts[name]) for name, part in a.parts.items()}
        return msgspec.structs.replace(a, parts=parts)
    if isinstance(b, Named):
        raise differ()
    return _merge(a, b)


def differ() -> ConflictError:
    """The error of profiles that are not on the same edges and categories."""
    return ConflictError(
        "Profiles of different references cannot be merged.",
        hint="Build both with `observe` on the same reference.",
    )


def _frame(field: Field, column: Column) -> Named:
    """What a reference says of how a field is measured, without its parts."""
    if field.kind == "text":
        return Named(parts={}, kind="text", known=reference_words(column))
    if field.kind == "tensor" and field.categories:
        return Named(parts={}, kind="tensor", places=place_names(field.categories))
    axes = principal_axes(column) if field.kind == "tensor" else ()
    return Named(parts={}, kind=field.kind, axes=axes)


def _is_learned(frame: Named, part: str) -> bool:
    """Whether a part is measured by the words or the axes of a reference."""
    return part == "unknown" if frame.known else bool(frame.axes) and part.startswith("axis")


def _fair(frame: Named, part: str, measure: Numbers | Tally) -> Numbers | Tally:
    """A measure of a reference's rows, of those alone that had no part in how it is taken."""
    if isinstance(measure, Mapping) or not _is_learned(frame, part):
        return measure
    return measure[HELD_OUT]


def _frozen(named: Named) -> object:
    return named.kind, named.known, named.places, named.axes


def _tally(values: Values) -> Tally:
    if isinstance(values, Coded):
        return tally_codes(values.codes, values.values)
    return values if isinstance(values, Mapping) else tally_values(values)


def _column(values: Values) -> Column:
    if isinstance(values, Mapping | Coded):
        raise TypeError("Only a field of categories can be tallied.")
    return values


def _measure(frame: Named, column: Column, times_us: Times) -> Mapping[str, Numbers | Tally]:
    match frame.kind:
        case "text":
            return measure_texts(column, frame.known)
        case "image":
            return measure_images(column)
        case "audio":
            return measure_sounds(column)
        case "timestamp":
            return measure_times(column, times_us)
    if frame.places:
        return measure_places(column, frame.places)
    return measure_tensors(column, frame.axes)


def _freeze(measure: Numbers | Tally) -> Leaf:
    if isinstance(measure, Mapping):
        return freeze_categories(measure)
    return freeze_numbers(measure)


def _count(frame: Leaf, measure: Numbers | Tally) -> Leaf:
    if isinstance(frame, Categorical):
        assert isinstance(measure, Mapping)
        return count_categories(frame, measure)
    assert not isinstance(measure, Mapping)
    return count_numbers(frame, measure)


def _empty(leaf: Leaf) -> Leaf:
    nothing = (0,) * len(leaf.counts)
    if isinstance(leaf, Numeric):
        return Numeric(edges=leaf.edges, counts=nothing)
    return Categorical(categories=leaf.categories, counts=nothing, known=leaf.known)


def _merge(a: Leaf, b: Leaf) -> Leaf:
    if isinstance(a, Numeric) and isinstance(b, Numeric) and a.edges == b.edges:
        return merge_numbers(a, b)
    if (
        isinstance(a, Categorical)
        and isinstance(b, Categorical)
        and a.categories == b.categories
        and a.known == b.known
    ):
        return merge_categories(a, b)
    raise differ()
