"""Log buckets: counted by the top bits of doubles, added up, and read back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fairlead.profiles.narrow import narrow, widen
from fairlead.profiles.types import NO_BUCKETS, LogBuckets
from fairlead.signature import Numbers

BUCKETS_MAX = 320
FRACTION_BITS = 5
"""Of a double's fraction, in a key: 2^5 buckets an octave."""

_SHIFT = np.uint64(52 - FRACTION_BITS)
_SIGN, _MAGNITUDE = np.uint64(63), np.uint64(2**63 - 1)
_ONE = np.uint64(1)
Keys = npt.NDArray[np.int64]


def count_logs(values: Numbers) -> LogBuckets:
    """The buckets of finite values, none of them zero."""
    if not values.size:
        return NO_BUCKETS
    bits = values.view(np.uint64)
    keys = ((bits & _MAGNITUDE) >> _SHIFT) << _ONE
    keys |= bits >> _SIGN
    signed = keys.view(np.int64)
    least = signed.min()
    return _pack(int(least), np.bincount(signed - least), 0)


def merge_logs(a: LogBuckets, b: LogBuckets) -> LogBuckets:
    """The buckets of the values of both."""
    if not a.steps or not b.steps:
        return a if a.steps else b
    (a_keys, a_counts), (b_keys, b_counts) = unpack(a), unpack(b)
    least = min(int(a_keys[0]), int(b_keys[0]))
    dense = np.zeros(max(int(a_keys[-1]), int(b_keys[-1])) - least + 1, dtype=np.int64)
    dense[a_keys - least] = a_counts
    dense[b_keys - least] += b_counts
    return _pack(least, dense, a.below + b.below)


def unpack(logs: LogBuckets) -> tuple[Keys, Keys]:
    """Keys and counts of occupied buckets, by magnitude."""
    keys = np.frombuffer(logs.steps, "<i4").cumsum(dtype=np.int64)
    return keys, widen(logs.counts, len(keys))


def bounds(keys: Keys) -> tuple[Numbers, Numbers]:
    """Where buckets begin and end, the lower value first.

    Example:
        >>> low, high = bounds(unpack(count_logs(np.array([100.0])))[0])
        >>> low.tolist(), high.tolist()
        ([100.0], [102.0])
    """
    magnitudes = (keys >> 1).astype(np.uint64)
    inner = (magnitudes << _SHIFT).view(np.float64)
    outer = ((magnitudes + _ONE) << _SHIFT).view(np.float64)
    outer = np.minimum(outer, np.finfo(np.float64).max)
    negative = (keys & 1).astype(bool)
    return np.where(negative, -outer, inner), np.where(negative, -inner, outer)


def _pack(least: int, dense: Keys, below: int) -> LogBuckets:
    """Of counts by key, from the key `least` on, the buckets of the largest magnitudes."""
    occupied = np.flatnonzero(dense)
    counts = dense[occupied]
    if len(occupied) > BUCKETS_MAX:
        below += int(counts[:-BUCKETS_MAX].sum())
        occupied, counts = occupied[-BUCKETS_MAX:], counts[-BUCKETS_MAX:]
    steps = occupied.copy()
    steps[0] += least
    steps[1:] -= occupied[:-1]
    return LogBuckets(
        steps=steps.astype("<i4").tobytes(),
        counts=narrow(counts),
        below=below,
    )
