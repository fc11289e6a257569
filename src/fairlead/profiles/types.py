"""The values of this package: Profile, and the summaries of single fields it is made of."""

from __future__ import annotations

import msgspec

from fairlead.signature import Scalar

FORMAT = 1


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that every part of a profile shares."""


class Numeric(_Part, frozen=True, kw_only=True, tag="numeric"):
    """Counts and moments of one number per row.

    Of text it is the length in characters, of pictures and sound the size in bytes, of times
    the seconds since 1970, of a tensor the mean of its elements.

    Args:
        edges: rising, frozen from the reference; bin i (from 1) holds edges[i-1] <= x < edges[i],
            the last one its upper edge too.
        counts: under the first edge, per bin, over the last edge: len(edges) + 1.
        count: values that are there and finite.
        missing: values that are missing or infinite.
        mean: of the values; 0 if there are none.
        m2: sum of squared differences from the mean.
        low: the smallest; None if there are none.
        high: the largest.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    count: int = 0
    missing: int = 0
    mean: float = 0.0
    m2: float = 0.0
    low: float | None = None
    high: float | None = None


class Categorical(_Part, frozen=True, kw_only=True, tag="categorical"):
    """Counts of categories.

    Args:
        categories: of the reference, at most 255: its most frequent ones.
        counts: of each of them.
        other: values that are none of them.
        missing: values that are missing.
    """

    categories: tuple[Scalar, ...]
    counts: tuple[int, ...]
    other: int = 0
    missing: int = 0


class Named(_Part, frozen=True, kw_only=True, tag="named"):
    """Summaries along the last axis of a tensor with names, such as probabilities.

    Args:
        parts: by name, in order; at most 32.
    """

    parts: dict[str, Numeric]


Summary = Numeric | Categorical | Named


class Profile(_Part, frozen=True, kw_only=True):
    """The summary of many rows: what was asked and, where there was one, what was answered.

    Profiles on the edges and categories of one reference form a commutative monoid under
    `merge`, with `empty(reference)` as its unit.

    Args:
        rows: how many there were.
        inputs: by field.
        outputs: by field.
        format: of these bytes.
    """

    rows: int
    inputs: dict[str, Summary]
    outputs: dict[str, Summary] = {}
    format: int = FORMAT
