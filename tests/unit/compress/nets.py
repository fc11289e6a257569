"""Small networks as graphs, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from fairlead.bundle import Step
from fairlead.compress.types import Feeds
from fairlead.runners.onnx import load_onnxruntime

Array = npt.NDArray[Any]


def step(method: str, **settings: float | str) -> Step:
    return Step(method=method, settings=settings)


def model_of(
    nodes: Sequence[Any],
    constants: dict[str, Array],
    shape: Sequence[int | str] = ("rows", 6),
    dtype: int = TensorProto.FLOAT,
    outputs: Sequence[str] = ("y",),
    rank: int = 0,
) -> onnx.ModelProto:
    """A graph from `x` to its outputs, of as many axes as `x` unless `rank` is another number."""
    axes = ["rows", *(f"axis_{place}" for place in range(1, rank or len(shape)))]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info(name, dtype, axes) for name in outputs],
        [numpy_helper.from_array(np.ascontiguousarray(v), name) for name, v in constants.items()],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.checker.check_model(model)
    return model


def mlp(
    weights: Sequence[Array], form: str = "gemm", activation: str = "Relu", biased: bool = True
) -> onnx.ModelProto:
    """Layers of weights (inputs, outputs), written in one of the forms that exporters have."""
    dtype = weights[0].dtype
    nodes, constants, given = [], {}, "x"
    for place, held in enumerate(weights):
        last = place == len(weights) - 1
        made = "y" if last else f"z{place}"
        bias = np.linspace(-0.1, 0.2, held.shape[1]).astype(dtype)
        constants[f"w{place}"] = held.T if form == "gemm_turned" else held
        inputs = [given, f"w{place}"]
        if biased:
            constants[f"b{place}"] = bias
        if form == "matmul":
            inner = f"{made}_raw" if biased else made
            nodes.append(helper.make_node("MatMul", inputs, [inner], name=f"layer{place}"))
            if biased:
                nodes.append(helper.make_node("Add", [inner, f"b{place}"], [made]))
        else:
            inputs += [f"b{place}"] if biased else []
            turned = {"transB": 1} if form == "gemm_turned" else {}
            nodes.append(helper.make_node("Gemm", inputs, [made], name=f"layer{place}", **turned))
        if not last:
            given = f"a{place}"
            nodes.append(helper.make_node(activation, [made], [given], name=f"act{place}"))
    kind = helper.np_dtype_to_tensor_dtype(dtype)
    return model_of(nodes, constants, ("rows", weights[0].shape[0]), kind)


def drawn(*widths: int, seed: int = 0, dtype: type = np.float32) -> list[Array]:
    """Weights of layers between these widths."""
    draw = np.random.default_rng(seed)
    pairs = pairwise(widths)
    return [(draw.normal(size=pair) / np.sqrt(pair[0])).astype(dtype) for pair in pairs]


def rows(*shape: int, seed: int = 1, dtype: type = np.float32) -> Feeds:
    return {"x": np.random.default_rng(seed).normal(size=shape).astype(dtype)}


def answers(model: onnx.ModelProto, feeds: Feeds) -> list[Array]:
    """What a graph answers, on the processor."""
    options = load_onnxruntime().SessionOptions()
    options.log_severity_level = 4
    raw = model.SerializeToString()
    session = load_onnxruntime().InferenceSession(raw, options, ["CPUExecutionProvider"])
    values: list[Array] = session.run(None, dict(feeds))
    return values


def constants_of(model: onnx.ModelProto) -> dict[str, Array]:
    return {held.name: numpy_helper.to_array(held) for held in model.graph.initializer}


def interface(model: onnx.ModelProto) -> list[bytes]:
    return [t.SerializeToString() for t in (*model.graph.input, *model.graph.output)]
