"""Where the units of a layer go: through which nodes, and into which layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fairlead.compress.graph import STANDARD, Array, Draft, Node, attribute, called, reads
from fairlead.compress.layers import LAYERS, Layer, layer_of
from fairlead.compress.observe import Shape

UNARY = frozenset((
    "Abs", "Cast", "Celu", "Clip", "Cos", "Dropout", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid",
    "HardSwish", "Identity", "LeakyRelu", "Log", "Mish", "Neg", "Reciprocal", "Relu", "Selu",
    "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Swish", "Tanh", "ThresholdedRelu",
))  # fmt: skip
JOINING = frozenset(("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "PRelu"))
POOLING = frozenset(
    ("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "LpPool", "GlobalLpPool")
)
REDUCING = frozenset(("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL2"))


@dataclass(frozen=True, slots=True)
class Lay:
    """How units lie in a tensor.

    Args:
        axis: along which they lie.
        repeat: how many neighbours along it belong to one unit.
    """

    axis: int
    repeat: int = 1

    def places(self, kept: Array) -> Array:
        """The places along the axis of some units.

        Example:
            >>> import numpy as np
            >>> Lay(1, repeat=2).places(np.array([0, 3])).tolist()
            [0, 1, 6, 7]
        """
        return (kept[:, None] * self.repeat + range(self.repeat)).reshape(-1)


@dataclass(frozen=True, slots=True)
class Region:
    """All that depends on the number of a layer's units.

    Args:
        producer: the layer that makes them.
        units: how many there are.
        lays: how they lie in each tensor that holds them.
        passed: the nodes that they go through, by their first outputs.
        readers: the layers that multiply them.
    """

    producer: Layer
    units: int
    lays: dict[str, Lay] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    readers: list[Layer] = field(default_factory=list)


def is_hidden(draft: Draft, made: str) -> bool:
    """Whether what a node makes goes into a layer, by whatever way."""
    behind = {made}
    for node in draft.nodes:
        if behind.intersection(reads(node)):
            if node.op_type in LAYERS:
                return True
            behind.update(node.output)
    return False


def follow(layer: Layer, shapes: Mapping[str, Shape]) -> Region | str:
    """Where a layer's units go, or why some of them cannot be left out, in words.

    Args:
        layer: that makes them.
        shapes: of all tensors, for one row.
    """
    draft, made = layer.draft, layer.made
    axis = 1 if layer.node.op_type == "Conv" else len(shapes[made]) - 1
    region = Region(layer, layer.weights().shape[1], {made: Lay(axis)})
    for node in draft.nodes:
        held = [name for name in reads(node) if name in region.lays]
        if not held:
            continue
        reason = _enter(region, node, held, shapes)
        if reason:
            return reason
    answered = draft.outputs.intersection(region.lays)
    if answered:
        return f"{called(layer.node)} makes what the graph answers"
    if not region.readers:
        return f"nothing multiplies what {called(layer.node)} makes"
    return region


def _enter(
    region: Region, node: Node, held: Sequence[str], shapes: Mapping[str, Shape]
) -> str | None:
    """Take a node into a region; why not, if it does not fit."""
    draft = region.producer.draft
    if node.op_type in LAYERS:
        reader = layer_of(draft, node)
        if isinstance(reader, str):
            return reader
        if list(node.input).count(node.input[0]) != 1 or held != [node.input[0]]:
            return f"{called(node)} takes units as its weights"
        if not _is_read(region.lays[held[0]], node, shapes[held[0]]):
            return f"{called(node)} sums over another axis than that of the units"
        region.readers.append(reader)
        return None
    lay = _passed(draft, node, region, held, shapes)
    if isinstance(lay, str):
        return lay
    region.lays[node.output[0]] = lay
    region.passed.append(node.output[0])
    return None


def _is_read(lay: Lay, node: Node, shape: Shape) -> bool:
    if node.op_type == "Conv":
        return lay == Lay(1) and len(shape) > 2
    return lay.axis == len(shape) - 1


def _passed(
    draft: Draft, node: Node, region: Region, held: Sequence[str], shapes: Mapping[str, Shape]
) -> Lay | str:
    """How units lie behind a node that treats each by itself; or that it does not."""
    name, lay = called(node), region.lays[held[0]]
    before, after = shapes[held[0]], shapes.get(node.output[0], ())
    mixes = f"{name} does not treat each unit by itself"
    if node.domain not in STANDARD or any(draft.readers(o) for o in node.output[1:]):
        return mixes
    if node.op_type in UNARY and held == [node.input[0]]:
        return lay
    if node.op_type in JOINING or node.op_type == "BatchNormalization":
        return _joined(draft, node, region, shapes)
    if node.op_type in POOLING and lay == Lay(1) and len(before) > 2:
        return lay
    if node.op_type in ("Flatten", "Reshape") and lay.axis == 1 and len(after) == 2:
        flat = before[0] == after[0] and after[1] == math.prod(before[1:])
        return Lay(1, lay.repeat * math.prod(before[2:])) if flat else mixes
    if node.op_type in ("Squeeze", "Unsqueeze") and after[: lay.axis + 1] == before[: lay.axis + 1]:
        return lay
    if node.op_type in REDUCING:
        return _reduced(draft, node, lay, len(before)) or mixes
    return mixes


def _joined(draft: Draft, node: Node, region: Region, shapes: Mapping[str, Shape]) -> Lay | str:
    """Units with constants, one for each or one for all, or with themselves."""
    found = {(region.lays[i], shapes[i]) for i in node.input if i in region.lays}
    if len(found) > 1:
        return f"{called(node)} joins units that lie differently"
    lay, shape = found.pop()
    for tensor in node.input:
        if tensor in region.lays or not tensor:
            continue
        held = draft.constant(tensor)
        if held is None:
            return f"{called(node)} joins the units with '{tensor}', which comes from elsewhere"
        if held.ndim > len(shape):
            return f"{called(node)} spreads the units over more axes"
    return lay


def _reduced(draft: Draft, node: Node, lay: Lay, rank: int) -> Lay | None:
    """Units after others of their axes were reduced."""
    held = draft.constant(node.input[1]) if len(node.input) > 1 else attribute(node, "axes")
    if held is None:
        return None
    axes = {int(axis) % rank for axis in held}
    if lay.axis in axes or 0 in axes:
        return None
    keeps = attribute(node, "keepdims", 1)
    return lay if keeps else Lay(lay.axis - sum(axis < lay.axis for axis in axes), lay.repeat)


def constants_of(region: Region, shapes: Mapping[str, Shape]) -> list[tuple[str, int, int, Lay]]:
    """Constants along the units: the node that reads each, at which place, on which axis, how."""
    found, draft = [], region.producer.draft
    for made in region.passed:
        node = draft.producer(made)
        held = next(name for name in node.input if name in region.lays)
        lay, rank = region.lays[held], len(shapes[held])
        if node.op_type not in JOINING and node.op_type != "BatchNormalization":
            continue
        for place, tensor in enumerate(node.input):
            values = draft.constant(tensor)
            if values is None:
                continue
            axis = 0 if node.op_type == "BatchNormalization" else lay.axis - rank + values.ndim
            if axis >= 0 and values.shape[axis] == region.units * lay.repeat:
                found.append((made, place, axis, lay))
    return found
