"""Classes named by the greatest score, where one node names them beside its scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from fairlead.compress.distil.types import STRAY_MAX
from fairlead.compress.graph import FLOATS, Array, Draft, Node, called, reads
from fairlead.compress.observe import observe
from fairlead.compress.types import Feeds
from fairlead.errors import ExportError

ROWS = 2000
"""So many rows show which scores decide."""


def name_by_scores(draft: Draft, feeds: Feeds) -> None:
    """Let the greatest score name the class, so that all answers come from the scores.

    `LinearClassifier` and `SVMClassifier` answer label and scores at once. The first scores,
    theirs or what is made of them, whose greatest is the label of the rows take its place.

    Args:
        draft: that changes.
        feeds: rows.

    Raises:
        ExportError: no scores decide which class is named.
        ModelError: the graph does not take the rows.
    """
    for label in [node.output[0] for node in draft.nodes if _names(node) is not None]:
        node = draft.producer(label)
        names = _names(node)
        unread = label not in draft.outputs and not draft.readers(label)
        if names is not None and len(node.output) > 1 and node.output[1] and not unread:
            _name(draft, node, names, *_scores(draft, node, names, feeds))


def _names(node: Node) -> Array | None:
    """The names of a classifier's classes, in the order of its scores."""
    for given in node.attribute:
        if given.name.startswith("classlabels"):
            values: list[Any] = helper.get_attribute_value(given)
            if values:
                text = isinstance(values[0], bytes)
                return np.array(values, object if text else np.int64)
    return None


def _scores(draft: Draft, node: Node, names: Array, feeds: Feeds) -> tuple[str, str]:
    """The scores that decide, and by which operator: the least ones of some SVMs do."""
    label, first = node.output[:2]
    after = _made_of(draft, label)
    later = [name for name in _made_of(draft, first) if name not in after]
    seen = observe(draft.model, [label, *later], {n: v[:ROWS] for n, v in feeds.items()})
    texts = [name.decode() if isinstance(name, bytes) else name for name in names.tolist()]
    named = np.array([texts.index(each) for each in seen[label].tolist()])
    for tensor in later:
        values = seen[tensor]
        if values.dtype not in FLOATS or values.shape != (len(named), len(names)):
            continue
        if np.mean(values.argmax(axis=1) != named) <= STRAY_MAX:
            return tensor, "ArgMax"
        if np.mean(values.argmin(axis=1) != named) <= STRAY_MAX:
            return tensor, "ArgMin"
    raise ExportError(
        f"The class that {called(node)} names is not that of the greatest of its scores, by "
        "which a student would name it."
    )


def _made_of(draft: Draft, tensor: str) -> list[str]:
    """A tensor and all that nodes make of it, in order."""
    found = [tensor]
    for node in draft.nodes:
        if reads(node).intersection(found):
            found += [name for name in node.output if name]
    return found


def _name(draft: Draft, node: Node, names: Array, scores: str, by: str) -> None:
    label = node.output[0]
    index = draft.fresh(f"{label}_index")
    held = draft.hold(f"{label}_names", names)
    node.output[0] = draft.fresh(f"{label}_unread")
    decide = helper.make_node(by, [scores], [index], axis=1, keepdims=0)
    name = helper.make_node("Gather", [held, index], [label], axis=0)
    draft.append(decide, draft.producer(scores))
    read = _made_of(draft, label)  # what may have stood ahead of the scores comes after them
    nodes = draft.nodes
    ahead = [each for each in nodes if each.output[0] not in read]
    behind = [each for each in nodes if each.output[0] in read]
    del draft.graph.node[:]
    draft.graph.node.extend([*ahead, name, *behind])
