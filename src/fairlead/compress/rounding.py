"""Weights rounded so that what a layer answers moves least, not so that each weight does."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fairlead.compress.graph import Array, Draft, Node, attribute
from fairlead.compress.layers import LAYERS, Layer, layer_of
from fairlead.compress.made import rows_of
from fairlead.compress.moments import input_moments
from fairlead.compress.observe import Shape, shapes
from fairlead.compress.types import Feeds

ROWS = 512
"""That outputs are looked at for."""
INPUTS_MAX = 8192
WORK_MAX = 4_000_000_000
"""Products that are taken, some seconds; a layer of more is rounded number by number."""
RIDGE = 0.01
"""Of the mean moment, added to each: directions that few rows say something about stay calm."""


def round_weights(weights: Array, scales: Array, inner: Array, levels: int) -> Array:
    """Whole numbers whose products with the scales answer the rows as the weights do.

    Inputs are rounded one after the other; what that moves the outputs by is made up for by the
    weights of those that are not rounded yet, by least squares.
    Source: Frantar et al.: GPTQ, 2023, with one order for all outputs.

    Args:
        weights: shape (inputs, outputs).
        scales: of each output, shape (outputs,), above 0.
        inner: moments about zero of inputs with inputs, shape (inputs, inputs).
        levels: the largest whole number.

    Returns:
        Whole numbers from -levels to levels, shape (inputs, outputs).
    """
    left = np.array(weights, np.float64)
    whole = np.empty(left.shape)
    turned = _factor(inner)
    for place, row in enumerate(turned):
        whole[place] = np.rint(left[place] / scales).clip(-levels, levels)
        off = (left[place] - whole[place] * scales) / row[place]
        left[place + 1 :] -= np.outer(row[place + 1 :], off)
    return whole


def _factor(inner: Array) -> Array:
    """The upper factor U of the inverse moments, which are U'U."""
    mean = float(np.diag(inner).mean()) or 1.0
    inverse = np.linalg.inv(inner + RIDGE * mean * np.eye(len(inner)))
    lower: Array = np.linalg.cholesky((inverse + inverse.T) / 2)
    return lower.T


class Rounding:
    """Rounds the weights of a graph while they are stored, one layer after the other.

    Args:
        draft: that changes meanwhile; it must run at any time.
        feeds: rows; without any, all is rounded to the nearest.

    Raises:
        ModelError: the graph does not take the rows.
    """

    def __init__(self, draft: Draft, feeds: Feeds) -> None:
        rows = rows_of(feeds) if feeds else 0
        self._draft = draft
        self._feeds: Feeds = {n: v[:: -(-rows // ROWS)] for n, v in feeds.items()} if rows else {}
        self._shapes: Mapping[str, Shape] = shapes(draft, self._feeds) if rows else {}

    def whole(self, tensor: str, node: Node, values: Array, scales: Array, levels: int) -> Array:
        """Whole numbers from -levels to levels that stand for a constant, in its shape.

        Args:
            tensor: the constant's name.
            node: a reader.
            values: what it holds.
            scales: that the numbers are multiplied by; shape as that of the values, or 1.
            levels: the largest.
        """
        layer = self._layer(tensor, node) if self._feeds else None
        inner = None if layer is None else self._inner(layer)
        if layer is None or inner is None:
            return np.asarray(np.rint(values / scales).clip(-levels, levels))
        each = scales.reshape(-1).astype(np.float64) * float(attribute(node, "alpha", 1.0))
        return layer.as_stored(round_weights(layer.weights(), each, inner, levels))

    def _inner(self, layer: Layer) -> Array | None:
        """The moments of what a layer multiplies; None where that is not always a number."""
        moments = input_moments(layer, self._feeds, self._shapes)
        inner = moments.inner + np.outer(moments.inputs, moments.inputs)
        return inner if np.isfinite(inner).all() else None

    def _layer(self, tensor: str, node: Node) -> Layer | None:
        """The only reader, if it is a layer whose outputs can be looked at."""
        if node.op_type not in LAYERS or node.input[1] != tensor or not attribute(node, "alpha", 1):
            return None
        layer = layer_of(self._draft, node)
        alone = len(self._draft.readers(tensor)) == 1
        return layer if isinstance(layer, Layer) and alone and _fits(layer.weights()) else None


def _fits(weights: Array) -> bool:
    """Whether weights, (inputs, outputs), are few enough to be rounded so."""
    inputs, outputs = weights.shape
    return bool(inputs <= INPUTS_MAX and inputs * inputs * (inputs + outputs) <= WORK_MAX)
