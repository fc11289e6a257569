"""Gemm, MatMul and Conv seen alike: a matrix that is multiplied by, and a bias."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper

from fairlead.compress.graph import (
    FLOATS,
    STANDARD,
    Array,
    Draft,
    Node,
    attribute,
    called,
    set_attribute,
)

LAYERS = ("Gemm", "MatMul", "Conv")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a draft, known by the tensor that its node makes.

    Args:
        draft: that it is part of.
        made: the first output of its node.
    """

    draft: Draft
    made: str

    @property
    def node(self) -> Node:
        """Its node, as it is now."""
        return self.draft.producer(self.made)

    @property
    def dtype(self) -> np.dtype[Any]:
        """That it computes in."""
        return self._stored().dtype

    @property
    def kernel(self) -> tuple[int, ...]:
        """The window that a convolution looks at; () if it is none."""
        return self._stored().shape[2:] if self.node.op_type == "Conv" else ()

    def weights(self) -> Array:
        """What it multiplies by, in doubles, shape (inputs, outputs).

        The inputs of a convolution are the places of its window, channel by channel.
        """
        stored = np.asarray(self._stored(), np.float64)
        if self.node.op_type == "Conv":
            return stored.reshape(len(stored), -1).T
        turned = self.node.op_type == "Gemm" and attribute(self.node, "transB", 0)
        alpha = float(attribute(self.node, "alpha", 1.0))
        return alpha * (stored.T if turned else stored)

    def bias(self) -> Array | None:
        """What it adds to each output, in doubles, shape (outputs,); None if it adds nothing."""
        place = self._bias_place()
        if place is None:
            return None
        held = self.draft.constant(place[0].input[place[1]])
        assert held is not None
        outputs = self.weights().shape[1]
        beta = float(attribute(self.node, "beta", 1.0)) if self.node.op_type == "Gemm" else 1.0
        return beta * np.broadcast_to(np.asarray(held, np.float64).reshape(-1), (outputs,))

    def answer(self) -> str:
        """The tensor that holds its outputs with its bias added."""
        added = self._adder()
        return added.output[0] if added is not None else self.made

    def put(
        self, weights: Array, bias: Array | None, kernel: tuple[int, ...] | None = None
    ) -> None:
        """Give it other weights and another bias, perhaps of other sizes.

        Args:
            weights: shape (inputs, outputs).
            bias: shape (outputs,); None leaves it with the one it has, or with none.
            kernel: another window of a convolution, if it gets one.
        """
        dtype, node = self.dtype, self.node
        if bias is not None:
            self._put_bias(bias.astype(dtype))
        stored = self.as_stored(weights, kernel)
        if node.op_type != "Conv":
            set_attribute(node, "alpha", None)
        self.draft.give(node, 1, stored.astype(dtype))

    def as_stored(self, weights: Array, kernel: tuple[int, ...] | None = None) -> Array:
        """Weights, shape (inputs, outputs), in the shape in which its node holds them."""
        if self.node.op_type == "Conv":
            kernel = kernel or self.kernel
            channels = len(weights) // math.prod(kernel)
            return weights.T.reshape(weights.shape[1], channels, *kernel)
        turned = self.node.op_type == "Gemm" and attribute(self.node, "transB", 0)
        return weights.T if turned else weights

    def _stored(self) -> Array:
        held = self.draft.constant(self.node.input[1])
        assert held is not None
        return held

    def _adder(self) -> Node | None:
        """The node that adds the bias of a MatMul."""
        readers = self.draft.readers(self.made)
        if self.node.op_type != "MatMul" or len(readers) != 1 or self.made in self.draft.outputs:
            return None
        outputs = self._stored().shape[-1]
        if readers[0].op_type != "Add":
            return None
        others = [self.draft.constant(name) for name in readers[0].input if name != self.made]
        held = others[0] if len(others) == 1 else None
        fits = held is not None and held.shape[-1:] == (outputs,) and held.size == outputs
        return readers[0] if fits else None

    def _bias_place(self) -> tuple[Node, int] | None:
        adder = self._adder()
        if adder is not None:
            return adder, 1 if adder.input[0] == self.made else 0
        node = self.node
        has = node.op_type != "MatMul" and len(node.input) > 2 and node.input[2]
        return (node, 2) if has else None

    def _put_bias(self, bias: Array) -> None:
        place, node = self._bias_place(), self.node
        if node.op_type == "Gemm":
            set_attribute(node, "beta", None)
        if place is None:
            assert node.op_type != "MatMul"
            place = node, 2
        held = self.draft.constant(place[0].input[place[1]]) if place[0] != node else None
        shape = held.shape[:-1] if held is not None else ()
        self.draft.give(*place, bias.reshape(*shape, -1))


