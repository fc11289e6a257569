"""What layers cost, as shares of the whole graph's cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from fairlead.compress.graph import Draft
from fairlead.compress.layers import LAYERS, Layer, layer_of
from fairlead.compress.observe import Shape
from fairlead.compress.units import Region


@dataclass(frozen=True, slots=True)
class Costs:
    """Each layer's share of the cost, by the tensor that its node makes; they sum to 1."""

    shares: Mapping[str, float]

    def of_unit(self, region: Region) -> float:
        """The share that is saved with one unit, where it is made and where it is read."""
        made = (region.producer.made, *(reader.made for reader in region.readers))
        return sum(self.shares[name] for name in made) / region.units


def costs_of(draft: Draft, shapes: Mapping[str, Shape], per: str) -> Costs:
    """What layers cost before anything is changed.

    Args:
        draft: the graph.
        shapes: of its tensors, for some rows.
        per: `size` counts weights, `latency` multiplications.
    """
    found: dict[str, float] = {}
    for node in draft.nodes:
        layer = layer_of(draft, node) if node.op_type in LAYERS else ""
        if isinstance(layer, Layer):
            inputs, outputs = layer.weights().shape
            times = multiplied(layer, shapes[layer.made]) if per == "latency" else inputs
            found[layer.made] = outputs * times
    whole = sum(found.values())
    return Costs({made: cost / whole for made, cost in found.items()})


def multiplied(layer: Layer, shape: Shape) -> int:
    """How many numbers of one row each of a layer's outputs takes, over all its places.

    Args:
        layer: a Gemm, MatMul or Conv.
        shape: of what it answers.
    """
    places = shape[2:] if layer.kernel else shape[1:-1]
    return len(layer.weights()) * math.prod(places)
