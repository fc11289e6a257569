"""More rows without labels, between those that there are."""

from __future__ import annotations

import numpy as np

from fairlead.compress.graph import FLOATS, Array
from fairlead.compress.types import Feeds


def mix(feeds: Feeds, times: int, seed: int) -> Feeds:
    """The rows, and as many again `times` over, each of two rows in shares drawn by chance.

    The graph itself says what it answers to them, so that a fit to its answers has more to go by.
    What is not a float is that of the nearer of the two rows.
    Source: Zhang et al.: mixup: Beyond empirical risk minimization, 2018.

    Args:
        feeds: of one or more rows.
        times: 0 or more.
        seed: for what is drawn.

    Example:
        >>> mixed = mix({"x": np.array([[0.0], [1.0]], np.float32)}, 2, seed=0)
        >>> mixed["x"].shape, bool((mixed["x"] <= 1).all())
        ((6, 1), True)
    """
    draw = np.random.default_rng(seed)
    rows = len(next(iter(feeds.values())))
    parts: dict[str, list[Array]] = {name: [values] for name, values in feeds.items()}
    for _ in range(times):
        others, shares = draw.permutation(rows), draw.random(rows)
        for name, values in feeds.items():
            parts[name].append(_between(values, values[others], shares))
    return {name: np.concatenate(part) for name, part in parts.items()}


def _between(ones: Array, others: Array, shares: Array) -> Array:
    shares = shares.reshape(-1, *[1] * (ones.ndim - 1))
    if ones.dtype in FLOATS:
        return np.asarray(shares * ones + (1 - shares) * others, ones.dtype)
    return np.where(shares >= 0.5, ones, others)
