"""A student's network as nodes of a graph."""

from __future__ import annotations

import numpy as np
from onnx import helper

from fairlead.compress.distil.fit import Network
from fairlead.compress.distil.goal import Goal
from fairlead.compress.graph import Array, Node


def network_nodes(
    network: Network, goal: Goal, x: str, stem: str
) -> tuple[list[Node], dict[str, Array], str]:
    """Nodes, constants by name, and the tensor of its own numbers, (rows, width).

    Args:
        network: that was taught.
        goal: that it was taught, whose spread and middle go into the last layer.
        x: the tensor that it takes.
        stem: of the names.
    """
    weights = [*network.weights[:-1], network.weights[-1] * goal.spread]
    biases = [*network.biases[:-1], network.biases[-1] * goal.spread + goal.middle]
    nodes: list[Node] = []
    constants: dict[str, Array] = {}
    for place, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        names = f"{stem}_weight_{place}", f"{stem}_bias_{place}"
        constants[names[0]], constants[names[1]] = (
            np.asarray(weight, np.float32),
            np.asarray(bias, np.float32),
        )
        nodes.append(helper.make_node("Gemm", [x, *names], [f"{stem}_layer_{place}"]))
        x = f"{stem}_layer_{place}"
        if place < len(weights) - 1:
            nodes.append(helper.make_node("Relu", [x], [f"{stem}_unit_{place}"]))
            x = f"{stem}_unit_{place}"
    return nodes, constants, x
