"""Leaving out of trees what decides nothing: their answers stay the same for every row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fairlead.compress.trees.types import Array, Trees, constant_trees, joined
from fairlead.compress.trees.walk import levels

Seen = dict[int, tuple[float, float, bool]]
"""What is known of the columns on the way to a node: above, at most, may it be missing."""


def merge(trees: Trees) -> Trees:
    """The same answers with fewer nodes.

    Splits that the ones above have decided already, splits whose two leaves are equal, and trees
    of one leaf but the first are gone.
    """
    trees = _without_equal(_without_decided(trees))
    return compact(_constants_together(trees))


def compact(trees: Trees) -> Trees:
    """The trees without nodes that no root leads to."""
    kept = np.zeros(len(trees.left), bool)
    for nodes, _ in levels(trees):
        kept[nodes] = True
    place = np.cumsum(kept) - 1

    def moved(nodes: Array) -> Array:
        return np.where(nodes < 0, -1, place[nodes])

    return Trees(
        place[trees.roots], trees.feature[kept], trees.threshold[kept], moved(trees.left[kept]),
        moved(trees.right[kept]), trees.missing_left[kept], trees.value[kept],
    )  # fmt: skip


def _without_equal(trees: Trees) -> Trees:
    left, right, value = trees.left.copy(), trees.right.copy(), trees.value.copy()
    for nodes, _ in reversed(levels(trees)):
        inner = nodes[left[nodes] >= 0]
        both = inner[(left[left[inner]] < 0) & (left[right[inner]] < 0)]
        equal = both[(value[left[both]] == value[right[both]]).all(axis=1)]
        value[equal] = value[left[equal]]
        left[equal] = right[equal] = -1
    return replace(trees, left=left, right=right, value=value)


def _without_decided(trees: Trees) -> Trees:
    left, right, roots = trees.left.copy(), trees.right.copy(), trees.roots.copy()
    for place, root in enumerate(trees.roots.tolist()):
        waiting: list[tuple[int, Seen, int, Array]] = [(root, {}, place, roots)]
        while waiting:
            node, seen, slot, owner = waiting.pop()
            while left[node] >= 0:
                side = _decided(trees, node, seen)
                if side == 0:
                    break
                node = int(left[node] if side < 0 else right[node])
            owner[slot] = node
            if left[node] >= 0:
                below, above = _seen_on(trees, node, seen)
                waiting.append((int(left[node]), below, node, left))
                waiting.append((int(right[node]), above, node, right))
    return replace(trees, left=left, right=right, roots=roots)


def _decided(trees: Trees, node: int, seen: Seen) -> int:
    """-1 if all that reach a node go left, 1 if they go right, else 0."""
    low, high, missing = seen.get(int(trees.feature[node]), (-np.inf, np.inf, True))
    limit, missing_left = float(trees.threshold[node]), bool(trees.missing_left[node])
    if high <= limit and (missing_left or not missing) and low < high:
        return -1
    if low >= limit and not (missing_left and missing):
        return 1
    return 0


def _seen_on(trees: Trees, node: int, seen: Seen) -> tuple[Seen, Seen]:
    """What is known on the left and on the right of a node."""
    feature, limit = int(trees.feature[node]), float(trees.threshold[node])
    low, high, missing = seen.get(feature, (-np.inf, np.inf, True))
    missing_left = bool(trees.missing_left[node])
    below = (low, min(high, limit), missing and missing_left)
    above = (max(low, limit), high, missing and not missing_left)
    return {**seen, feature: below}, {**seen, feature: above}


def _constants_together(trees: Trees) -> Trees:
    lone = trees.is_leaf[trees.roots]
    if int(lone.sum()) < 2:
        return trees
    total = trees.value[trees.roots[lone]].sum(axis=0, keepdims=True)
    if lone.all() or total.any():
        first = constant_trees(total.astype(trees.value.dtype), trees.threshold.dtype)
        return joined(first, replace(trees, roots=trees.roots[~lone]))
    return replace(trees, roots=trees.roots[~lone])
