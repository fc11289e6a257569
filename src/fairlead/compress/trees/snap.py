"""Fewer different numbers in trees: thresholds and leaves that stand for others near them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fairlead.compress.trees.types import Array, Trees

TURNS = 12


def snap_leaves(trees: Trees, counts: Array, levels: int) -> Trees:
    """Leaves of at most so many different values.

    Args:
        trees: themselves.
        counts: rows that reach each node, (nodes,).
        levels: how many different values.
    """
    ends = np.flatnonzero(trees.is_leaf)
    different, place = np.unique(trees.value[ends], axis=0, return_inverse=True)
    if len(different) <= levels:
        return trees
    weights = np.bincount(place, counts[ends] + 1.0)
    value = trees.value.copy()
    value[ends] = _nearest(different, weights, levels)[place]
    return replace(trees, value=value)


def snap_limits(trees: Trees, counts: Array, x: Array, limits: int) -> Trees:
    """Thresholds of at most so many different values in each column.

    They are compared by the share of the rows below them; of those near to each other, the one
    that most rows are asked stands for all.

    Args:
        trees: themselves.
        counts: rows that reach each node, (nodes,).
        x: the rows that the trees look at, (rows, columns).
        limits: how many different values.
    """
    inner = np.flatnonzero(~trees.is_leaf)
    threshold = trees.threshold.copy()
    for feature in np.unique(trees.feature[inner]).tolist():
        nodes = inner[trees.feature[inner] == feature]
        different, place = np.unique(threshold[nodes], return_inverse=True)
        if len(different) <= limits:
            continue
        known = np.sort(x[:, feature][~np.isnan(x[:, feature])])
        below = np.searchsorted(known, different, side="right") / max(len(known), 1)
        weights = np.bincount(place, counts[nodes] + 1.0)
        group = _groups(below[:, None], weights, limits)[1]
        heaviest = np.lexsort((weights, group))
        stands = np.empty(len(different), np.int64)
        stands[group[heaviest]] = heaviest  # the last one written of each group is its heaviest
        threshold[nodes] = different[stands[group]][place]
    return replace(trees, threshold=threshold)


def _nearest(values: Array, weights: Array, count: int) -> Array:
    """Each value's group's mean."""
    centres, group = _groups(values.astype(np.float64), weights, count)
    return centres[group].astype(values.dtype)


def _groups(values: Array, weights: Array, count: int) -> tuple[Array, Array]:
    """Lloyd's groups: their means, and the group of each value, (rows, width)."""
    share = np.cumsum(weights) / weights.sum()
    places = np.searchsorted(share, (np.arange(count) + 0.5) / count)
    centres = values[np.unique(places.clip(0, len(values) - 1))]
    group = np.zeros(len(values), np.int64)
    for _ in range(TURNS):
        group = _closest(values, centres)
        total = np.bincount(group, weights, len(centres))
        means = np.stack(
            [np.bincount(group, weights * column, len(centres)) for column in values.T], axis=1
        )
        centres = np.where(total[:, None] > 0, means / np.maximum(total, 1e-300)[:, None], centres)
    return centres, _closest(values, centres)


def _closest(values: Array, centres: Array) -> Array:
    """The place of the centre that is nearest to each value."""
    if values.shape[1] == 1:
        order = np.argsort(centres[:, 0], kind="stable")
        ordered = centres[order, 0]
        found = np.searchsorted((ordered[1:] + ordered[:-1]) / 2, values[:, 0])
        return order[found]
    parts = np.array_split(values, max(1, len(values) // 4096))
    norms = (centres**2).sum(axis=1)
    return np.concatenate([(norms - 2 * part @ centres.T).argmin(axis=1) for part in parts])
