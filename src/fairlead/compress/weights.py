"""Weights stored in fewer bytes: eight-bit whole numbers with scales, or half precision.

They are cast back by nodes that onnxruntime folds when it loads the graph, so that it runs as
before. `DequantizeLinear` would not be folded, and would cost time at each answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from fairlead.bundle import Step
from fairlead.compress.graph import FLOATS, STANDARD, Array, Draft, Node, attribute, called
from fairlead.compress.rounding import Rounding
from fairlead.compress.settings import take
from fairlead.compress.types import Feeds, Refused
from fairlead.errors import ModelError

LEVELS = 127
NODE_BYTES = 60  # about what one node takes in a file
HALF_MAX = float(np.finfo(np.float16).max)


class Int8:
    """Weights as whole numbers from -127 to 127, with one scale for each output of their layer.

    Those of a Gemm, MatMul or Conv are rounded so that what it answers to the rows moves least;
    others, and where there are no rows, to the nearest.
    """

    name = "int8"

    def steps(self) -> Sequence[Step]:
        """There is one way."""
        return (Step(method=self.name),)

    def apply(
        self,
        model: onnx.ModelProto,
        step: Step,
        feeds: Feeds,
        *,
        seed: int,  # noqa: ARG002 - nothing is drawn
    ) -> onnx.ModelProto | Refused:
        """Store each weight that gets smaller."""
        take(step, {})
        draft, done = Draft(model), 0
        try:
            rounding = Rounding(draft, feeds)
        except ModelError as error:
            return Refused(self.name, error.message)
        for tensor, node, axes in list(weights_of(draft)):
            values = draft.constant(tensor)
            assert values is not None
            scales = np.abs(values).max(axis=axes, keepdims=True) / LEVELS
            scales[scales == 0] = 1
            saved = values.nbytes - values.size - scales.nbytes - 2 * NODE_BYTES
            if saved <= 0 or not np.isfinite(scales).all():
                continue
            whole = rounding.whole(tensor, node, values, scales, LEVELS)
            _read_as(draft, tensor, node, whole.astype(np.int8), values.dtype, scales)
            done += 1
        return draft.finish() if done else _none(self.name)

    def refusals(
        self,
        model: onnx.ModelProto,
        feeds: Feeds,  # noqa: ARG002 - rows are not asked
    ) -> Sequence[Refused]:
        """Layers whose weights are not constants."""
        return _unstored(self.name, Draft(model))


class Half:
    """Weights in half precision: eleven significant bits."""

    name = "fp16"

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
        """Store each weight that gets smaller and that half precision can hold."""
        take(step, {})
        draft, done = Draft(model), 0
        for tensor, node, _ in weights_of(draft):
            values = draft.constant(tensor)
            assert values is not None
            saved = values.nbytes - 2 * values.size - NODE_BYTES
            if saved <= 0 or not np.abs(values).max() <= HALF_MAX:
                continue
            _read_as(draft, tensor, node, values.astype(np.float16), values.dtype, None)
            done += 1
        return draft.finish() if done else _none(self.name)

    def refusals(
        self,
        model: onnx.ModelProto,
        feeds: Feeds,  # noqa: ARG002 - rows are not asked
    ) -> Sequence[Refused]:
        """Layers whose weights are not constants, or beyond half precision."""
        draft = Draft(model)
        beyond = [
            Refused(self.name, f"The weights of {called(node)} are beyond {HALF_MAX:g}.")
            for tensor, node, _ in weights_of(draft)
            if not np.abs(_held(draft, tensor)).max() <= HALF_MAX
        ]
        return (*_unstored(self.name, draft), *beyond)


def weights_of(draft: Draft) -> Iterator[tuple[str, Node, tuple[int, ...]]]:
    """Each constant that a layer multiplies by, its first reader, and the axes that are summed."""
    seen: set[str] = set()
    for node in draft.nodes:
        for place in _places(node):
            tensor = node.input[place]
            values = draft.constant(tensor)
            if tensor in seen or values is None or values.ndim < 2 or values.dtype not in FLOATS:
                continue
            seen.add(tensor)
            yield tensor, node, _summed(node, place, values.ndim)


def _places(node: Node) -> tuple[int, ...]:
    """Where a node reads weights."""
    if node.domain not in STANDARD:
        return ()
    places = {
        "MatMul": (0, 1), "Gemm": (1,), "Conv": (1,), "ConvTranspose": (1,), "Gather": (0,),
        "LSTM": (1, 2), "GRU": (1, 2), "RNN": (1, 2),
    }.get(node.op_type, ())  # fmt: skip
    return tuple(place for place in places if place < len(node.input))


def _summed(node: Node, place: int, rank: int) -> tuple[int, ...]:
    """The axes of weights that share a scale: those that the node sums over."""
    if node.op_type == "Gemm":
        return (1,) if attribute(node, "transB", 0) else (0,)
    if node.op_type == "MatMul":
        return (rank - 1,) if place == 0 else (rank - 2,)
    if node.op_type == "ConvTranspose":
        return (0, *range(2, rank))
    return tuple(range(1, rank)) if node.op_type in ("Conv", "Gather") else (rank - 1,)


def _read_as(
    draft: Draft, tensor: str, node: Node, stored: Array, dtype: np.dtype[Any], scales: Array | None
) -> None:
    """Let all who read a tensor read it from what is stored."""
    full = draft.fresh(f"{tensor}_full")
    last = full if scales is None else draft.fresh(f"{tensor}_scaled")
    kind = helper.np_dtype_to_tensor_dtype(dtype)
    draft.redirect(tensor, last)
    draft.insert(helper.make_node("Cast", [draft.hold(tensor, stored)], [full], to=kind), node)
    if scales is not None:
        held = draft.hold(f"{tensor}_scale", scales)
        draft.insert(helper.make_node("Mul", [full, held], [last]), node)


def _held(draft: Draft, tensor: str) -> Array:
    values = draft.constant(tensor)
    assert values is not None
    return values


def _none(method: str) -> Refused:
    return Refused(method, "No layer has constant weights that would get smaller.")


def _unstored(method: str, draft: Draft) -> tuple[Refused, ...]:
    """Layers that multiply two tensors of which neither is constant."""
    return tuple(
        Refused(method, f"The weights of {called(node)} are not constant.")
        for node in draft.nodes
        if node.op_type != "Gather"
        and _places(node)
        and all(draft.constant(node.input[place]) is None for place in _places(node))
    )
