"""Whether what a payload says are trees: the libraries believe it, and crash where it is not so."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


def check_nodes(left: Numbers, right: Numbers, feature: Numbers, features: int) -> None:
    """Check that there is one way from the root, node 0, to each node, and columns are there.

    Args:
        left: child of each node, (nodes,); -1 for a leaf.
        right: as `left`, but of a leaf it does not matter.
        feature: column that each node looks at, (nodes,); of a leaf it does not matter.
        features: number of columns.

    Raises:
        ValueError: it is no tree.

    Example:
        >>> check_nodes(*(np.array(part) for part in ([1, -1, -1], [2, -1, -1], [0, 0, 0])), 1)
        >>> check_nodes(*(np.array(part) for part in ([1, -1, -1], [1, -1, -1], [0, 0, 0])), 1)
        Traceback (most recent call last):
        ...
        ValueError: a node of a tree is the child of two, or not there
    """
    if not len(left) == len(right) == len(feature) > 0:
        raise ValueError("a tree whose parts are of several lengths")
    inner = left != -1
    children = np.concatenate([left[inner], right[inner]])
    outside = bool(((children < 1) | (children >= len(left))).any())
    if outside or len(np.unique(children)) < len(children):
        raise ValueError("a node of a tree is the child of two, or not there")
    if bool(((feature[inner] < 0) | (feature[inner] >= features)).any()):
        raise ValueError("a node of a tree looks at a column that is not there")
