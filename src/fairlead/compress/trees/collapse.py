"""Which splits of trees to give up first: those that change the trees' answers least."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fairlead.compress.trees.merge import compact
from fairlead.compress.trees.types import Array, Trees
from fairlead.compress.trees.walk import levels

HALVINGS = 40
UNREACHED = 1e-3
"""What a leaf counts beside its rows, so that one that no row reached has a say."""


def collapse(trees: Trees, counts: Array, leaves: int) -> Trees:
    """The trees with no more than so many leaves, at the least squared error over the rows.

    A split that is given up becomes a leaf with the mean of those below it. For a price of each
    leaf, the best cut of every tree is found from its leaves upwards (Breiman et al., 1984); the
    price is then halved into the one that leaves so many.

    Args:
        trees: themselves.
        counts: rows that reach each node, (nodes,).
        leaves: that may stay, of all trees together; no tree loses its last.
    """
    down = [nodes for nodes, _ in levels(trees)]
    mean, error = _means(trees, counts, down)
    cut = np.zeros(len(trees.left), bool)
    low, high = 0.0, float(error.max(initial=0.0)) + 1.0
    for _ in range(HALVINGS):
        price = (low + high) / 2
        tried = _cut(trees, error, price, down)
        if _leaves_left(trees, tried) > leaves:
            low = price
        else:
            high, cut = price, tried
    if not cut.any():
        cut = _cut(trees, error, high, down)
    values = np.where(cut[:, None], mean, trees.value).astype(trees.value.dtype)
    left, right = (np.where(cut, -1, side) for side in (trees.left, trees.right))
    return compact(replace(trees, left=left, right=right, value=values))


def _means(trees: Trees, counts: Array, down: list[Array]) -> tuple[Array, Array]:
    """Of each node: the mean of the leaves below it, and their squared error from it."""
    ends = trees.is_leaf
    weight = np.where(ends, counts + UNREACHED, 0.0)
    value = np.where(ends[:, None], trees.value, 0.0).astype(np.float64)
    total, squares = value * weight[:, None], (value**2).sum(axis=1) * weight
    for nodes in reversed(down):
        inner = nodes[~ends[nodes]]
        left, right = trees.left[inner], trees.right[inner]
        for summed in (weight, total, squares):
            summed[inner] = summed[left] + summed[right]
    mean = total / np.maximum(weight, UNREACHED)[:, None]
    error = np.maximum(squares - (total * mean).sum(axis=1), 0.0)
    return mean, error


def _cut(trees: Trees, error: Array, price: float, down: list[Array]) -> Array:
    """Where each tree is cut, if each leaf that stays has a price."""
    ends = trees.is_leaf
    cost = np.where(ends, price, 0.0)
    cut = np.zeros(len(ends), bool)
    for nodes in reversed(down):
        inner = nodes[~ends[nodes]]
        below = cost[trees.left[inner]] + cost[trees.right[inner]]
        own = error[inner] + price
        cut[inner] = own <= below
        cost[inner] = np.minimum(own, below)
    return cut


def _leaves_left(trees: Trees, cut: Array) -> int:
    left = np.where(cut, -1, trees.left)
    right = np.where(cut, -1, trees.right)
    pruned = replace(trees, left=left, right=right)
    return sum(int(pruned.is_leaf[nodes].sum()) for nodes, _ in levels(pruned))
