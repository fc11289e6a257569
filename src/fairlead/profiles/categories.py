"""Categories: tallied by whatever is fastest, then counted on those of a reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.profiles.distinct import merge_sketches, sketch_texts
from fairlead.profiles.types import Categorical
from fairlead.profiles.words import WordFilter, encode_words
from fairlead.signature import Column, Scalar

CATEGORIES_MAX = 255

Tally = Mapping[Scalar | None, int]
"""How often each value came; None stands for those that are missing."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as places in a dictionary.

    Args:
        codes: shape (rows,); -1 where a value is missing.
        values: the dictionary, without doubles; None where no row has that place.
    """

    codes: npt.NDArray[np.integer]
    values: Sequence[Any]


def code_values(column: Column) -> Coded:
    """Make a dictionary of single values; None, NaN and NaT are missing.

    Example:
        >>> code_values(np.array(["red", None, "green", "red"], dtype=object))
        Coded(codes=array([ 0, -1,  1,  0]), values=['red', 'green'])
    """
    if column.dtype.hasobject:
        places: defaultdict[Any, int] = defaultdict(count().__next__)
        codes = np.fromiter(map(places.__getitem__, column.tolist()), np.intp, len(column))
        values = list(places)
    else:
        found, codes = np.unique(column, return_inverse=True)
        values = found.tolist()
    kept = [value is not None and value == value for value in values]
    if not all(kept):
        moved = np.where(kept, np.cumsum(kept) - 1, -1)
        codes = moved[codes]
    return Coded(codes, [value for value, there in zip(values, kept, strict=True) if there])


def tally_codes(codes: npt.NDArray[np.integer], values: Sequence[Scalar]) -> Tally:
    """Tally a column of places in a dictionary, as Parquet and Arrow keep categories.

    Args:
        codes: shape (rows,); -1 where a value is missing.
        values: the dictionary, without doubles.

    Example:
        >>> tally_codes(np.array([0, 1, 0, -1]), ["red", "green"])
        {None: 1, 'red': 2, 'green': 1}
    """
    missing, *counts = np.bincount(codes + 1, minlength=len(values) + 1).tolist()
    pairs = zip([None, *values], [missing, *counts], strict=True)
    return {value: often for value, often in pairs if often}


def tally_values(column: Column) -> Tally:
    """Tally a column of single values; None, NaN and NaT are missing."""
    coded = code_values(column)
    return tally_codes(coded.codes, coded.values)


def freeze_categories(tally: Tally, declared: Sequence[Scalar] | None = None) -> Categorical:
    """The summary of no rows, with the categories of some.

    Args:
        tally: of the reference.
        declared: the categories there are, in order, if they are known otherwise.
    """
    seen = [value for value in tally if value is not None]
    known = list(declared or sorted(seen, key=lambda value: (isinstance(value, str), value)))
    by_count = sorted(known, key=lambda value: -tally.get(value, 0))
    kept, rest = set(by_count[:CATEGORIES_MAX]), by_count[CATEGORIES_MAX:]
    categories = tuple(value for value in known if value in kept)
    return Categorical(
        categories=categories,
        counts=(0,) * len(categories),
        known=encode_words(map(str, rest)),
    )


def count_categories(frame: Categorical, tally: Tally) -> Categorical:
    """The summary of tallied values on the categories of a frame.

    Where all values are text and no category is, as in a log in which a column's type changed,
    values are compared as text.

    Args:
        frame: of no rows.
        tally: of the values.
    """
    missing = tally.get(None, 0)
    left = {value: count for value, count in tally.items() if value is not None}
    names: Sequence[Scalar] = frame.categories
    if left and all(isinstance(v, str) for v in left) and not any(
        isinstance(name, str) for name in names
    ):  # fmt: skip
        names = [str(name) for name in names]
    distinct = sketch_texts(map(str, left))
    counts = tuple([left.pop(name, 0) for name in names])
    holds = WordFilter(frame.known).holds
    other = sum(count for value, count in left.items() if holds(str(value)))
    return Categorical(
        categories=frame.categories,
        counts=counts,
        other=other,
        new=sum(left.values()) - other,
        missing=missing,
        known=frame.known,
        distinct=distinct,
    )


def merge_categories(a: Categorical, b: Categorical) -> Categorical:
    """The summary of the values of both, which are on the same categories."""
    return Categorical(
        categories=a.categories,
        counts=tuple(map(add, a.counts, b.counts)),
        other=a.other + b.other,
        new=a.new + b.new,
        missing=a.missing + b.missing,
        known=a.known,
        distinct=merge_sketches(a.distinct, b.distinct),
    )
