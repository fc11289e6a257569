"""Reading `TreeEnsembleClassifier`, which names a class and transforms its sums besides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from fairlead.compress.graph import Node, called
from fairlead.compress.trees.legacy import read_legacy
from fairlead.compress.trees.types import Site
from fairlead.errors import ExportError


def read_classifier(node: Node, given: dict[str, Any]) -> Site:
    """A `TreeEnsembleClassifier` as sums, and nodes that make of them what it answers.

    Raises:
        ExportError: it does more than compare numbers and sum, or transforms the sums in a way
            that is not read.
    """
    trees = read_legacy(given, "class", called(node))
    names = list(given.get("classlabels_int64s") or given.get("classlabels_strings") or [])
    transform = given.get("post_transform", b"NONE").decode()
    stem = node.output[0]
    sums = f"{stem}_sums"
    if len(names) == 2 and len(set(given["class_ids"])) == 1:
        positive = min(given["class_weights"], default=0.0) >= 0
        one = replace(trees, value=trees.value.sum(axis=1, keepdims=True))
        tail = _single(node, stem, sums, transform, positive)
        limit = 0.5 if positive else 0.0
        trees = one
    else:
        wide = np.zeros((len(trees.value), len(names)), trees.value.dtype)
        wide[:, : trees.width] = trees.value
        trees, limit = replace(trees, value=wide), 0.0
        tail = _several(node, stem, sums, transform)
    constants = (
        _classes(f"{stem}_classes", names),
        numpy_helper.from_array(np.array(limit, np.float32), f"{stem}_limit"),
        numpy_helper.from_array(np.array(1, np.float32), f"{stem}_one"),
        numpy_helper.from_array(np.array([-1]), f"{stem}_flat"),
    )
    used = {name for made in tail for name in made.input}
    kept = tuple(constant for constant in constants if constant.name in used)
    single = np.dtype(np.float32)
    return Site((stem,), node.input[0], sums, trees, None, single, 0.0, tuple(tail), kept)


def _classes(name: str, names: list[Any]) -> TensorProto:
    if names and isinstance(names[0], bytes):
        return helper.make_tensor(name, TensorProto.STRING, [len(names)], names)
    return numpy_helper.from_array(np.array(names, np.int64), name)


def _several(node: Node, stem: str, sums: str, transform: str) -> list[Node]:
    """The first of the greatest sums names the class."""
    label, shares = node.output
    tail = [
        helper.make_node("ArgMax", [sums], [f"{stem}_index"], axis=1, keepdims=0),
        helper.make_node("Gather", [f"{stem}_classes", f"{stem}_index"], [label], axis=0),
    ]
    if not shares:
        return tail
    if transform == "NONE":
        return [*tail, helper.make_node("Identity", [sums], [shares])]
    if transform == "SOFTMAX":
        return [*tail, helper.make_node("Softmax", [sums], [shares], axis=1)]
    if transform == "LOGISTIC":
        return [*tail, helper.make_node("Sigmoid", [sums], [shares])]
    raise ExportError(f"{called(node)} transforms its sums by {transform}, which is not read.")


def _single(node: Node, stem: str, sums: str, transform: str, positive: bool) -> list[Node]:
    """One sum a row, for the second of two classes."""
    label, shares = node.output
    if (transform, positive) not in (("NONE", True), ("LOGISTIC", False)):
        raise ExportError(
            f"{called(node)} sums for one of two classes and transforms it by {transform}, "
            "which is not read."
        )
    tail = [
        helper.make_node("Greater", [sums, f"{stem}_limit"], [f"{stem}_above"]),
        helper.make_node("Cast", [f"{stem}_above"], [f"{stem}_place"], to=TensorProto.INT64),
        helper.make_node("Reshape", [f"{stem}_place", f"{stem}_flat"], [f"{stem}_index"]),
        helper.make_node("Gather", [f"{stem}_classes", f"{stem}_index"], [label], axis=0),
    ]
    if not shares:
        return tail
    second = sums
    if transform == "LOGISTIC":
        second = f"{stem}_second"
        tail.append(helper.make_node("Sigmoid", [sums], [second]))
    return [
        *tail,
        helper.make_node("Sub", [f"{stem}_one", second], [f"{stem}_first"]),
        helper.make_node("Concat", [f"{stem}_first", second], [shares], axis=1),
    ]
