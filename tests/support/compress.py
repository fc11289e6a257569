"""A small network, and methods that do something plain to any graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import fairlead
from fairlead.bundle import Step
from fairlead.compress.types import Feeds, Refused
from fairlead.registry import Version

FIELDS = ("a", "b", "c", "d")


def rows(count: int, seed: int = 1) -> tuple[Any, Any]:
    """Rows of four numbers, and which side of a plane they are on, with some noise."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(count, len(FIELDS)))
    side = values @ np.array([1.0, -2.0, 0.5, 0.0]) + draw.normal(0.0, 0.3, count) > 0
    return values, side.astype(np.int64)


def network(width: int = 64) -> onnx.ModelProto:
    """A graph of two layers, most of whose units say nothing, that tells the side of the plane."""
    draw = np.random.default_rng(0)
    plane = np.array([1.0, -2.0, 0.5, 0.0])
    first = draw.normal(0.0, 1e-3, (4, width))
    first[:, 0], first[:, 1] = plane, -plane
    second = draw.normal(0.0, 1e-3, (width, 2))
    second[:2] = [[-3.0, 3.0], [3.0, -3.0]]
    values = {"W0": first, "b0": np.zeros(width), "W1": second, "b1": np.array([0.0, 0.01])}
    nodes = [
        helper.make_node("Gemm", ["x", "W0", "b0"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "W1", "b1"], ["s"]),
        helper.make_node("ArgMax", ["s"], ["label"], axis=1, keepdims=0),
        helper.make_node("Softmax", ["s"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes, "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
         helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in values.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def package_network(home: Path, name: str = "side") -> Version:
    """Register the network."""
    import polars as pl

    values, side = rows(300, seed=7)
    return fairlead.package(network(), pl.DataFrame(values, FIELDS), side, name=name, home=home)


class Fewer:
    """Leaves all but the first units out; the fewer, the stronger."""

    name = "fewer"

    def __init__(self, *keeps: int) -> None:
        self._keeps = keeps

    def steps(self) -> Sequence[Step]:
        return [Step(method=self.name, settings={"keep": keep}) for keep in self._keeps]

    def apply(
        self, model: onnx.ModelProto, step: Step, feeds: Feeds, *, seed: int
    ) -> onnx.ModelProto | Refused:
        made = onnx.ModelProto()
        made.CopyFrom(model)
        keep = int(step.settings["keep"])
        for tensor in made.graph.initializer:
            values = numpy_helper.to_array(tensor)
            cut = {"W0": values[:, :keep] if values.ndim > 1 else values, "W1": values[:keep],
                   "b0": values[:keep]}.get(tensor.name, values)  # fmt: skip
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(cut), tensor.name))
        return made


class Never:
    """Refuses every graph."""

    name = "never"

    def steps(self) -> Sequence[Step]:
        return [Step(method=self.name)]

    def apply(
        self, model: onnx.ModelProto, step: Step, feeds: Feeds, *, seed: int
    ) -> onnx.ModelProto | Refused:
        return Refused(self.name, "Node 'h' is read by two others.")


class Half:
    """Stores matrices in half precision."""

    name = "half"

    def steps(self) -> Sequence[Step]:
        return [Step(method=self.name)]

    def apply(
        self, model: onnx.ModelProto, step: Step, feeds: Feeds, *, seed: int
    ) -> onnx.ModelProto | Refused:
        made = onnx.ModelProto()
        made.CopyFrom(model)
        for tensor in made.graph.initializer:
            values = numpy_helper.to_array(tensor)
            if values.ndim < 2:
                continue
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
            cast = helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT)
            made.graph.node.insert(0, cast)
        return made
