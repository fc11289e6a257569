"""What nothing reads is left out of the file; the graph answers bit for bit as before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import onnx

from fairlead.bundle import Step
from fairlead.compress.graph import Draft, Node, reads
from fairlead.compress.settings import take
from fairlead.compress.types import Feeds, Refused

UNREAD = frozenset(("nodes_hitrates", "nodes_hitrates_as_tensor"))
"""Attributes of trees that say how often nodes were passed in training."""
ZEROS = frozenset(("nodes_missing_value_tracks_true",))
"""Attributes that say nothing where they are all zero."""


class Strip:
    """Leaves out of a graph what has no part in its answers.

    These are nodes, outputs of nodes and constants that nothing reads, constants that are there
    twice, attributes that say what holds anyway, notes of whoever exported it, and long names.
    """

    name = "strip"

    def steps(self) -> Sequence[Step]:
        """There is one way."""
        return (Step(method=self.name),)

    def apply(
        self,
        model: onnx.ModelProto,
        step: Step,
        feeds: Feeds,  # noqa: ARG002 - rows are not asked
        *,
        seed: int,  # noqa: ARG002 - nothing is drawn
    ) -> onnx.ModelProto | Refused:
        """Strip the graph."""
        take(step, {})
        draft = Draft(model)
        draft.prune_dead()
        _merge(draft)
        for node in draft.nodes:
            _strip_node(node, draft)
        _forget(draft.model)
        if not any(_inner(node) for node in draft.nodes):  # whose names would have to follow
            _shorten(draft)
        stripped = draft.finish()
        if stripped.ByteSize() >= model.ByteSize():
            return Refused(self.name, "The graph holds nothing that nothing reads.")
        return stripped

    def refusals(
        self,
        model: onnx.ModelProto,  # noqa: ARG002 - whatever can go, goes
        feeds: Feeds,  # noqa: ARG002
    ) -> Sequence[Refused]:
        """There are none: whatever can go, goes."""
        return ()


def _merge(draft: Draft) -> None:
    """Let equal constants be one."""
    seen: dict[tuple[Any, ...], str] = {}
    for held in draft.graph.initializer:
        if draft.constant(held.name) is None or held.name in draft.outputs:
            continue
        copy = onnx.TensorProto()
        copy.CopyFrom(held)
        copy.ClearField("name")
        first = seen.setdefault((copy.SerializeToString(deterministic=True),), held.name)
        if first != held.name and not any(
            held.name in reads(node) and held.name not in node.input for node in draft.nodes
        ):
            draft.redirect(held.name, first)
    draft.prune_dead()


def _strip_node(node: Node, draft: Draft) -> None:
    """Leave out of a node what has no effect."""
    node.ClearField("name")
    node.ClearField("doc_string")
    del node.metadata_props[:]
    for given in list(node.attribute):
        given.ClearField("doc_string")
        idle = given.name in UNREAD or (given.name in ZEROS and not any(given.ints))
        if idle or given == _default(node, given.name, draft):
            node.attribute.remove(given)
    for place, made in enumerate(node.output):
        if place and made not in draft.outputs and not draft.readers(made):
            node.output[place] = ""
    while node.output and not node.output[-1]:
        node.output.pop()


def _default(node: Node, name: str, draft: Draft) -> Any:
    """What an attribute is unless it is set; None if it must be."""
    versions = {known.domain: known.version for known in draft.model.opset_import}
    try:
        schema = onnx.defs.get_schema(node.op_type, versions.get(node.domain, 1), node.domain)
    except onnx.defs.SchemaError:
        return None
    known = schema.attributes.get(name)
    return known.default_value if known is not None and known.default_value.name else None


def _forget(model: onnx.ModelProto) -> None:
    """Leave out notes, which no runtime reads."""
    for part in (model, model.graph):
        part.ClearField("doc_string")
        del part.metadata_props[:]
    for tensor in (*model.graph.initializer, *model.graph.input, *model.graph.output):
        tensor.ClearField("doc_string")
        del tensor.metadata_props[:]


def _shorten(draft: Draft) -> None:
    """Give all but inputs and outputs the shortest names."""
    kept = {tensor.name for tensor in (*draft.graph.input, *draft.graph.output)}
    names: dict[str, str] = {}
    free = (name for name in _names() if name not in kept)

    def short(name: str) -> str:
        if not name or name in kept:
            return name
        if name not in names:
            names[name] = next(free)
        return names[name]

    for held in draft.graph.initializer:
        held.name = short(held.name)
    for node in draft.graph.node:
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]


def _names() -> Iterator[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    for number in count():
        name, left = letters[number % 26], number // 26
        while left:
            name, left = letters[(left - 1) % 26] + name, (left - 1) // 26
        yield name


def _inner(node: Node) -> bool:
    kinds = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
    return any(given.type in kinds for given in node.attribute)
