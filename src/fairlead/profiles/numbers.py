"""One number per row: edges frozen from a reference, and counts on them."""

from __future__ import annotations

import sys
from functools import reduce
from itertools import pairwise
from operator import add

import msgspec
import numpy as np

from fairlead.profiles.distinct import merge_sketches, sketch_numbers
from fairlead.profiles.logs import count_logs, merge_logs
from fairlead.profiles.types import Numeric
from fairlead.signature import Numbers

BINS = 32
BLOCK_ROWS = 2**16
"""Counted at once: their temporaries stay in the processor's cache."""

FEW = 1024
"""Up to as many values, a search per value is faster than a comparison of all per edge."""


def freeze_numbers(values: Numbers, edges: tuple[float, ...] | None = None) -> Numeric:
    """The summary of no rows, on edges frozen from some.

    The edges are quantiles of the values; where there are at most 32 distinct ones, each of them
    gets a bin of its own.

    Args:
        values: shape (rows,).
        edges: those to be taken instead.
    """
    if edges is None:
        edges = _edges(values[np.isfinite(values)])
    return Numeric(edges=edges, counts=(0,) * (len(edges) + 1))


def count_numbers(frame: Numeric, values: Numbers) -> Numeric:
    """The summary of some values on the edges of a frame.

    Args:
        frame: of no rows.
        values: shape (rows,); NaN where one is missing.
    """
    starts = range(0, len(values), BLOCK_ROWS)
    blocks = (_count_block(frame, values[start : start + BLOCK_ROWS]) for start in starts)
    return reduce(merge_numbers, blocks, frame)


def merge_numbers(a: Numeric, b: Numeric) -> Numeric:
    """The summary of the values of both, which are on the same edges.

    Moments by Chan, Golub and LeVeque (1979), "Updating formulae and a pairwise algorithm for
    computing sample variances".
    """
    count = a.count + b.count
    mean, m2 = _moments(a, b, count)
    return Numeric(
        edges=a.edges,
        counts=tuple(map(add, a.counts, b.counts)),
        count=count,
        missing=a.missing + b.missing,
        mean=mean,
        m2=m2,
        low=b.low if a.low is None else a.low if b.low is None else min(a.low, b.low),
        high=b.high if a.high is None else a.high if b.high is None else max(a.high, b.high),
        negative=a.negative + b.negative,
        zero=a.zero + b.zero,
        logs=merge_logs(a.logs, b.logs),
        distinct=merge_sketches(a.distinct, b.distinct),
    )


def _moments(a: Numeric, b: Numeric, count: int) -> tuple[float, float]:
    if not a.count or not b.count:
        return (b.mean, b.m2) if b.count else (a.mean, a.m2)
    mean = a.mean * (a.count / count) + b.mean * (b.count / count)
    apart = b.mean - a.mean
    m2 = a.m2 + b.m2 + apart * apart * (a.count * b.count / count)
    return mean, min(m2, sys.float_info.max)


def _edges(values: Numbers) -> tuple[float, ...]:
    if not values.size:
        return ()
    rising = np.sort(values)
    distinct = rising[np.append(True, rising[1:] != rising[:-1])]
    if len(distinct) <= BINS:
        between = distinct[:-1] / 2 + distinct[1:] / 2
        return tuple(np.concatenate([distinct[:1], between, distinct[-1:]]).tolist())
    # Quantiles that are values of the data: no interpolation that could overflow.
    places = (np.linspace(0, 1, BINS + 1) * (len(rising) - 1)).astype(np.intp)
    return tuple(np.unique(rising[places]).tolist())


def _count_block(frame: Numeric, values: Numbers) -> Numeric:
    finite = np.ascontiguousarray(values[np.isfinite(values)])
    missing = len(values) - len(finite)
    if not finite.size:
        return msgspec.structs.replace(frame, missing=missing)
    mean, m2 = _mean_and_m2(finite)
    zero = len(finite) - int(np.count_nonzero(finite))
    return Numeric(
        edges=frame.edges,
        counts=_bins(frame.edges, finite),
        count=len(finite),
        missing=missing,
        mean=mean,
        m2=m2,
        low=float(finite.min()) + 0.0,
        high=float(finite.max()) + 0.0,
        negative=int(np.count_nonzero(finite < 0)),
        zero=zero,
        logs=count_logs(finite[finite != 0] if zero else finite),
        distinct=sketch_numbers(finite),
    )


def _mean_and_m2(values: Numbers) -> tuple[float, float]:
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(values.sum() / len(values))
        if not np.isfinite(mean):
            mean = float((values / len(values)).sum())
        apart = values - mean
        return mean, min(float(np.einsum("i,i", apart, apart)), sys.float_info.max)


def _bins(edges: tuple[float, ...], values: Numbers) -> tuple[int, ...]:
    if not edges:
        return (len(values),)
    if len(values) <= FEW:
        places = np.searchsorted(np.array(edges), values, side="right")
        places[values == edges[-1]] = len(edges) - 1
        return tuple(np.bincount(places, minlength=len(edges) + 1).tolist())
    # A pass over all values for each edge is some four times faster than searching edges.
    from_on = [int(np.count_nonzero(values >= edge)) for edge in edges[:-1]]
    from_on = [len(values), *from_on, int(np.count_nonzero(values > edges[-1])), 0]
    return tuple(more - less for more, less in pairwise(from_on))
