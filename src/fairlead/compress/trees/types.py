"""Tree ensembles as arrays, and where in a graph they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Several trees whose leaves are summed, as arrays over the nodes of all of them.

    Args:
        roots: the first node of each tree, in the order in which they are summed.
        feature: column that a node looks at.
        threshold: left if value <= threshold; in the precision of the comparison.
        left: node on the left; -1 for a leaf.
        right: node on the right; -1 for a leaf.
        missing_left: whether a missing value goes left.
        value: of a leaf, (nodes, width); in the precision of the sum.
    """

    roots: Array
    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    value: Array

    @property
    def width(self) -> int:
        """Numbers that a row is answered with."""
        return int(self.value.shape[1])

    @property
    def is_leaf(self) -> Array:
        """Of each node."""
        return self.left < 0


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """Trees in a graph.

    Args:
        nodes: of the graph, that compute them; each by its first output.
        x: the tensor that they look at, (rows, columns).
        sums: the tensor that they give, (rows, width).
        trees: themselves.
        compared: type of `x`, if that is known.
        summed: type of `sums`.
        bound: what the sums of each row must add up to, none below 0; 0 if they need not.
        tail: nodes that must follow where the operator did more than sum.
        constants: that the tail reads.
    """

    nodes: tuple[str, ...]
    x: str
    sums: str
    trees: Trees
    compared: np.dtype[Any] | None
    summed: np.dtype[Any]
    bound: float = 0.0
    tail: tuple[onnx.NodeProto, ...] = field(default=())
    constants: tuple[onnx.TensorProto, ...] = field(default=())


def constant_trees(values: Array, dtype: Any) -> Trees:
    """One tree of one leaf for each row of `values`, (trees, width), that compares `dtype`."""
    count = len(values)
    none = np.full(count, -1, np.int64)
    zero = np.zeros(count, np.int64)
    return Trees(np.arange(count), zero, zero.astype(dtype), none, none, zero.astype(bool), values)


def joined(first: Trees, second: Trees) -> Trees:
    """The trees of both, in that order."""
    shift = len(first.left)

    def moved(places: Array) -> Array:
        return np.where(places < 0, -1, places + shift)

    return Trees(
        np.concatenate([first.roots, second.roots + shift]),
        np.concatenate([first.feature, second.feature]),
        np.concatenate([first.threshold, second.threshold]),
        np.concatenate([first.left, moved(second.left)]),
        np.concatenate([first.right, moved(second.right)]),
        np.concatenate([first.missing_left, second.missing_left]),
        np.concatenate([first.value, second.value]),
    )
