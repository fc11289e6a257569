"""Moments of what a layer multiplies, over rows."""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.compress.cost import multiplied
from fairlead.compress.layers import Layer, unfold
from fairlead.compress.observe import Observer, Shape, batches
from fairlead.compress.refit import Moments, gather
from fairlead.compress.types import Feeds


def input_moments(layer: Layer, feeds: Feeds, shapes: Mapping[str, Shape]) -> Moments:
    """Means and moments of a layer's inputs; of its outputs nothing is gathered.

    Args:
        layer: of a graph that takes the rows.
        feeds: one or more rows.
        shapes: of the graph's tensors, for some rows.

    Raises:
        ModelError: the graph does not take the rows.
    """
    inputs = Observer(layer.draft.model, [layer.node.input[0]])
    parts = batches(feeds, multiplied(layer, shapes[layer.made]))
    rows = (unfold(layer, inputs(part)[0]) for part in parts)
    return gather((some, some[:, :0]) for some in rows)
