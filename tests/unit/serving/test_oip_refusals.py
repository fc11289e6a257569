"""What the Open Inference Protocol refuses, and what it says then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.oip import (
    binary,
    churn,
    refused,
    serve_models,
    tensor,
)
from support.plane import PlaneInProcess


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path) as made:
        serve_models(made)
        yield made


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"inputs": []}, "no inputs"),
        ({"inputs": None}, "Expected `array`, got `null` - at `$.inputs`"),
        ({"inputs": [{"name": "age"}]}, "missing required field"),
        ({"inputs": [tensor("age", "FP99", [1.0])]}, "datatype that does not exist"),
        ({"inputs": [tensor("age", "fp32", [1.0])]}, "Did you mean FP32?"),
        ({"inputs": [tensor("age", "FP64", [1.0], 1, 1, 1)]}, "expected [n] or [n, 1]"),
        ({"inputs": [tensor("age", "FP64", [1.0, 2.0], 1, 2)]}, "2 columns, the signature 3"),
        ({"inputs": [*churn(1.0)["inputs"], tensor("age", "FP64", [1.0])]}, "comes twice"),
        ({"inputs": churn(1.0)["inputs"][:2]}, "'paying': is missing"),
        (
            {"inputs": [*churn(1.0)["inputs"][:2], tensor("paing", "BOOL", [True])]},
            "did you mean 'paying'?",
        ),
        (
            {"inputs": [*churn(1.0)["inputs"][:2], tensor("paying", "BOOL", [True, False])]},
            "'paying' has 2 rows, the first input 1",
        ),
        (
            {"inputs": [*churn(1.0)["inputs"][1:], tensor("visits", "FP64", [1.5])]},
            "whole number below 2^53, got a number with a fraction",
        ),
        (
            {"inputs": [*churn(1.0)["inputs"][1:], tensor("visits", "BYTES", ["three"])]},
            "'visits': expected a whole number below 2^53, got text",
        ),
        ({"inputs": [{"name": "age", "datatype": "FP64", "shape": [1]}]}, "has no data"),
        ({"outputs": [{"name": "labels"}]}, "Did you mean 'label'?"),
        ({"outputs": [{"name": "label"}, {"name": "label"}]}, "asked for twice"),
        ({"outputs": [{"name": "label", "parameters": {"classification": 1}}]}, "extension"),
        ({"outputs": [{"name": "label", "parameters": {"binary_data": 1}}]}, "neither true"),
        ({"parameters": {"timeout": -1}}, "microseconds"),
        ({"parameters": {"unit": 7}}, "'unit' is no text"),
        ({"parameters": {"a": [1]}}, "$.parameters"),
        ({"id": 7}, "Expected `str | null`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(plane: PlaneInProcess, change: dict[str, Any], says: str) -> None:
    status, error = refused(plane, "/v2/models/churn/infer", {**churn(1.0), **change})
    assert status == 400
    assert says in error


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"{", "ends too early"),
        (b'{"inputs": [nope]}', "malformed at byte 16"),
        (b'{"id": "\xff"}', "not UTF-8"),
        (b"[]", "Expected `object`"),
        (b'{"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": [NaN]}]}', "NaN"),
        (b'{"inputs": ' + b"[" * 100_000, "too deep"),
    ],
)
def test_what_is_no_json_is_told(plane: PlaneInProcess, body: bytes, says: str) -> None:
    status, error = refused(plane, "/v2/models/churn/infer", body)
    assert status == 400
    assert says in error


def test_a_wrong_shape_is_refused_before_anything_is_answered(plane: PlaneInProcess) -> None:
    body = {"inputs": [tensor("x", "FP32", [1.0] * 6, 1, 2, 3)]}
    assert refused(plane, "/v2/models/picture/infer", body) == (
        400, "Input 'x' has shape [1, 2, 3]; expected [n, 2, 2].",
    )  # fmt: skip


@pytest.mark.parametrize("length", ["-1", "x", "999", "1e1"])
def test_a_length_that_is_none_is_refused(plane: PlaneInProcess, length: str) -> None:
    headers = {"Inference-Header-Content-Length": length}
    assert refused(plane, "/v2/models/churn/infer", churn(1.0), **headers)[0] == 400


def test_sizes_that_do_not_add_up_are_refused(plane: PlaneInProcess) -> None:
    for size, rest, says in (
        (8, b"1234567", "no number of the bytes"),
        (4, b"1234", "has 4 bytes; its shape and datatype take 8"),
        (8, b"123456789", "1 bytes follow"),
        (-1, b"", "no number of the bytes"),
        (True, b"1", "no number of the bytes"),
    ):
        item = {"name": "age", "datatype": "FP64", "shape": [1]}
        body, headers = binary(
            {"inputs": [{**item, "parameters": {"binary_data_size": size}}]}, rest
        )
        status, error = refused(plane, "/v2/models/churn/infer", body, **headers)
        assert status == 400
        assert says in error


def test_unknown_models_and_paths_are_told_in_the_protocols_shape(plane: PlaneInProcess) -> None:
    status, error = refused(plane, "/v2/models/chrun/infer", churn(1.0))
    assert status == 404
    assert "Did you mean 'churn'?" in error
    for method, path, status in (
        ("GET", "/v2/nowhere", 404),
        ("GET", "/v2/models/churn/infer", 405),
    ):
        response = plane.ask(path, method=method)
        assert response.status == status
        assert response.json.keys() == {"error"}


def test_errors_carry_no_value_of_the_caller(plane: PlaneInProcess) -> None:
    secret = "s3cr3t"
    for body in (
        {"inputs": [*churn(1.0)["inputs"][1:], tensor("visits", "BYTES", [secret])]},
        {"inputs": [tensor("age", secret, [1.0])]},
        {**churn(1.0), "parameters": {"timeout": secret}},
    ):
        assert secret not in refused(plane, "/v2/models/churn/infer", body)[1]


def test_more_rows_than_are_taken_at_once_are_refused(plane: PlaneInProcess) -> None:
    status, error = refused(plane, "/v2/models/churn/infer", churn(*[1.0] * 1001))
    assert status == 400
    assert "more than 1000 rows" in error
