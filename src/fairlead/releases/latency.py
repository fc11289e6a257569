"""Times to an answer as counts by bucket, each 2 % wider than the one before."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

LEAST_US = 5_000
"""What is faster is fast enough: twice as long as nothing is no harm."""

WIDER = 1.02
BUCKETS = 475
"""Up to a minute; what takes longer is in the last one."""

APART_US = 50_000
"""Requests of one batch, and of one burst, take as long as each other: one of them counts."""

EDGES_US: npt.NDArray[np.float64] = LEAST_US * np.power(
    WIDER, np.arange(BUCKETS + 1, dtype=np.float64)
)

Counts = dict[int, int]


def bucket_of(us: pl.Expr) -> pl.Expr:
    """The bucket of each time in microseconds."""
    return ((us.clip(LEAST_US) / LEAST_US).log() / log(WIDER)).floor().clip(0, BUCKETS - 1)


def add(one: Mapping[int, int], other: Mapping[int, int]) -> Counts:
    """The counts of both.

    Example:
        >>> add({0: 1, 3: 1}, {3: 2})
        {0: 1, 3: 3}
    """
    places = sorted({*one, *other})
    return {place: one.get(place, 0) + other.get(place, 0) for place in places}


def histogram(counts: Mapping[int, int]) -> npt.NDArray[np.float64]:
    """Counts of all buckets, shape (475,)."""
    found = np.zeros(BUCKETS)
    for place, count in counts.items():
        found[place] = count
    return found
