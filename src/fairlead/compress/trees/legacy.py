"""Reading the older operators of trees, whose nodes are numbered within each tree."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairlead.compress.trees.types import Array, Trees, constant_trees, joined
from fairlead.errors import ExportError

MODES = {b"BRANCH_LEQ": 0, b"BRANCH_LT": 1, b"BRANCH_GTE": 2, b"BRANCH_GT": 3, b"LEAF": -1}


def read_legacy(given: dict[str, Any], stem: str, called: str) -> Trees:
    """The trees of a `TreeEnsembleRegressor` or, without its transform, `-Classifier`.

    Args:
        given: its attributes.
        stem: of the names of the leaves' attributes: `target` or `class`.
        called: how messages name it.

    Raises:
        ExportError: it does more than compare numbers and sum.
    """
    unknown = {mode for mode in given["nodes_modes"] if mode not in MODES}
    if unknown:
        raise ExportError(f"{called} asks for equality, as of categories.")
    if given.get("aggregate_function", b"SUM") not in (b"SUM", b"AVERAGE"):
        raise ExportError(f"{called} takes the least or greatest leaf and not the sum.")
    if stem == "target" and given.get("post_transform", b"NONE") != b"NONE":
        raise ExportError(f"{called} transforms its sums itself.")
    places = _Places(given["nodes_treeids"], given["nodes_nodeids"])
    modes = np.array([MODES[mode] for mode in given["nodes_modes"]])
    values = _leaves(given, stem, places)
    trees = _nodes(given, modes, places, values)
    if given.get("aggregate_function") == b"AVERAGE":
        values /= len(trees.roots)
    base = given.get("base_values")
    if base is None:
        base = given.get("base_values_as_tensor", np.zeros(0))
    if not np.any(base):
        return trees
    first = np.zeros((1, trees.width), values.dtype)
    first[0, : len(base)] = base
    return joined(constant_trees(first, trees.threshold.dtype), trees)


class _Places:
    """From a tree's number and a node's number within it to the node's place among all."""

    def __init__(self, tree_ids: list[int], node_ids: list[int]) -> None:
        self.trees = np.array(tree_ids, np.int64)
        self._by_id = {key: at for at, key in enumerate(zip(tree_ids, node_ids, strict=True))}

    def of(self, tree_ids: Any, node_ids: Any) -> Array:
        pairs = zip(tree_ids, node_ids, strict=True)
        return np.array([self._by_id[pair] for pair in pairs], np.int64)


def _nodes(given: dict[str, Any], modes: Array, places: _Places, values: Array) -> Trees:
    inner = np.flatnonzero(modes >= 0)
    left, right = np.full(len(modes), -1), np.full(len(modes), -1)
    trees = places.trees[inner].tolist()
    left[inner] = places.of(trees, np.array(given["nodes_truenodeids"])[inner].tolist())
    right[inner] = places.of(trees, np.array(given["nodes_falsenodeids"])[inner].tolist())
    tracks = np.array(given.get("nodes_missing_value_tracks_true") or [0] * len(modes), bool)
    splits = _numbers(given, "nodes_values")
    strict, swapped = np.isin(modes, (1, 2)), np.isin(modes, (2, 3))
    below = np.nextafter(splits, np.array(-np.inf, splits.dtype))
    children = np.concatenate([left[inner], right[inner]])
    return Trees(
        np.setdiff1d(np.arange(len(modes)), children),
        np.where(modes >= 0, given["nodes_featureids"], 0).astype(np.int64),
        np.where(strict, below, splits),
        np.where(swapped, right, left),
        np.where(swapped, left, right),
        (tracks ^ swapped) & (modes >= 0),
        values,
    )


def _leaves(given: dict[str, Any], stem: str, places: _Places) -> Array:
    weights = _numbers(given, f"{stem}_weights")
    targets = np.array(given[f"{stem}_ids"], np.int64)
    width = int(given.get("n_targets", targets.max(initial=0) + 1))
    values = np.zeros((len(places.trees), width), weights.dtype)
    at = places.of(given[f"{stem}_treeids"], given[f"{stem}_nodeids"])
    np.add.at(values, (at, targets), weights)
    return values


def _numbers(given: dict[str, Any], name: str) -> Array:
    """Single precision as a list, or doubles as a tensor."""
    tensor = given.get(f"{name}_as_tensor")
    return np.array(given[name], np.float32) if tensor is None else np.asarray(tensor)
