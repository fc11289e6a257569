"""Writing tree ensembles into a graph, as `TreeEnsemble` of ai.onnx.ml 5.

A file holds the lists of a node's settings with two to four bytes for each entry, so that what is
equal is written once: each tree ends in leaves that all trees share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from onnx import defs, helper, numpy_helper

from fairlead.compress.graph import Array, Draft, Node, called
from fairlead.compress.trees.types import Site, Trees, constant_trees, joined
from fairlead.compress.trees.walk import tree_of
from fairlead.errors import ExportError

ML = "ai.onnx.ml"
OPSET_ML = 5
IR_VERSION = 10
COUNTED_MAX = 512
"""Different leaves up to which it is counted how often each is reached; beyond, each tree says
which one is, and all are looked up."""


def write_sites(draft: Draft, sites: Sequence[Site]) -> None:
    """Put trees in the place of those that were read there.

    Raises:
        ExportError: another node of the graph means something else in the version of the
            operators that these need.
    """
    raise_versions(draft, {name for site in sites for name in site.nodes})
    for site in sites:
        _write_site(draft, site)


def tree_nodes(trees: Trees, x: str, stem: str) -> tuple[list[Node], dict[str, Array], str]:
    """Nodes, constants by name, and the tensor of the sums, (rows, width).

    Args:
        trees: whose thresholds and leaves are of one type.
        x: the tensor that they look at, of that type.
        stem: of the names.
    """
    made = _Nodes(stem)
    sums, _ = made.sums(x, trees)
    return made.nodes, made.constants, sums


def free_stem(draft: Draft, stem: str) -> str:
    """A start of names that no other name in the graph has."""
    taken = [held.name for held in draft.graph.initializer]
    taken += [name for node in draft.nodes for name in node.output]
    count = 0
    while any(name.startswith(f"{stem}_{count}") for name in taken):
        count += 1
    return f"{stem}_{count}"


def _write_site(draft: Draft, site: Site) -> None:
    first = draft.producer(site.nodes[0])
    made = _Nodes(free_stem(draft, site.sums))
    kind = site.trees.threshold.dtype
    x = site.x if site.compared == kind else made.add("Cast", [site.x], to=_element(kind))
    sums, has = made.sums(x, site.trees)
    if site.bound:
        sums = made.shares(sums, site.bound, has)
    made.rename(sums, site.sums, has, site.summed)
    for constant in site.constants:
        draft.graph.initializer.append(constant)
    for name in site.nodes[1:]:
        draft.graph.node.remove(draft.producer(name))
    draft.freeze((), made.constants)
    draft.replace(first, [*made.nodes, *site.tail])


Leaves = tuple[Array, Array, Array]
"""The targets and weights of all different leaves, and which one each node is."""


class _Nodes:
    """Nodes under construction."""

    def __init__(self, stem: str) -> None:
        self._stem = stem
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}

    def add(self, op: str, inputs: Sequence[str], domain: str = "", **given: Any) -> str:
        name = f"{self._stem}_{op}_{len(self.nodes)}"
        arrays = {key: value for key, value in given.items() if isinstance(value, np.ndarray)}
        plain = {key: value for key, value in given.items() if key not in arrays}
        node = helper.make_node(op, inputs, [name], domain=domain, **plain)
        for key, value in arrays.items():
            node.attribute.append(helper.make_attribute(key, numpy_helper.from_array(value)))
        self.nodes.append(node)
        return name

    def hold(self, name: str, values: Array) -> str:
        self.constants[f"{self._stem}_{name}"] = values
        return f"{self._stem}_{name}"

    def rename(self, tensor: str, name: str, has: Any, needs: Any) -> None:
        """Give the last tensor the name, and the type, that others know it by."""
        if has == needs:
            self.nodes[-1].output[0] = name
        else:
            node = helper.make_node("Cast", [tensor], [name], to=_element(needs))
            self.nodes.append(node)

    def sums(self, x: str, trees: Trees) -> tuple[str, Any]:
        """What the trees sum up to, and its type."""
        alone = _one_target_each(trees)
        if alone is None:
            return self.of_vectors(x, trees), trees.value.dtype
        return self.ensemble(x, alone, _scalars(alone), trees.width), trees.threshold.dtype

    def ensemble(self, x: str, trees: Trees, leaves: Leaves, width: int) -> str:
        """The sums by target."""
        targets, weights, which = leaves
        kind = trees.threshold.dtype
        given = _numbered(trees, which)
        return self.add(
            "TreeEnsemble", [x], ML, n_targets=width, aggregate_function=1,
            leaf_targetids=targets.tolist(), leaf_weights=weights.astype(kind), **given,
        )  # fmt: skip

    def shares(self, sums: str, total: float, kind: Any) -> str:
        """Sums of which none is below 0, and that add up to a total in each row."""
        above = self.add("Relu", [sums])
        axis = self.hold("axes", np.array([1]))
        whole = self.add("ReduceSum", [above, axis], keepdims=1)
        held = self.hold("total", np.array(total, kind))
        return self.add("Mul", [self.add("Div", [above, whole]), held])

    def of_vectors(self, x: str, trees: Trees) -> str:
        """The sums of leaves that hold several numbers."""
        kind = trees.value.dtype
        ends = np.flatnonzero(trees.is_leaf)
        table, rows = np.unique(trees.value[ends], axis=0, return_inverse=True)
        order = np.argsort(-np.bincount(rows), kind="stable")
        table, rows = table[order], np.argsort(order)[rows]
        which = np.full(len(trees.left), -1)
        held = self.hold("leaves", table)
        if len(table) <= COUNTED_MAX:
            which[ends] = rows
            leaves = np.arange(len(table)), np.ones(len(table)), which
            counts = self.ensemble(x, trees, leaves, len(table))
            if trees.threshold.dtype != kind:
                counts = self.add("Cast", [counts], to=_element(kind))
            return self.add("MatMul", [counts, held])
        owner = tree_of(trees)[ends]
        pairs, which[ends] = np.unique(np.stack([owner, rows], axis=1), axis=0, return_inverse=True)
        found = self.ensemble(x, trees, (pairs[:, 0], pairs[:, 1], which), len(trees.roots))
        index = self.add("Cast", [found], to=_element(np.dtype(np.int64)))
        each = self.add("Gather", [held, index], axis=0)
        one = self.hold("axis", np.array(1))
        running = self.add("CumSum", [each, one])
        last = self.hold("last", np.array(len(trees.roots) - 1))
        return self.add("Gather", [running, last], axis=1)


def _numbered(trees: Trees, which: Array) -> dict[str, Any]:
    """The nodes as attributes; a tree of one leaf gets a split that decides nothing."""
    inner = np.flatnonzero(~trees.is_leaf)
    lone = trees.roots[trees.is_leaf[trees.roots]]
    place = np.where(trees.is_leaf, which, 0)
    place[inner] = np.arange(len(inner))
    left = np.concatenate([trees.left[inner], lone])
    right = np.concatenate([trees.right[inner], lone])
    roots = place[trees.roots]
    roots[trees.is_leaf[trees.roots]] = len(inner) + np.arange(len(lone))
    missing = np.concatenate([trees.missing_left[inner], np.zeros(len(lone), bool)])
    given: dict[str, Any] = {
        "tree_roots": roots.tolist(),
        "nodes_featureids": np.pad(trees.feature[inner], (0, len(lone))).tolist(),
        "nodes_splits": np.pad(trees.threshold[inner], (0, len(lone))),
        "nodes_modes": np.zeros(len(left), np.uint8),
        "nodes_truenodeids": place[left].tolist(),
        "nodes_falsenodeids": place[right].tolist(),
        "nodes_trueleafs": trees.is_leaf[left].astype(int).tolist(),
        "nodes_falseleafs": trees.is_leaf[right].astype(int).tolist(),
    }
    if missing.any():
        given["nodes_missing_value_tracks_true"] = missing.astype(int).tolist()
    return given


def _scalars(trees: Trees) -> Leaves:
    """Leaves of one number each, the most frequent ones first."""
    ends = np.flatnonzero(trees.is_leaf)
    target = (trees.value[ends] != 0).argmax(axis=1)
    weight = trees.value[ends, target].astype(trees.threshold.dtype)
    pairs, rows = np.unique(np.stack([target, weight], axis=1), axis=0, return_inverse=True)
    order = np.argsort(-np.bincount(rows), kind="stable")
    which = np.full(len(trees.left), -1)
    which[ends] = np.argsort(order)[rows]
    return pairs[order, 0].astype(np.int64), pairs[order, 1], which


def _one_target_each(trees: Trees) -> Trees | None:
    """The trees, if each leaf holds one number; a tree of one leaf is one for each number."""
    several = (trees.value != 0).sum(axis=1) > 1
    lone = trees.is_leaf[trees.roots] & several[trees.roots]
    if int(several.sum()) > int(lone.sum()):
        return None
    if not lone.any():
        return trees
    parts = trees.value[trees.roots[lone]]
    values = (parts[:, None, :] * np.eye(trees.width)[None]).reshape(-1, trees.width)
    constant = constant_trees(values.astype(trees.value.dtype), trees.threshold.dtype)
    return joined(constant, replace(trees, roots=trees.roots[~lone]))


def raise_versions(draft: Draft, replaced: set[str]) -> None:
    """Declare the version that has `TreeEnsemble`, if other nodes mean the same in it.

    Args:
        draft: the graph.
        replaced: nodes, by their first output, that are new or will be gone.

    Raises:
        ExportError: another node means something else in it.
    """
    model = draft.model
    declared = {opset.domain: opset for opset in model.opset_import}
    known = declared.get(ML) or model.opset_import.add(domain=ML, version=OPSET_ML)
    for node in draft.nodes:
        if node.domain != ML or node.output[0] in replaced or known.version >= OPSET_ML:
            continue
        versions = {
            defs.get_schema(node.op_type, version, ML).since_version
            for version in (known.version, OPSET_ML)
        }
        if len(versions) > 1 and not (node.op_type == "LabelEncoder" and min(versions) > 1):
            raise ExportError(f"{called(node)} is of an older version than trees are written in.")
    known.version = max(known.version, OPSET_ML)
    model.ir_version = max(model.ir_version, IR_VERSION)


def _element(kind: Any) -> int:
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(kind)))
