"""Arithmetic in whole numbers answers nearly as before, and does what it can alone."""

from __future__ import annotations

import logging

import numpy as np
import onnx
import pytest
from nets import answers, constants_of, drawn, interface, mlp, rows, step

from fairlead.compress.static import FORMATS, StaticInt8
from fairlead.compress.types import Refused
from fairlead.errors import ConfigError


@pytest.mark.parametrize("form", FORMATS)
def test_layers_compute_in_whole_numbers_of_seven_bits(
    form: str, caplog: pytest.LogCaptureFixture
) -> None:
    model, feeds = mlp(drawn(16, 64, 32, 4), "gemm_turned"), rows(300, 16)
    before, handlers = model.SerializeToString(), list(logging.getLogger().handlers)
    made = StaticInt8().apply(model, step("static-int8", form=form), feeds, seed=0)
    again = StaticInt8().apply(model, step("static-int8", form=form), feeds, seed=0)
    assert isinstance(made, onnx.ModelProto)
    assert isinstance(again, onnx.ModelProto)
    assert made.SerializeToString() == again.SerializeToString()
    assert model.SerializeToString() == before
    assert interface(made) == interface(model)
    assert logging.getLogger().handlers == handlers
    assert not caplog.records
    whole = [v for v in constants_of(made).values() if v.dtype == np.int8 and v.ndim == 2]
    assert len(whole) == 3
    assert max(np.abs(v.astype(int)).max() for v in whole) <= 64
    right = answers(model, feeds)[0]
    assert np.abs(answers(made, feeds)[0] - right).max() < 0.1 * np.abs(right).max()


def test_doubles_are_refused_by_name() -> None:
    model, feeds = mlp(drawn(16, 8, 4, dtype=np.float64)), rows(20, 16, dtype=np.float64)
    made = StaticInt8().apply(model, step("static-int8"), feeds, seed=0)
    assert isinstance(made, Refused)
    assert made.reason.startswith("Node 'layer0' (Gemm) computes in float64, which is not")
    assert len(StaticInt8().refusals(model, feeds)) == 2


def test_a_form_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="QDQ, QOperator"):
        StaticInt8().apply(mlp(drawn(6, 3)), step("static-int8", form="Q"), rows(9, 6), seed=0)
