"""Reading and changing an ONNX graph; it is a copy that changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Array = npt.NDArray[Any]
Node = Any
"""A NodeProto, for which onnx has no types."""

STANDARD = ("", "ai.onnx")
"""Names of the domain of ONNX's own operators."""
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


class Draft:
    """A copy of a model, to be changed.

    Tensors are known by name, and a node by its first output, which stays while others change.
    What `Constant` nodes hold is held by initializers here.

    Args:
        model: left as it is.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        self.graph = self.model.graph
        self.outputs = frozenset(output.name for output in self.graph.output)
        self._given = frozenset(given.name for given in self.graph.input)
        del self.graph.value_info[:]  # shapes that may become others
        self._store_constants()
        self._held = {held.name: held for held in self.graph.initializer}

    @property
    def nodes(self) -> list[Node]:
        """In an order in which each comes after those that it reads."""
        return list(self.graph.node)

    def constant(self, tensor: str) -> Array | None:
        """What a tensor always holds; None if it depends on the inputs or may be given instead."""
        if tensor in self._given or tensor not in self._held:
            return None
        values: Array = numpy_helper.to_array(self._held[tensor])
        return values

    def producer(self, tensor: str) -> Node:
        """The node that makes a tensor, which one must."""
        return next(node for node in self.graph.node if tensor in node.output)

    def readers(self, tensor: str) -> list[Node]:
        """The nodes that read a tensor, also from graphs inside them."""
        return [node for node in self.graph.node if tensor in reads(node)]

    def fresh(self, stem: str) -> str:
        """A name that nothing else in the graph has."""
        taken = self._given | set(self._held)
        taken |= {name for node in self.graph.node for name in (*node.output, *reads(node))}
        count = 0
        while f"{stem}_{count}" in taken:
            count += 1
        return f"{stem}_{count}"

    def hold(self, stem: str, values: Array) -> str:
        """Add a constant under a name of its own."""
        name = self.fresh(stem)
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        self._held[name] = self.graph.initializer[-1]
        return name

    def give(self, node: Node, place: int, values: Array) -> None:
        """Let a node read other values at a place; who else reads the old ones keeps them."""
        while len(node.input) <= place:
            node.input.append("")
        old = node.input[place]
        node.input[place] = ""
        if old in self._held and not self.readers(old) and old not in self.outputs:
            self._held[old].CopyFrom(numpy_helper.from_array(np.asarray(values, order="C"), old))
            node.input[place] = old
        else:
            node.input[place] = self.hold(old or f"{node.output[0]}_constant", values)

    def freeze(self, nodes: Sequence[Node], values: Mapping[str, Array]) -> None:
        """Put what nodes always answer in their place."""
        for node in nodes:
            self.graph.node.remove(node)
        for name, held in values.items():
            self.graph.initializer.append(numpy_helper.from_array(held, name))
            self._held[name] = self.graph.initializer[-1]

    def replace(self, node: Node, others: Sequence[Node]) -> None:
        """Put nodes in the place of one."""
        place = self.nodes.index(node)
        self.graph.node.remove(node)
        for offset, other in enumerate(others):
            self.graph.node.insert(place + offset, other)

    def insert(self, node: Node, other: Node) -> None:
        """Add a node ahead of another."""
        self.graph.node.insert(self.nodes.index(other), node)

    def append(self, node: Node, other: Node) -> None:
        """Add a node behind another."""
        self.graph.node.insert(self.nodes.index(other) + 1, node)

    def redirect(self, old: str, new: str) -> None:
        """Let all nodes that read one tensor read another."""
        for node in self.graph.node:
            node.input[:] = [new if name == old else name for name in node.input]

    def prune_dead(self) -> None:
        """Remove nodes and constants that no output depends on."""
        alive = set(self.outputs)
        for node in reversed(self.nodes):
            if alive.intersection(node.output):
                alive |= reads(node)
            else:
                self.graph.node.remove(node)
        for held in list(self.graph.initializer):
            if held.name not in alive and held.name not in self._given:
                self.graph.initializer.remove(held)
        self._held = {held.name: held for held in self.graph.initializer}

    def finish(self) -> onnx.ModelProto:
        """The model without what nothing reads any more.

        Raises:
            onnx.checker.ValidationError: it is no valid model.
        """
        self.prune_dead()
        onnx.checker.check_model(self.model)
        return self.model

    def _store_constants(self) -> None:
        for node in self.nodes:
            values = attribute(node, "value")
            if node.op_type == "Constant" and values is not None:
                values.name = node.output[0]
                if values.name not in self.outputs:
                    self.graph.initializer.append(values)
                    self.graph.node.remove(node)


def attribute(node: Node, name: str, default: Any = None) -> Any:
    """What a node's attribute says."""
    for given in node.attribute:
        if given.name == name:
            return helper.get_attribute_value(given)
    return default


def set_attribute(node: Node, name: str, value: Any) -> None:
    """Set a node's attribute; None removes it."""
    for given in list(node.attribute):
        if given.name == name:
            node.attribute.remove(given)
    if value is not None:
        node.attribute.append(helper.make_attribute(name, value))


def reads(node: Node) -> set[str]:
    """The names of all that a node reads, also from graphs inside it."""
    return {name for name in _reads(node) if name}


def _reads(node: Node) -> Iterator[str]:
    yield from node.input
    for given in node.attribute:
        for inner in (*([given.g] if given.HasField("g") else []), *given.graphs):
            for part in inner.node:
                yield from _reads(part)
            yield from (output.name for output in inner.output)


def called(node: Node) -> str:
    """A node as messages name it.

    Example:
        >>> called(helper.make_node("Relu", ["a"], ["b"], name="act"))
        "node 'act' (Relu)"
    """
    return f"node '{node.name or node.output[0]}' ({node.op_type})"
