"""Units that say nothing new go, and what reads the rest answers as before."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import answers, constants_of, drawn, interface, mlp, model_of, rows, step
from onnx import helper

from fairlead.compress.prune import Prune
from fairlead.compress.types import Refused
from fairlead.compress.weights import Int8
from fairlead.errors import ConfigError

node = helper.make_node


def pruned(model: onnx.ModelProto, feeds: Any, **chosen: float | str) -> onnx.ModelProto:
    made = Prune().apply(model, step("prune", **chosen), feeds, seed=0)
    assert isinstance(made, onnx.ModelProto), made
    return made


@pytest.mark.parametrize("form", ["gemm", "gemm_turned", "matmul"])
def test_units_that_others_can_speak_for_go_without_a_loss(form: str) -> None:
    base, last = drawn(6, 4, seed=1)[0], drawn(16, 3, seed=2)[0]
    first = np.concatenate([base * factor for factor in (0.5, 1, 1.5, 2)], axis=1)
    model = mlp([first.astype(np.float32), last], form, biased=False)
    feeds = rows(200, 6)
    made = pruned(model, feeds, keep=0.25, ridge=0)
    assert max(held.size for held in constants_of(made).values()) == 24  # 4 units of 6 inputs
    np.testing.assert_allclose(answers(made, feeds)[0], answers(model, feeds)[0], atol=2e-5)


@pytest.mark.parametrize("settings_", [{}, {"strides": [2, 2]}, {"dilations": [2, 2]},
                                       {"auto_pad": "SAME_UPPER", "strides": [2, 2]}])  # fmt: skip
def test_filters_that_others_can_speak_for_go_without_a_loss(settings_: dict[str, Any]) -> None:
    draw = np.random.default_rng(0)
    base = draw.normal(size=(8, 2, 3, 3)).astype(np.float32)
    first = np.concatenate([base, 2 * base])
    second = (draw.normal(size=(8, 16, 3, 3)) / 12).astype(np.float32)
    padded = {} if "auto_pad" in settings_ else {"pads": [1, 0, 1, 2]}
    model = model_of(
        [
            node("Conv", ["x", "w"], ["z"], pads=[1, 1, 1, 1]),
            node("Relu", ["z"], ["a"]),
            node("Conv", ["a", "v", "c"], ["y"], **settings_, **padded),
        ],
        {"w": first, "v": second, "c": np.ones(8, np.float32)},
        ("rows", 2, 7, 6),
    )
    feeds = rows(40, 2, 7, 6)
    made = pruned(model, feeds, keep=0.5, per="size", ridge=0)
    assert constants_of(made)["w"].shape == (8, 2, 3, 3)
    np.testing.assert_allclose(answers(made, feeds)[0], answers(model, feeds)[0], atol=1e-4)


def flattening(flat: Any, **constants: Any) -> onnx.ModelProto:
    """A convolution whose sixteen filters are eight twice, flattened into a layer."""
    draw = np.random.default_rng(0)
    base = draw.normal(size=(8, 1, 3, 3)).astype(np.float32)
    nodes = [
        node("Conv", ["x", "w"], ["z"]),
        node("BatchNormalization", ["z", "s", "o", "m", "v"], ["n"]),
        node("Relu", ["n"], ["a"]),
        node("MaxPool", ["a"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        flat,
        node("MatMul", ["f", "last"], ["y"]),
    ]
    norm = {"s": np.tile(np.linspace(1, 2, 8), 2), "o": np.zeros(16), "m": np.zeros(16),
            "v": np.tile(np.linspace(1, 3, 8), 2)}  # fmt: skip
    held = {"w": np.concatenate([base, 3 * base]), "last": drawn(64, 3)[0], **constants}
    held |= {name: value.astype(np.float32) for name, value in norm.items()}
    return model_of(nodes, held, ("rows", 1, 6, 6), rank=2)


@pytest.mark.parametrize("kind", ["flatten", "reshape"])
def test_units_are_followed_through_pools_norms_and_flattening(kind: str) -> None:
    if kind == "flatten":
        model = flattening(node("Flatten", ["p"], ["f"]))
    else:
        shape = np.array([-1, 64])
        model = flattening(node("Reshape", ["p", "shape"], ["f"]), shape=shape)
    feeds = rows(100, 1, 6, 6)
    made = pruned(model, feeds, keep=0.5, per="size", ridge=0)
    held = constants_of(made)
    assert held["w"].shape[0] == held["s"].size == 8
    assert held["last"].shape == (32, 3)
    for count in (1, 100):
        few = {"x": feeds["x"][:count]}
        np.testing.assert_allclose(answers(made, few)[0], answers(model, few)[0], atol=1e-4)


def test_units_are_followed_where_they_branch_and_are_read_by_several() -> None:
    base, left, right = drawn(6, 8)[0], drawn(16, 3, seed=1)[0], drawn(16, 2, seed=2)[0]
    nodes = [
        node("MatMul", ["x", "w"], ["z"]),
        node("Add", ["z", "b"], ["h"]),
        node("Sigmoid", ["h"], ["s"]),
        node("Mul", ["h", "s"], ["a"]),
        node("MatMul", ["a", "u"], ["y"]),
        node("ReduceMean", ["a", "axes"], ["m"], keepdims=0),
        node("Gemm", ["m", "v"], ["n"]),
    ]
    held = {"w": np.concatenate([base, base], axis=1), "b": np.ones(16, np.float32), "u": left,
            "v": right, "axes": np.array([1])}  # fmt: skip
    model = model_of(nodes, held, ("rows", 5, 6))
    model.graph.output.append(helper.make_tensor_value_info("n", 1, ["rows", 2]))
    feeds = rows(60, 5, 6)
    made = pruned(model, feeds, keep=0.5, ridge=0)
    assert constants_of(made)["w"].shape == (6, 8)
    for got, right_answer in zip(answers(made, feeds), answers(model, feeds), strict=True):
        np.testing.assert_allclose(got, right_answer, atol=1e-4)


def test_a_unit_that_never_changes_goes_into_the_bias_of_what_reads_it() -> None:
    first, last = drawn(6, 8, 3)
    first[:, :4] = 0  # each answers its bias alone
    model = mlp([first, last], "gemm", activation="Sigmoid")
    unbiased = mlp([first, last], "matmul", activation="Sigmoid", biased=False)
    feeds = rows(300, 6)
    for net in (model, unbiased):
        made = pruned(net, feeds, keep=0.5, ridge=0)
        np.testing.assert_allclose(answers(made, feeds)[0], answers(net, feeds)[0], atol=1e-5)
    assert [output.name for output in made.graph.output] == ["y"]


def test_refitting_answers_nearer_than_leaving_out() -> None:
    model, feeds, fresh = mlp(drawn(6, 64, 32, 3)), rows(400, 6), rows(400, 6, seed=9)
    right = answers(model, fresh)[0]
    refitted = pruned(model, feeds, keep=0.5)
    held = pruned(model, feeds, keep=0.5, ridge=1e6)  # nothing but what was left out
    near, far = (np.square(answers(m, fresh)[0] - right).mean() for m in (refitted, held))
    assert near < far / 4


def test_a_higher_price_leaves_fewer_units() -> None:
    model, feeds = mlp(drawn(6, 64, 64, 3)), rows(300, 6)
    sizes = [pruned(model, feeds, price=price, per="size").ByteSize() for price in (0.05, 0.3, 3)]
    assert model.ByteSize() > sizes[0] > sizes[1] > sizes[2]


def test_weights_that_are_stored_in_fewer_bytes_are_pruned_as_weights() -> None:
    model, feeds = mlp(drawn(6, 64, 64, 3)), rows(300, 6)
    stored = Int8().apply(model, step("int8"), feeds, seed=0)
    assert isinstance(stored, onnx.ModelProto)
    made = pruned(stored, feeds, keep=0.5)
    assert "Cast" not in {n.op_type for n in made.graph.node}
    right = answers(model, feeds)[0]
    assert np.square(answers(made, feeds)[0] - right).mean() < 0.05 * right.var()


def residual() -> onnx.ModelProto:
    first, inner, outer, last = drawn(6, 16, 32, 16, 3)
    nodes = [
        node("Gemm", ["x", "w0"], ["h"], name="stem"),
        node("Gemm", ["h", "w1"], ["i"], name="widen"),
        node("Relu", ["i"], ["j"]),
        node("Gemm", ["j", "w2"], ["k"], name="narrow"),
        node("Add", ["h", "k"], ["l"], name="skip"),
        node("Gemm", ["l", "w3"], ["y"], name="head"),
    ]
    return model_of(nodes, {"w0": first, "w1": inner, "w2": outer, "w3": last})


def test_what_can_be_pruned_is_and_the_rest_is_named() -> None:
    model, feeds = residual(), rows(200, 6)
    made = pruned(model, feeds, keep=0.5)
    held = constants_of(made)
    assert held["w0"].shape == (6, 16)
    assert held["w1"].shape == (16, 16)
    stem, narrow = Prune().refusals(model, feeds)
    assert stem.reason.startswith("Node 'stem' (Gemm) keeps its units: node 'skip' (Add) joins")
    assert narrow.reason.startswith("Node 'narrow' (Gemm) keeps its units: node 'skip' (Add)")


def grouped() -> onnx.ModelProto:
    draw = np.random.default_rng(0)
    nodes = [
        node("Conv", ["x", "w"], ["z"], name="stem"),
        node("Conv", ["z", "v"], ["y"], name="groups", group=2),
    ]
    held = {"w": draw.normal(size=(32, 2, 1, 1)), "v": draw.normal(size=(32, 16, 1, 1))}
    return model_of(nodes, {k: v.astype(np.float32) for k, v in held.items()}, ("rows", 2, 4, 4))


def attention() -> onnx.ModelProto:
    nodes = [
        node("MatMul", ["x", "w0"], ["q"], name="queries"),
        node("MatMul", ["x", "w1"], ["k"], name="keys"),
        node("Transpose", ["k"], ["t"], name="turn", perm=[0, 2, 1]),
        node("MatMul", ["q", "t"], ["y"], name="scores"),
    ]
    return model_of(nodes, dict(zip(("w0", "w1"), [*drawn(6, 32), *drawn(6, 32)], strict=True)),
                    ("rows", 5, 6))  # fmt: skip


@pytest.mark.parametrize(
    ("model", "shape", "names"),
    [
        (grouped(), (20, 2, 4, 4), ["'groups' (Conv) is a grouped convolution"]),
        (attention(), (20, 5, 6), ["'scores' (MatMul) has weights that are not constant",
                                   "'turn' (Transpose) does not treat each unit by itself"]),
        (mlp(drawn(6, 32, 3), activation="Softmax"), (20, 6), ["'act0' (Softmax) does not treat"]),
        (mlp(drawn(6, 3)), (20, 6), ["No layer's units are read by another layer"]),
    ],
    ids=["grouped", "attention", "softmax", "flat"],
)  # fmt: skip
def test_what_a_graph_does_not_allow_is_refused_by_name(
    model: onnx.ModelProto, shape: tuple[int, ...], names: list[str]
) -> None:
    made = Prune().apply(model, step("prune", keep=0.5), rows(*shape), seed=0)
    assert isinstance(made, Refused)
    for name in names:
        assert name in made.reason


def test_units_that_the_graph_answers_stay() -> None:
    nodes = [node("Gemm", ["x", "w0"], ["h"], name="seen"), node("Gemm", ["h", "w1"], ["y"])]
    held = dict(zip(("w0", "w1"), drawn(6, 32, 3), strict=True))
    model = model_of(nodes, held, outputs=("y", "h"))
    made = Prune().apply(model, step("prune", keep=0.5), rows(20, 6), seed=0)
    assert isinstance(made, Refused)
    assert made.reason == "Node 'seen' (Gemm) makes what the graph answers."


@pytest.mark.parametrize(
    "chosen",
    [{}, {"keep": 0.5, "price": 0.1}, {"keep": 0}, {"keep": "half"}, {"price": -1},
     {"keep": 0.5, "score": "luck"}, {"keep": 0.5, "per": "day"}, {"keep": 0.5, "mixed": 0.5},
     {"keep": 0.5, "depth": 1}],
)  # fmt: skip
def test_settings_that_are_none_of_it_are_refused(chosen: dict[str, float | str]) -> None:
    with pytest.raises(ConfigError):
        Prune().apply(mlp(drawn(6, 8, 3)), step("prune", **chosen), rows(20, 6), seed=0)


ACTIVATIONS = ("Relu", "Sigmoid", "Tanh", "LeakyRelu", "Identity", "Softplus")


@settings(max_examples=25, deadline=None)
@given(
    widths=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    activation=st.sampled_from(ACTIVATIONS),
    form=st.sampled_from(("gemm", "gemm_turned", "matmul")),
    biased=st.booleans(),
    double=st.booleans(),
    keep=st.floats(0.05, 1),
    score=st.sampled_from(("loss", "activation")),
    count=st.integers(1, 200),
)
def test_any_chain_keeps_its_interface_and_answers_finitely(
    widths: list[int], activation: str, form: str, biased: bool, double: bool, keep: float,
    score: str, count: int,
) -> None:  # fmt: skip
    dtype = np.float64 if double else np.float32
    model = mlp(drawn(5, *widths, seed=count, dtype=dtype), form, activation, biased)
    before, feeds = model.SerializeToString(), rows(count, 5, dtype=dtype)
    chosen = step("prune", keep=keep, score=score)
    made = Prune().apply(model, chosen, feeds, seed=3)
    again = Prune().apply(model, chosen, feeds, seed=3)
    assert model.SerializeToString() == before
    if isinstance(made, Refused):
        assert made.reason
        return
    assert isinstance(again, onnx.ModelProto)
    assert made.SerializeToString() == again.SerializeToString()
    onnx.checker.check_model(made, full_check=True)
    assert interface(made) == interface(model)
    got, right = answers(made, feeds)[0], answers(model, feeds)[0]
    assert got.shape == right.shape
    assert np.isfinite(got).all()
