"""Two thin layers answer as one, where its answers vary in few directions."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from nets import answers, constants_of, drawn, interface, mlp, model_of, rows, step
from onnx import helper

from fairlead.compress.factorise import LowRank, low_rank
from fairlead.compress.types import Feeds, Refused
from fairlead.errors import ConfigError


def split(model: onnx.ModelProto, feeds: Feeds, loss: float) -> onnx.ModelProto:
    made = LowRank().apply(model, step("low-rank", loss=loss), feeds, seed=0)
    assert isinstance(made, onnx.ModelProto), made
    return made


@pytest.mark.parametrize("form", ["gemm", "gemm_turned", "matmul"])
def test_weights_of_low_rank_are_split_without_a_loss(form: str) -> None:
    left, right = drawn(20, 4, 30)
    model, feeds = mlp([left @ right], form), rows(200, 20)
    made = split(model, feeds, 1e-9)
    assert {(20, 4)} < {held.shape for held in constants_of(made).values()}
    assert interface(made) == interface(model)
    np.testing.assert_allclose(answers(made, feeds)[0], answers(model, feeds)[0], atol=1e-5)


@pytest.mark.parametrize("form", ["gemm", "matmul"])
def test_rows_that_vary_in_few_directions_need_few_values(form: str) -> None:
    model = mlp(drawn(20, 30), form, biased=False)
    varied, lifted = rows(300, 4)["x"], drawn(4, 20)[0]
    feeds = {"x": varied @ lifted + np.float32(3)}  # far from zero: the bias takes the mean
    made = split(model, feeds, 1e-8)
    assert max(held.size for held in constants_of(made).values()) <= 4 * 30
    np.testing.assert_allclose(answers(made, feeds)[0], answers(model, feeds)[0], atol=1e-3)


def test_filters_of_low_rank_are_split_without_a_loss() -> None:
    flat = (drawn(18, 4)[0] @ drawn(4, 32, seed=1)[0]).T
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["y"], strides=[2, 1], pads=[1, 1, 0, 2])]
    held = {"w": flat.reshape(32, 2, 3, 3), "b": np.ones(32, np.float32)}
    model, feeds = model_of(nodes, held, ("rows", 2, 8, 8)), rows(30, 2, 8, 8)
    made = split(model, feeds, 1e-9)
    assert {held.shape for held in constants_of(made).values()} == {
        (4, 2, 3, 3), (32, 4, 1, 1), (32,)
    }  # fmt: skip
    np.testing.assert_allclose(answers(made, feeds)[0], answers(model, feeds)[0], atol=1e-5)


@pytest.mark.parametrize("loss", [0.3, 0.1, 0.01])
def test_no_more_of_the_variance_is_lost_than_allowed(loss: float) -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(500, 24)) * np.geomspace(1, 0.01, 24) + 2
    weights, bias = draw.normal(size=(24, 20)), np.ones(20)
    inner = np.cov(x.T, bias=True)
    factors = low_rank(weights, bias, inner, x.mean(axis=0), loss)
    assert factors is not None
    right, got = x @ weights + bias, x @ factors.first @ factors.second + factors.bias
    assert np.square(got - right).sum() <= loss * np.square(right - right.mean(axis=0)).sum()
    less = factors.first.shape[1] - 1
    fewer = low_rank(weights, bias, inner, x.mean(axis=0), 1 - 1e-9)
    assert fewer is not None
    assert fewer.first.shape[1] == 1 <= less or less == 0


def test_only_where_it_saves() -> None:
    model, feeds = mlp(drawn(20, 30)), rows(200, 20)
    made = LowRank().apply(model, step("low-rank", loss=0), feeds, seed=0)
    assert isinstance(made, Refused)
    assert made.reason == "No layer would get smaller."


def test_what_cannot_be_split_is_named() -> None:
    nodes = [helper.make_node("Gemm", ["x", "w"], ["y"], name="turned", transA=1)]
    model = model_of(nodes, {"w": drawn(6, 6)[0]}, (6, 6))
    (refused,) = LowRank().refusals(model, rows(6, 6))
    assert refused.reason == "Node 'turned' (Gemm) turns its input round."


def test_a_loss_of_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="'loss' of 'low-rank'"):
        LowRank().apply(mlp(drawn(6, 3)), step("low-rank", loss=1), rows(9, 6), seed=0)
