"""Where rows end in trees, and what they sum up to."""

from __future__ import annotations

import numpy as np

from fairlead.compress.trees.types import Array, Trees


def leaves_of(trees: Trees, x: Array) -> Array:
    """The leaf that each row reaches in each tree, (rows, trees).

    Args:
        trees: themselves.
        x: (rows, columns).
    """
    x = np.asarray(x).astype(trees.threshold.dtype)
    at = np.repeat(trees.roots[None, :], len(x), axis=0)
    rows, places = np.nonzero(~trees.is_leaf[at])
    while len(rows):
        node = at[rows, places]
        value = x[rows, trees.feature[node]]
        left = (value <= trees.threshold[node]) | (np.isnan(value) & trees.missing_left[node])
        node = np.where(left, trees.left[node], trees.right[node])
        at[rows, places] = node
        going = ~trees.is_leaf[node]
        rows, places = rows[going], places[going]
    return at


def sums_of(values: Array, reached: Array) -> Array:
    """The sum over trees of what the leaves hold, (rows, width).

    Args:
        values: of each node, (nodes, width).
        reached: the leaf of each row in each tree, (rows, trees).
    """
    total = np.zeros((len(reached), values.shape[1]))
    for leaf in reached.T:
        total += values[leaf]
    return total


def tree_of(trees: Trees) -> Array:
    """The place of the tree that each node belongs to; -1 where none does."""
    found = np.full(len(trees.left), -1)
    for nodes, owner in levels(trees):
        found[nodes] = owner
    return found


def levels(trees: Trees) -> list[tuple[Array, Array]]:
    """The nodes of each depth, from the roots down, and the trees that they belong to."""
    nodes, owner = trees.roots, np.arange(len(trees.roots))
    found = []
    while len(nodes):
        found.append((nodes, owner))
        inner = ~trees.is_leaf[nodes]
        nodes, owner = nodes[inner], owner[inner]
        nodes = np.concatenate([trees.left[nodes], trees.right[nodes]])
        owner = np.concatenate([owner, owner])
    return found


def reach(trees: Trees, reached: Array) -> Array:
    """How many rows come by each node, (nodes,), of the leaves that they reach."""
    counts = np.bincount(reached.ravel(), minlength=len(trees.left)).astype(np.float64)
    for nodes, _ in reversed(levels(trees)):
        inner = nodes[~trees.is_leaf[nodes]]
        counts[inner] = counts[trees.left[inner]] + counts[trees.right[inner]]
    return counts
