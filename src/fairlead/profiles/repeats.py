"""How often rows repeat each other: the counts of some of them, chosen by their digests.

A digest among the least 256 of two parts together is among the least 384 of each part that has it,
so that counts add up exactly, however rows were parted. Cohen and Kaplan (2007), "Summarizing data
using bottom-k sketches". A single row that came very often is mostly not among them: it shows in
the loads of 128 buckets, into which all rows are counted.
"""

from __future__ import annotations

from functools import reduce

import numpy as np
import numpy.typing as npt

from fairlead.profiles.digests import BLOCK_ROWS, Words
from fairlead.profiles.narrow import narrow, widen
from fairlead.profiles.types import NO_REPEATS, Repeats

DIGESTS_MAX = 256
BUCKETS = 128

Counts = npt.NDArray[np.int64]

_LAST = np.uint64(BUCKETS - 1)


def sketch_rows(digests: Words) -> Repeats:
    """The sketch of some rows.

    Args:
        digests: of each row, see `digest_rows`.
    """
    starts = range(0, len(digests), BLOCK_ROWS)
    blocks = (_sketch_block(digests[start : start + BLOCK_ROWS]) for start in starts)
    return reduce(merge_repeats, blocks, NO_REPEATS)


def merge_repeats(a: Repeats, b: Repeats) -> Repeats:
    """The sketch of the rows of both."""
    if not a.known or not b.known:
        return a if a.known else b
    (a_digests, a_counts), (b_digests, b_counts) = unpack_repeats(a), unpack_repeats(b)
    both, places = np.unique(np.concatenate([a_digests, b_digests]), return_inverse=True)
    counts = np.zeros(len(both), dtype=np.int64)
    np.add.at(counts, places, np.concatenate([a_counts, b_counts]))
    if not a.loads and not b.loads and len(both) <= DIGESTS_MAX:
        return _pack(both, counts, None)
    return _pack(both, counts, loads_of(a) + loads_of(b))


def unpack_repeats(repeats: Repeats) -> tuple[Words, Counts]:
    """Digests, rising, and how many rows have each."""
    counts = widen(repeats.counts, repeats.known)
    steps = widen(repeats.steps, repeats.known)
    return steps.cumsum().astype(np.uint64), counts


def loads_of(repeats: Repeats) -> Counts:
    """How many rows are in each bucket."""
    if repeats.loads:
        return widen(repeats.loads, BUCKETS)
    digests, counts = unpack_repeats(repeats)
    loads = np.zeros(BUCKETS, dtype=np.int64)
    np.add.at(loads, buckets_of(digests), counts)
    return loads


def buckets_of(digests: Words) -> npt.NDArray[np.intp]:
    """Which bucket each row is in."""
    return (digests & _LAST).astype(np.intp)


def _sketch_block(digests: Words) -> Repeats:
    least = digests
    if len(digests) > DIGESTS_MAX:  # mostly rows are different
        least = digests[digests <= np.partition(digests, DIGESTS_MAX)[DIGESTS_MAX]]
    found, counts = np.unique(least, return_counts=True)
    if len(found) < DIGESTS_MAX and len(least) < len(digests):
        least = digests
        found, counts = np.unique(least, return_counts=True)
    if len(found) <= DIGESTS_MAX and len(least) == len(digests):
        return _pack(found, counts, None)
    return _pack(found, counts, np.bincount(buckets_of(digests), minlength=BUCKETS))


def _pack(digests: Words, counts: Counts, loads: Counts | None) -> Repeats:
    kept = digests[:DIGESTS_MAX].astype(np.int64)
    return Repeats(
        known=len(kept),
        steps=narrow(np.diff(kept, prepend=0)),
        counts=narrow(counts[:DIGESTS_MAX]),
        loads=b"" if loads is None else narrow(loads),
    )
