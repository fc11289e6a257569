"""Layers of low rank: two thin ones in the place of one, where that is smaller."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from fairlead.bundle import Step
from fairlead.compress.graph import Array, Draft, called
from fairlead.compress.layers import LAYERS, Layer, layer_of, with_bias
from fairlead.compress.moments import input_moments
from fairlead.compress.observe import Shape, fold, shapes
from fairlead.compress.settings import Setting, take
from fairlead.compress.types import Feeds, Refused
from fairlead.errors import ConfigError, ModelError

LOSSES = (0.0001, 0.001, 0.003, 0.01, 0.03)
DEFAULTS: dict[str, Setting] = {"loss": 0.001}
INPUTS_MAX = 8192


@dataclass(frozen=True, slots=True)
class Factors:
    """Two matrices in the place of one, and the bias that goes with them.

    Args:
        first: shape (inputs, rank).
        second: shape (rank, outputs).
        bias: shape (outputs,).
    """

    first: Array
    second: Array
    bias: Array


class LowRank:
    """Splits a layer in two over fewer values than it has inputs or outputs.

    What is kept are the directions in which the layer's answers to the rows vary most.

    Settings of its steps:
        loss: the share of that variance that may be lost.
    """

    name = "low-rank"

    def steps(self) -> Sequence[Step]:
        """More and more of the variance lost."""
        return tuple(Step(method=self.name, settings={"loss": loss}) for loss in LOSSES)

    def apply(
        self,
        model: onnx.ModelProto,
        step: Step,
        feeds: Feeds,
        *,
        seed: int,  # noqa: ARG002 - nothing is drawn
    ) -> onnx.ModelProto | Refused:
        """Split each layer that gets smaller."""
        loss = float(take(step, DEFAULTS)["loss"])
        if not 0 <= loss < 1:
            raise ConfigError("'loss' of 'low-rank' must be from 0 to below 1.")
        draft = Draft(model)
        try:
            fold(draft, feeds)
            known = shapes(draft, feeds)
            fitting = [layer for layer in _layers(draft) if _fits(layer)]
            done = [_split(layer, loss, feeds, known) for layer in fitting]
        except ModelError as error:
            return Refused(self.name, error.message)
        if not any(done):
            reasons = " ".join(refused.reason for refused in self.refusals(model, feeds))
            return Refused(self.name, f"No layer would get smaller. {reasons}".strip())
        return draft.finish()

    def refusals(self, model: onnx.ModelProto, feeds: Feeds) -> Sequence[Refused]:
        """Layers that cannot be split, whatever the settings."""
        draft = Draft(model)
        try:
            fold(draft, feeds)
        except ModelError as error:
            return (Refused(self.name, error.message),)
        found = (layer_of(draft, node) for node in draft.nodes if node.op_type in LAYERS)
        reasons = [_reason(layer) for layer in found]
        return tuple(Refused(self.name, reason) for reason in reasons if reason)


def low_rank(
    weights: Array, bias: Array, inner: Array, means: Array, loss: float
) -> Factors | None:
    """The factors of lowest rank that lose no more than a share of the outputs' variance.

    With S S' the covariance of the inputs, W is replaced by S'^-1 [S'W]_r, where [.]_r is the
    singular value decomposition cut after r values; the bias takes on what the means lose.

    Args:
        weights: shape (inputs, outputs).
        bias: shape (outputs,).
        inner: covariance of the inputs, shape (inputs, inputs).
        means: of the inputs, shape (inputs,).
        loss: from 0 to below 1.

    Returns:
        None where the factors would be no smaller.
    """
    values, vectors = np.linalg.eigh(inner)
    roots = np.sqrt(np.maximum(values, 1e-10 * max(values.max(), 1e-300)))
    left, sizes, right = np.linalg.svd((vectors * roots).T @ weights, full_matrices=False)
    lost = np.append(np.cumsum((sizes**2)[::-1])[::-1], 0.0)
    rank = max(1, int(np.argmax(lost <= loss * lost[0])))
    if rank * sum(weights.shape) >= weights.size:
        return None
    balance = np.sqrt(np.maximum(sizes[:rank], 1e-300))
    first = (vectors / roots) @ left[:, :rank] * balance
    second = balance[:, None] * right[:rank]
    return Factors(first, second, bias + means @ (weights - first @ second))


def _layers(draft: Draft) -> list[Layer]:
    found = [layer_of(draft, node) for node in draft.nodes if node.op_type in LAYERS]
    return [layer for layer in found if isinstance(layer, Layer)]


def _reason(layer: Layer | str) -> str:
    if isinstance(layer, str):
        return layer[0].upper() + layer[1:] + "."
    if not _fits(layer):
        name, inputs = called(layer.node), len(layer.weights())
        return f"{name[0].upper()}{name[1:]} has {inputs} inputs, more than {INPUTS_MAX}."
    return ""


def _fits(layer: Layer) -> bool:
    return len(layer.weights()) <= INPUTS_MAX


def _split(layer: Layer, loss: float, feeds: Feeds, known: Mapping[str, Shape]) -> bool:
    """Split a layer; whether it gets smaller."""
    weights, bias = layer.weights(), layer.bias()
    moments = input_moments(layer, feeds, known)
    bias = np.zeros(weights.shape[1]) if bias is None else bias
    factors = low_rank(weights, bias, moments.inner, moments.inputs, loss)
    if factors is None:
        return False
    layer = with_bias(layer)
    first = _first(layer, factors.first)
    layer.draft.insert(first, layer.node)
    layer.node.input[0] = first.output[0]
    window = (1,) * len(layer.kernel)
    if window:
        del layer.node.attribute[:]  # the first one moves and looks as it did
    layer.put(factors.second, factors.bias, window)
    return True


def _first(layer: Layer, weights: Array) -> onnx.NodeProto:
    """The node that makes the few values between the two."""
    draft, node, kernel = layer.draft, layer.node, layer.kernel
    made = draft.fresh(f"{layer.made}_thin")
    if not kernel:
        held = draft.hold(f"{made}_weights", weights.astype(layer.dtype))
        return helper.make_node("MatMul", [node.input[0], held], [made])
    stored = weights.T.reshape(weights.shape[1], len(weights) // math.prod(kernel), *kernel)
    held = draft.hold(f"{made}_weights", stored.astype(layer.dtype))
    first = helper.make_node("Conv", [node.input[0], held], [made])
    first.attribute.extend(node.attribute)
    return first
