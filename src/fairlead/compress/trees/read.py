"""Reading tree ensembles out of a graph.

Three operators hold them: `TreeEnsemble` of ai.onnx.ml 5, and before it `TreeEnsembleRegressor`
and `TreeEnsembleClassifier`. Leaves of several numbers are written in two ways around the first:
its trees answer a row of a table each, which are looked up and summed; or they count how often
each row of a table was reached, and a product with the table sums them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from fairlead.compress.graph import Draft, Node, attribute, called
from fairlead.compress.trees.classes import read_classifier
from fairlead.compress.trees.legacy import read_legacy
from fairlead.compress.trees.types import Array, Site, Trees
from fairlead.errors import ExportError

LEQ, LT, GTE, GT = 0, 1, 2, 3
AVERAGE, SUM = 0, 1
KINDS = ("TreeEnsemble", "TreeEnsembleRegressor", "TreeEnsembleClassifier")


def find_sites(draft: Draft) -> tuple[Site, ...]:
    """Every tree ensemble of a graph.

    Raises:
        ExportError: there is none, or one is of a form that is not read; names the node.
    """
    found = tuple(_read_site(draft, node) for node in draft.nodes if node.op_type in KINDS)
    if not found:
        raise ExportError("The graph holds no trees.")
    return found


def _read_site(draft: Draft, node: Node) -> Site:
    given = settings(node)
    if node.op_type == "TreeEnsembleClassifier":
        return read_classifier(node, given)
    if node.op_type == "TreeEnsembleRegressor":
        trees = read_legacy(given, "target", called(node))
        single = np.dtype(np.float32)
        return Site((node.output[0],), node.input[0], node.output[0], trees, None, single)
    trees = read_ensemble(given, called(node))
    kind = trees.threshold.dtype
    site = Site((node.output[0],), node.input[0], node.output[0], trees, kind, kind)
    return _counted(draft, site) or _looked_up(draft, site) or _plain(site, given["n_targets"])


def read_ensemble(given: dict[str, Any], called: str) -> Trees:
    """The trees of a `TreeEnsemble`, whose leaves hold two numbers: target and weight.

    Args:
        given: its attributes.
        called: how messages name it.

    Raises:
        ExportError: it does more than compare numbers and sum.
    """
    if given.get("aggregate_function", SUM) not in (AVERAGE, SUM):
        raise ExportError(f"{called} takes the least or greatest leaf and not the sum.")
    if given.get("post_transform", 0):
        raise ExportError(f"{called} transforms its sums itself.")
    modes = given["nodes_modes"]
    if np.any(modes > GT):
        raise ExportError(f"{called} asks for equality or membership, as of categories.")
    nodes = len(modes)
    weights = given["leaf_weights"].astype(np.float64)
    if given.get("aggregate_function", SUM) == AVERAGE:
        weights /= len(given["tree_roots"])
    pairs = np.stack([np.array(given["leaf_targetids"], np.float64), weights], axis=1)
    children, value = _apart(given, nodes, pairs)
    tracks = np.array(given.get("nodes_missing_value_tracks_true") or [0] * nodes, bool)
    threshold, swapped = as_at_most(given["nodes_splits"], modes)
    ends = len(value) - nodes
    return Trees(
        np.array(given["tree_roots"], np.int64),
        np.pad(np.array(given["nodes_featureids"], np.int64), (0, ends)),
        np.pad(threshold, (0, ends)),
        np.pad(np.where(swapped, children[1], children[0]), (0, ends), constant_values=-1),
        np.pad(np.where(swapped, children[0], children[1]), (0, ends), constant_values=-1),
        np.pad(tracks ^ swapped, (0, ends)),
        value,
    )


def _apart(given: dict[str, Any], nodes: int, pairs: Array) -> tuple[Array, Array]:
    """Both children of each node, (2, nodes), and all values: each leaf of one parent alone."""
    children = np.array([given["nodes_truenodeids"], given["nodes_falsenodeids"]], np.int64)
    ends = np.array([given["nodes_trueleafs"], given["nodes_falseleafs"]], bool)
    value = np.concatenate([np.zeros((nodes, 2)), pairs[children[ends]]])
    children[ends] = nodes + np.arange(int(ends.sum()))
    return children, value


def as_at_most(splits: Array, modes: Array) -> tuple[Array, Array]:
    """Any of `<= < >= >` as `<=`: the thresholds, and whether the two sides are swapped.

    Example:
        >>> limits, swapped = as_at_most(np.array([1.0, 1.0]), np.array([0, 3]))
        >>> limits.tolist(), swapped.tolist()
        ([1.0, 1.0], [False, True])
    """
    strict = np.isin(modes, (LT, GTE))
    below = np.nextafter(splits, np.array(-np.inf, splits.dtype))
    return np.where(strict, below, splits), np.isin(modes, (GTE, GT))


def settings(node: Node) -> dict[str, Any]:
    """The attributes of a node as plain values: lists, numbers, bytes, arrays."""
    found: dict[str, Any] = {}
    for each in node.attribute:
        value = helper.get_attribute_value(each)
        tensor = isinstance(value, onnx.TensorProto)
        found[each.name] = np.asarray(numpy_helper.to_array(value)) if tensor else value
    return found


def folded(draft: Draft, tensor: str) -> Array | None:
    """A constant, also one that is stored as Cast or Mul of others."""
    values = draft.constant(tensor)
    node = made_by(draft, tensor)
    if values is not None or node is None or node.op_type not in ("Cast", "Mul"):
        return values
    given = [folded(draft, name) for name in node.input]
    known = [value for value in given if value is not None]
    if len(known) < len(given):
        return None
    if node.op_type == "Mul":
        return np.asarray(known[0] * known[1])
    return known[0].astype(helper.tensor_dtype_to_np_dtype(attribute(node, "to")))


def made_by(draft: Draft, tensor: str) -> Node | None:
    """The node that makes a tensor; None if it is given or constant."""
    return next((node for node in draft.nodes if tensor in node.output), None)


def _next(draft: Draft, tensor: str, op: str) -> Node | None:
    """The one node that reads a tensor, if it is of this kind."""
    readers = draft.readers(tensor)
    if tensor in draft.outputs or len(readers) != 1 or readers[0].op_type != op:
        return None
    return readers[0]


def _plain(site: Site, width: int) -> Site:
    """Sums by target."""
    target, weight = site.trees.value.T
    values = np.zeros((len(target), width), site.summed)
    values[np.arange(len(target)), target.astype(np.int64)] = weight
    return _with_values(site, [], values)


def _looked_up(draft: Draft, site: Site) -> Site | None:
    """Trees, one target each, whose sums are rows of a table: Cast, Gather, CumSum, Gather."""
    chain: list[Node] = []
    tensor = site.sums
    for op in ("Cast", "Gather", "CumSum", "Gather"):
        node = _next(draft, tensor, op)
        if node is None:
            return None
        chain.append(node)
        tensor = node.output[0]
    table, last = folded(draft, chain[1].input[0]), folded(draft, chain[3].input[1])
    if table is None or table.ndim != 2 or last != len(site.trees.roots) - 1:
        return None
    return _with_values(site, chain, table[site.trees.value[:, 1].astype(np.int64)])


def _counted(draft: Draft, site: Site) -> Site | None:
    """Trees that count how often each row of a table is reached: a product with the table."""
    chain: list[Node] = []
    node = _next(draft, site.sums, "Cast")
    if node is not None:
        chain.append(node)
    node = _next(draft, chain[0].output[0] if chain else site.sums, "MatMul")
    table = folded(draft, node.input[1]) if node is not None else None
    weight = site.trees.value[site.trees.is_leaf, 1]
    if node is None or table is None or table.ndim != 2 or not np.all(weight == 1):
        return None
    return _with_values(site, [*chain, node], table[site.trees.value[:, 0].astype(np.int64)])


def _with_values(site: Site, chain: list[Node], values: Array) -> Site:
    shown = np.where(site.trees.is_leaf[:, None], values, 0).astype(values.dtype)
    nodes = (*site.nodes, *(node.output[0] for node in chain))
    sums = chain[-1].output[0] if chain else site.sums
    trees = replace(site.trees, value=shown)
    return replace(site, nodes=nodes, sums=sums, trees=trees, summed=values.dtype)
