"""Rows divided by the values of a field into few slices, which are the same in every window.

The slices of a field are frozen from the version's reference, so that those of two windows add
up: of a category its most frequent values, of a boolean both, of a number the quarters between
its quartiles. Whatever else comes is in one of three more: `(other)` for values of the reference
that are rarer, `(new)` for those that it does not have, `(missing)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.monitoring.attribute import MISSING, OTHER, name_ranges
from fairlead.monitoring.guard import Loss, Moments, add_losses
from fairlead.profiles import Categorical, Numeric, Profile
from fairlead.profiles.words import WordFilter
from fairlead.signature import Batch, Field, Numbers, Scalar, Signature

NEW = "(new)"
FIELDS_MAX = 8
VALUES_MAX = 12
"""Of a category that have slices of their own."""
CHOSEN_MAX, FEW = 4, 10
"""Without a setting rows are divided by so many fields at most, of so few values each."""
NAME_LENGTH_MAX = 80
QUARTERS = (0.25, 0.5, 0.75)

Values = npt.NDArray[Any]
Places = npt.NDArray[np.intp]


class Slice(msgspec.Struct, frozen=True):
    """Rows of one window that have a value.

    Args:
        rows: that were answered.
        losses: of the labelled ones, by kind.
    """

    rows: int = 0
    losses: dict[str, Moments] = {}

    @property
    def labelled(self) -> int:
        """How many have a label."""
        return max((one.rows for one in self.losses.values()), default=0)


Sliced = dict[str, dict[str, Slice]]
"""Slices by field and name; of each field they add up to all rows."""


@dataclass(frozen=True, slots=True)
class Division:
    """How a field divides rows.

    Args:
        name: of the field.
        slices: their names, in order; the last one is of missing values.
        cuts: of numbers: where one slice ends and the next begins; None of categories.
        places: of categories: the slice of each value that the reference lists.
        known: of categories: tells which other values the reference has.
    """

    name: str
    slices: tuple[str, ...]
    cuts: Numbers | None = None
    places: Mapping[Scalar, int] = field(default_factory=dict)
    known: WordFilter = field(default_factory=lambda: WordFilter(b""))


def divisions_of(
    signature: Signature, reference: Profile | None, named: Sequence[str] | None = None
) -> tuple[Division, ...]:
    """How the rows of a version are divided.

    Args:
        signature: of the version.
        reference: its own rows; without them nothing is divided.
        named: inputs to divide by, at most eight; if nothing is said, the first four booleans and
            categories of ten values or fewer.

    Returns:
        One for each field that can be divided: not of text, pictures and the like, nor of a field
        that has one value.
    """
    if reference is None:
        return ()
    inputs = {one.name: one for one in signature.inputs}
    wanted = [inputs[name] for name in named or () if name in inputs][:FIELDS_MAX]
    if named is None:
        few = (one for one in signature.inputs if _is_few(one, reference.inputs.get(one.name)))
        wanted = list(few)[:CHOSEN_MAX]
    found = (_division(one, reference.inputs.get(one.name)) for one in wanted)
    return tuple(one for one in found if one is not None)


def divide(
    divisions: Sequence[Division], inputs: Batch, labelled: Values, losses: Mapping[Loss, Numbers]
) -> Sliced:
    """Count rows by slice.

    Args:
        divisions: how; fields that the rows do not have divide nothing.
        inputs: of the rows.
        labelled: which of them have a label, shape (rows,).
        losses: of those, by kind, shape (labelled,).
    """
    there = {*inputs.names, *inputs.columns}
    return {
        one.name: _slices(one, inputs.column(one.name), labelled, losses)
        for one in divisions
        if one.name in there
    }


def add_slices(a: Sliced, b: Sliced) -> Sliced:
    """The slices of the rows of both."""
    return {name: _add(a.get(name, {}), b.get(name, {})) for name in {**a, **b}}


def sum_slices(slices: Iterable[Slice]) -> Slice:
    """The rows of several as one."""
    return reduce(
        lambda a, b: Slice(a.rows + b.rows, add_losses(a.losses, b.losses)), slices, Slice()
    )


def place_rows(division: Division, values: Values) -> Places:
    """The slice of each row, as a place among the division's slices.

    Example:
        >>> ages = Division("age", ("< 40", ">= 40", "(missing)"), np.array([40.0]))
        >>> place_rows(ages, np.array([20.0, 50.0, np.nan])).tolist()
        [0, 1, 2]
    """
    missing = len(division.slices) - 1
    if division.cuts is not None:
        numbers = values.astype(np.float64)
        found = np.searchsorted(division.cuts, numbers, side="right")
        return np.where(np.isnan(numbers), missing, found)
    table: dict[Any, int] = {None: missing, **division.places}
    listed = values.tolist()
    for value in set(listed) - table.keys():
        # Of the last three, which follow those of values: other, new, missing.
        table[value] = missing - (2 if division.known.holds(str(value)) else 1)
    return np.fromiter(map(table.__getitem__, listed), np.intp, len(listed))


def _is_few(one: Field, summary: object) -> bool:
    if one.kind == "boolean":
        return True
    if one.kind != "category" or not isinstance(summary, Categorical):
        return False
    return 2 <= len(summary.categories) <= FEW and not summary.known


def _division(one: Field, summary: object) -> Division | None:
    if one.kind == "boolean":
        return Division(one.name, ("false", "true", MISSING), np.array([0.5]))
    if isinstance(summary, Categorical):
        return _by_value(one.name, summary)
    return _by_quarter(one.name, summary) if isinstance(summary, Numeric) else None


def _by_value(name: str, summary: Categorical) -> Division | None:
    if len(summary.categories) < 2:
        return None
    order = sorted(range(len(summary.categories)), key=lambda place: -summary.counts[place])
    often = [summary.categories[place] for place in sorted(order[:VALUES_MAX])]
    places = {value: min(often.index(value) if value in often else len(often), len(often))
              for value in summary.categories}  # fmt: skip
    names = (*(str(value)[:NAME_LENGTH_MAX] for value in often), OTHER, NEW, MISSING)
    return Division(name, names, places=places, known=WordFilter(summary.known))


def _by_quarter(name: str, summary: Numeric) -> Division | None:
    """Cut at the edges of the reference that are nearest to its quartiles."""
    inner = np.array(summary.edges[1:-1])
    if not len(inner) or not summary.count:
        return None
    below = np.cumsum(summary.counts)[1:-2] / summary.count
    nearest = {int(np.abs(below - share).argmin()) for share in QUARTERS}
    cuts = inner[sorted(place for place in nearest if 0.0 < below[place] < 1.0)]
    return Division(name, (*name_ranges(cuts), MISSING), cuts) if len(cuts) else None


def _slices(
    division: Division, values: Values, labelled: Values, losses: Mapping[Loss, Numbers]
) -> dict[str, Slice]:
    size, places = len(division.slices), place_rows(division, values)
    rows, known = np.bincount(places, minlength=size), places[labelled]
    counts = np.bincount(known, minlength=size)
    sums = {
        kind: (np.bincount(known, each, size), np.bincount(known, np.square(each), size))
        for kind, each in losses.items()
    }
    found: dict[str, Slice] = {}
    for place in np.flatnonzero(rows).tolist():
        one = Slice(
            int(rows[place]),
            {
                kind: Moments(int(counts[place]), float(total[place]), float(squares[place]))
                for kind, (total, squares) in sums.items()
            },
        )
        # Two values may have one name, as those that only differ after it was cut.
        name = division.slices[place]
        found[name] = sum_slices((found[name], one)) if name in found else one
    return found


def _add(a: Mapping[str, Slice], b: Mapping[str, Slice]) -> dict[str, Slice]:
    none = Slice()
    return {name: sum_slices((a.get(name, none), b.get(name, none))) for name in {**a, **b}}
