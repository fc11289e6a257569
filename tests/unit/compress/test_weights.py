"""Weights in fewer bytes are near to what they were, and cost no time when the graph runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import Array, answers, constants_of, drawn, interface, mlp, model_of, rows, step
from onnx import helper

from fairlead.compress.types import Refused
from fairlead.compress.weights import Half, Int8
from fairlead.errors import ConfigError
from fairlead.runners.onnx import load_onnxruntime

METHODS = (Int8(), Half())


def stored(method: Int8 | Half, model: onnx.ModelProto) -> onnx.ModelProto:
    made = method.apply(model, step(method.name), {}, seed=0)
    assert isinstance(made, onnx.ModelProto), made
    return made


def optimised(model: onnx.ModelProto, folder: Path) -> onnx.ModelProto:
    """The graph as onnxruntime runs it."""
    ort = load_onnxruntime()
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return onnx.load(folder / "optimised.onnx")


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_runtime_folds_what_is_stored_back_into_weights(
    method: Int8 | Half, dtype: type, tmp_path: Path
) -> None:
    model = mlp(drawn(64, 96, 32, dtype=dtype), "gemm_turned")
    made = optimised(stored(method, model), tmp_path)
    plain = optimised(model, tmp_path)
    assert [node.op_type for node in made.graph.node] == [n.op_type for n in plain.graph.node]


@pytest.mark.parametrize("form", ["gemm", "gemm_turned", "matmul"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_weight_moves_by_half_of_its_outputs_scale_at_most(
    form: str, dtype: type, tmp_path: Path
) -> None:
    weights = drawn(64, 96, dtype=dtype)[0] * np.geomspace(1e-4, 1e4, 96).astype(dtype)
    made = optimised(stored(Int8(), mlp([weights], form)), tmp_path)
    held = next(v for v in constants_of(made).values() if v.size == weights.size)
    held = held if held.shape == weights.shape else held.T
    bound = np.abs(weights).max(axis=0) / 127 / 2
    assert (np.abs(held - weights) <= bound * 1.001).all()


@pytest.mark.parametrize(("method", "times"), [(Int8(), 3.7), (Half(), 1.95)],
                         ids=["int8", "fp16"])  # fmt: skip
def test_a_network_gets_as_small_as_its_weights(method: Int8 | Half, times: float) -> None:
    model = mlp(drawn(64, 512, 256, 10))
    assert model.ByteSize() / stored(method, model).ByteSize() > times


def test_filters_and_looked_up_rows_have_scales_of_their_own() -> None:
    draw = np.random.default_rng(0)
    model = model_of(
        [
            helper.make_node("Conv", ["x", "filters"], ["c"]),
            helper.make_node("Gather", ["table", "place"], ["g"]),
            helper.make_node("Add", ["c", "g"], ["y"]),
        ],
        {
            "filters": draw.normal(size=(16, 8, 3, 3)).astype(np.float32),
            "table": draw.normal(size=(32, 64)).astype(np.float32),
            "place": np.array(3),
        },
        ("rows", 8, 66, 66),
    )
    scales = {v.shape for name, v in constants_of(stored(Int8(), model)).items() if "scale" in name}
    assert scales == {(16, 1, 1, 1), (32, 1)}


def test_biases_and_constants_that_nothing_multiplies_stay() -> None:
    nodes = [
        helper.make_node("Sub", ["x", "mean"], ["c"]),
        helper.make_node("Gemm", ["c", "w", "b"], ["y"]),
    ]
    held = {"mean": np.ones((1, 600)), "w": np.ones((600, 20)), "b": np.ones(20)}
    floats = {name: values.astype(np.float32) for name, values in held.items()}
    made = stored(Int8(), model_of(nodes, floats, ("rows", 600)))
    kept = constants_of(made)
    assert kept["mean"].dtype == kept["b"].dtype == np.float32
    assert kept["w_0"].dtype == np.int8


def test_weights_that_two_layers_share_are_stored_once() -> None:
    shared = drawn(40, 40)[0]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("MatMul", ["h", "w"], ["y"]),
    ]
    model = model_of(nodes, {"w": shared}, ("rows", 40))
    made = stored(Int8(), model)
    assert [node.op_type for node in made.graph.node] == ["Cast", "Mul", "MatMul", "MatMul"]


def test_weights_beyond_half_precision_stay_and_are_named() -> None:
    large, small = drawn(64, 32, 64)
    model = mlp([large * 1e6, small])
    made = stored(Half(), model)
    assert constants_of(made)["w0"].dtype == np.float32
    (refused,) = Half().refusals(model, {})
    assert refused.reason == "The weights of node 'layer0' (Gemm) are beyond 65504."


def test_layers_without_constant_weights_are_named() -> None:
    model = model_of(
        [helper.make_node("MatMul", ["x", "x"], ["y"], name="square")], {}, ("rows", 6)
    )
    made = Int8().apply(model, step("int8"), {}, seed=0)
    assert made == Refused("int8", "No layer has constant weights that would get smaller.")
    (refused,) = Int8().refusals(model, {})
    assert refused.reason == "The weights of node 'square' (MatMul) are not constant."


def test_a_setting_is_refused() -> None:
    with pytest.raises(ConfigError, match="no setting 'bits'"):
        Int8().apply(mlp(drawn(6, 3)), step("int8", bits=4), {}, seed=0)


@settings(max_examples=25, deadline=None)
@given(
    widths=st.lists(st.integers(1, 48), min_size=1, max_size=3),
    form=st.sampled_from(("gemm", "gemm_turned", "matmul")),
    spread=st.floats(-4, 4),
    method=st.sampled_from(METHODS),
)
def test_any_chain_answers_nearly_as_before(
    widths: list[int], form: str, spread: float, method: Int8 | Half
) -> None:
    weights: list[Array] = [w * np.float32(10**spread) for w in drawn(16, *widths)]
    model = mlp(weights, form)
    before, feeds = model.SerializeToString(), rows(20, 16)
    made = method.apply(model, step(method.name), feeds, seed=0)
    assert model.SerializeToString() == before
    if isinstance(made, Refused):
        return
    again = method.apply(model, step(method.name), feeds, seed=0)
    assert isinstance(again, onnx.ModelProto)
    assert made.SerializeToString() == again.SerializeToString()
    onnx.checker.check_model(made, full_check=True)
    assert interface(made) == interface(model)
    got, right = answers(made, feeds)[0], answers(model, feeds)[0]
    assert np.isfinite(got).all()
    assert np.abs(got - right).max() <= 0.1 * np.abs(right).max() + 1e-4


@pytest.mark.parametrize("form", ["gemm", "gemm_turned", "matmul"])
def test_what_a_network_answers_to_its_rows_moves_less_than_by_rounding_to_the_nearest(
    form: str,
) -> None:
    model = mlp(drawn(32, 48, 8), form)
    seen, others = correlated(400, seed=0), correlated(300, seed=1)
    plain = Int8().apply(model, step("int8"), {}, seed=0)
    calm = Int8().apply(model, step("int8"), {"x": seen}, seed=0)
    assert isinstance(plain, onnx.ModelProto)
    assert isinstance(calm, onnx.ModelProto)
    assert calm.ByteSize() == plain.ByteSize()
    want = answers(model, {"x": others})[0]
    off = [np.square(answers(each, {"x": others})[0] - want).mean() for each in (plain, calm)]
    assert off[1] < 0.5 * off[0]


def correlated(rows: int, seed: int) -> Array:
    """Rows that vary in few directions, as most data does, with a little noise."""
    mixed = np.random.default_rng(7).normal(size=(6, 32))
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, 6)) @ mixed + 0.1 * draw.normal(size=(rows, 32)) + 1
    return np.asarray(values, np.float32)


def test_rows_that_a_graph_does_not_take_are_told() -> None:
    refused = Int8().apply(mlp(drawn(32, 48, 8)), step("int8"), {"x": np.ones((5, 3), np.float32)},
                           seed=0)  # fmt: skip
    assert isinstance(refused, Refused)
    assert "does not answer the rows" in refused.reason


def test_where_rows_are_no_numbers_weights_are_rounded_to_the_nearest() -> None:
    model, rows = mlp(drawn(32, 48, 8)), correlated(40, seed=0)
    rows[3, 5] = np.nan
    made, plain = (Int8().apply(model, step("int8"), feeds, seed=0) for feeds in ({"x": rows}, {}))
    assert isinstance(made, onnx.ModelProto)
    assert isinstance(plain, onnx.ModelProto)
    assert made.SerializeToString() == plain.SerializeToString()