def with_bias(layer: Layer) -> Layer:
    """The layer with a place for a bias: behind a MatMul that has none, one of zeros is added."""
    node, draft = layer.node, layer.draft
    if node.op_type != "MatMul" or layer.bias() is not None:
        return layer
    zeros = draft.hold(f"{layer.made}_bias", np.zeros(layer.weights().shape[1], layer.dtype))
    moved = draft.fresh(layer.made)
    adder = helper.make_node("Add", [layer.made, zeros], [moved])
    made = layer.made
    if made in draft.outputs:  # whose name stays with what callers get
        draft.redirect(made, moved)
        node.output[0], adder.input[0], adder.output[0] = moved, moved, made
    else:
        draft.redirect(layer.made, moved)
    draft.append(adder, node)
    return Layer(draft, node.output[0])


def layer_of(draft: Draft, node: Node) -> Layer | str:
    """A node as a layer, or why it is none that can be changed, in words that name it."""
    name = called(node)
    if node.op_type not in LAYERS or node.domain not in STANDARD:
        return f"{name} is no Gemm, MatMul or Conv"
    if attribute(node, "transA", 0):
        return f"{name} turns its input round"
    if attribute(node, "group", 1) != 1:
        return f"{name} is a grouped convolution"
    held = draft.constant(node.input[1])
    if held is None:
        return f"{name} has weights that are not constant"
    if held.dtype not in FLOATS:
        return f"{name} has weights of type {held.dtype}"
    if held.ndim < 3 if node.op_type == "Conv" else held.ndim != 2:
        return f"{name} has weights of {held.ndim} axes"
    bias = node.input[2] if len(node.input) > 2 else ""
    if bias and draft.constant(bias) is None:
        return f"{name} has a bias that is not constant"
    if bias and node.op_type == "Gemm":
        added = draft.constant(bias)
        if added is not None and added.ndim == 2 and added.shape[0] != 1:
            return f"{name} adds another bias to each row"
    return Layer(draft, node.output[0])


def padding(node: Node, sizes: Sequence[int], kernel: Sequence[int]) -> list[tuple[int, int]]:
    """How many zeros a convolution adds ahead of each spatial axis and behind it."""
    rank = len(kernel)
    mode = attribute(node, "auto_pad", b"NOTSET")
    if mode in (b"NOTSET", b"VALID"):
        pads = attribute(node, "pads", [0] * 2 * rank) if mode == b"NOTSET" else [0] * 2 * rank
        return list(zip(pads[:rank], pads[rank:], strict=True))
    found = []
    for size, window, stride, gap in zip(
        sizes, kernel, strides(node, rank), dilations(node, rank), strict=True
    ):
        total = max(0, (math.ceil(size / stride) - 1) * stride + (window - 1) * gap + 1 - size)
        less, more = total // 2, total - total // 2
        found.append((less, more) if mode == b"SAME_UPPER" else (more, less))
    return found


def strides(node: Node, rank: int) -> list[int]:
    """How far a convolution's window moves along each axis."""
    return list(attribute(node, "strides", [1] * rank))


def dilations(node: Node, rank: int) -> list[int]:
    """How far apart the places of a convolution's window lie."""
    return list(attribute(node, "dilations", [1] * rank))


def unfold(layer: Layer, inputs: Array) -> Array:
    """What a layer multiplies, row by row: shape (any, inputs of its weights)."""
    kernel = layer.kernel
    if not kernel:
        return inputs.reshape(-1, inputs.shape[-1])
    node, rank = layer.node, len(kernel)
    padded = np.pad(inputs, [(0, 0), (0, 0), *padding(node, inputs.shape[2:], kernel)])
    gaps, moves = dilations(node, rank), strides(node, rank)
    spans = tuple((window - 1) * gap + 1 for window, gap in zip(kernel, gaps, strict=True))
    axes = tuple(range(2, 2 + rank))
    windows = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=axes)
    windows = windows[(slice(None), slice(None), *(slice(None, None, m) for m in moves),
                       *(slice(None, None, g) for g in gaps))]  # fmt: skip
    moved = np.moveaxis(windows, 1, 1 + rank)
    return moved.reshape(math.prod(moved.shape[: 1 + rank]), -1)


def outputs_of(layer: Layer, answers: Array) -> Array:
    """What a layer answers, row by row: shape (any, outputs of its weights)."""
    if layer.kernel:
        answers = np.moveaxis(answers, 1, -1)
    return answers.reshape(-1, answers.shape[-1])
