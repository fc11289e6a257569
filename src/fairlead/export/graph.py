"""The graph of a version that is exported as one, and what keeps a version from that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fairlead.bundle import Bundle, read_file
from fairlead.errors import ExportError

if TYPE_CHECKING:
    import onnx

DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Whose operators builds of ONNX Runtime have that nothing was added to."""


def read_graph(bundle: Bundle) -> onnx.ModelProto:
    """The graph in a bundle.

    Raises:
        ExportError: the version is answered by something else; says by what.
    """
    spec = bundle.info.runner
    if spec.kind != "onnx":
        because = f" {bundle.info.notes[0]}" if bundle.info.notes else ""
        raise ExportError(
            f"This version is answered by {spec.kind}, not by an ONNX graph.{because}",
            hint="Only graphs run there. Distil the model into one: "
            f"fairlead compress {bundle.info.name}:N --data ROWS --methods distil.",
        )
    import onnx

    return onnx.load_from_string(read_file(bundle, spec.path))


def each_graph(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph, and those inside of its nodes, such as the branches of an `If`."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + [*attribute.graphs]:
                yield from each_graph(inner)


def each_node(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """The nodes of a model, also those inside of others and of functions."""
    for graph in each_graph(model.graph):
        yield from graph.node
    for function in model.functions:
        yield from function.node


def name_of(node: onnx.NodeProto) -> str:
    """A node in words: its own name, or else that of what it makes."""
    return f"{node.op_type} '{node.name or node.output[0]}'"


def check_domains(model: onnx.ModelProto) -> None:
    """Refuse operators that were added to ONNX Runtime.

    Raises:
        ExportError: there is one; names the node.
    """
    own = {(function.domain, function.name) for function in model.functions}
    for node in each_node(model):
        if node.domain not in DOMAINS and (node.domain, node.op_type) not in own:
            raise ExportError(
                f"The node {name_of(node)} is an operator of {node.domain}, "
                "which no plain build of ONNX Runtime has."
            )
