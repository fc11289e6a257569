"""Leaves refitted by ridge regression, so that fewer of them sum up to what all did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fairlead.compress.trees.types import Array, Trees
from fairlead.compress.trees.walk import sums_of, tree_of

TURNS = 60
STRENGTH = 1.0


def refit(trees: Trees, reached: Array, wanted: Array) -> Trees:
    """The trees with leaves that minimise ||Zv - y||^2 + s ||v - v0||^2.

    Z says which leaves each row reaches, y what is wanted, v0 the leaves as they are, all
    multiplied by the number that fits best. A tree that holds no number for a target gets none.

    Args:
        trees: themselves.
        reached: the leaf of each row in each tree, (rows, trees).
        wanted: sums, (rows, width).
    """
    owner = tree_of(trees)
    holds = np.zeros((len(trees.roots), trees.width), bool)
    np.logical_or.at(holds, owner[owner >= 0], trees.value[owner >= 0] != 0)
    free = (holds[owner] & trees.is_leaf[:, None]).astype(np.float64)
    start = trees.value.astype(np.float64)
    sums = sums_of(start, reached)
    power = float((sums**2).sum())
    start *= float((sums * wanted).sum()) / power if power else 1.0
    step = _solve(free, reached, wanted - sums_of(start, reached))
    return replace(trees, value=(start + step).astype(trees.value.dtype))


def _solve(free: Array, reached: Array, rest: Array) -> Array:
    """Conjugate gradients, each target by itself, from zero."""

    def gather(of_rows: Array) -> Array:
        found = np.zeros_like(free)
        for place in range(free.shape[1]):
            weights = np.repeat(of_rows[:, place], reached.shape[1])
            found[:, place] = np.bincount(reached.ravel(), weights, len(free))
        return found * free

    solution = np.zeros_like(free)
    residual = gather(rest)
    way, size = residual.copy(), (residual**2).sum(axis=0)
    floor = 1e-12 * size + 1e-30
    for _ in range(TURNS):
        if np.all(size <= floor):
            break
        bent = gather(sums_of(way, reached)) + STRENGTH * way
        along = (way * bent).sum(axis=0)
        length = np.where(along > 0, size / np.where(along > 0, along, 1.0), 0.0)
        solution += length * way
        residual -= length * bent
        was, size = size, (residual**2).sum(axis=0)
        way = residual + np.where(was > 0, size / np.where(was > 0, was, 1.0), 0.0) * way
    return solution
