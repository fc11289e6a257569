"""Quantiles to be shown, of values on edges and in log buckets."""

from __future__ import annotations

import numpy as np

from fairlead.profiles.logs import bounds, unpack
from fairlead.profiles.types import Numeric
from fairlead.signature import Numbers

Steps = tuple[Numbers, Numbers, Numbers]
"""Of adjoining bins in order: the lower bounds, the upper bounds, and how many values they hold."""


def quantile(numeric: Numeric, share: float) -> float | None:
    """The value below which a share of the values lies, about.

    The bins on the reference's edges and the log buckets each say between which bounds it lies;
    it is taken from where both agree. So it is right within a bin of the reference where the
    values are like it, and within 3 % where they are not.

    Args:
        numeric: the summary.
        share: from 0 to 1.

    Returns:
        The quantile, or None if there are no values.

    Example:
        >>> from fairlead.profiles.numbers import count_numbers, freeze_numbers
        >>> values = np.arange(1000.0)
        >>> round(quantile(count_numbers(freeze_numbers(values), values), 0.9))
        900
    """
    if not numeric.count or numeric.low is None or numeric.high is None:
        return None
    rank = share * (numeric.count - 1)
    if rank in (0, numeric.count - 1):
        return numeric.high if rank else numeric.low
    found = [_locate(steps, rank) for steps in (_bins(numeric), _buckets(numeric))]
    low = max(numeric.low, *(low for low, _, _ in found))
    high = min(numeric.high, *(high for _, high, _ in found))
    guess = min(found, key=lambda one: one[1] - one[0])[2]
    return min(max(guess, low), high)


def _locate(steps: Steps, rank: float) -> tuple[float, float, float]:
    """The bin that holds the value of a rank: its bounds, and the value if they lie evenly."""
    lows, highs, counts = steps
    upto = np.cumsum(counts)
    place = int(np.searchsorted(upto, min(int(rank), upto[-1] - 1), side="right"))
    low, high, count = float(lows[place]), float(highs[place]), float(counts[place])
    within = (rank - float(upto[place] - count) + 0.5) / count
    return low, high, low * (1 - within) + high * within


def _bins(numeric: Numeric) -> Steps:
    assert numeric.low is not None
    assert numeric.high is not None
    edges = np.array(numeric.edges)
    lows = np.concatenate([[numeric.low], edges])
    highs = np.concatenate([edges, [numeric.high]])
    if not len(edges):
        lows, highs = np.array([numeric.low]), np.array([numeric.high])
    lows, highs = np.maximum(lows, numeric.low), np.minimum(highs, numeric.high)
    return lows, highs, np.array(numeric.counts)


def _buckets(numeric: Numeric) -> Steps:
    """Negative buckets, what is nearer to zero than all, and positive buckets."""
    keys, counts = unpack(numeric.logs)
    lows, highs = bounds(keys)
    nearest = float(np.abs([lows, highs]).min(initial=np.finfo(np.float64).max))
    near = nearest if numeric.logs.below else 0.0
    negative = np.flatnonzero(keys & 1)[::-1]
    positive = np.flatnonzero(~keys & 1)
    middle = numeric.zero + numeric.logs.below
    return (
        np.concatenate([lows[negative], [-near], lows[positive]]),
        np.concatenate([highs[negative], [near], highs[positive]]),
        np.concatenate([counts[negative], [middle], counts[positive]]),
    )
