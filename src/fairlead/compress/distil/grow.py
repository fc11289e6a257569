"""Teaching small trees what a teacher answered."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from fairlead.compress.distil.goal import Goal, own_numbers
from fairlead.compress.distil.types import TreesRecipe
from fairlead.compress.graph import Array
from fairlead.compress.trees.merge import merge
from fairlead.compress.trees.types import Trees, joined
from fairlead.packaging.export.trees import Tree, read_histogram_tree

RATE = 0.3
ROWS_MIN = 5
"""Of a leaf."""


def grow_trees(x: Array, goal: Goal, recipe: TreesRecipe, *, seed: int) -> Trees:
    """Trees whose sums are what makes the goal's numbers, in single precision.

    Each of the numbers gets boosted trees of its own, which share no leaf with those of another
    (Friedman, 2001): the squared error is that of logarithms where probabilities are wanted.

    Args:
        x: (rows, columns), NaN where a number is missing.
        goal: what is wanted.
        recipe: how many trees, and of what size.
        seed: for whatever is drawn.
    """
    from threadpoolctl import threadpool_limits

    most = np.finfo(np.float32).max
    x = np.clip(np.asarray(x, np.float32), -most, most)
    x[:, np.isnan(x).all(axis=0)] = 0.0  # nothing is learnt of a column that is always missing
    parts: list[Trees] = []
    with threadpool_limits(1):  # sums in the same order every time
        for place, wanted in enumerate(own_numbers(goal).T):
            model = _fitted(x, wanted, recipe, seed)
            more = model._baseline_prediction.item() * goal.spread[place] + goal.middle[place]
            for (grown,) in model._predictors:
                tree = read_histogram_tree(grown)
                value = np.zeros((len(tree.left), len(goal.spread)), np.float32)
                value[:, place] = tree.value * goal.spread[place] + more
                parts.append(_single(tree, value))
                more = 0.0  # what all rows get is in the leaves of the first tree
    return merge(reduce(joined, parts))


def _fitted(x: Array, wanted: Array, recipe: TreesRecipe, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(
        learning_rate=RATE, max_iter=recipe.trees, max_leaf_nodes=recipe.leaves,
        min_samples_leaf=ROWS_MIN, early_stopping=False, random_state=seed,
    )  # fmt: skip
    return model.fit(x, wanted)


def _single(tree: Tree, value: Array) -> Trees:
    """A tree that compares single precision as it did doubles: thresholds are rounded down."""
    near = tree.threshold.astype(np.float32)
    below = np.nextafter(near, np.float32(-np.inf))
    threshold = np.where(near > tree.threshold, below, near)
    right = np.where(tree.left < 0, -1, tree.right)
    root = np.zeros(1, np.int64)
    return Trees(root, tree.feature, threshold, tree.left, right, tree.missing_left, value)
