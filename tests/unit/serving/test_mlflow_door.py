"""MLflow's scoring server: every form of its bodies, and errors that tell and give nothing away."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.plane import ROWS_MAX, PlaneInProcess
from support.scoring import CHURN, PICTURE, PRICE, TENSOR, churn, measured, price, twice

GOLDEN = (  # as mlflow 3.17's client sends a frame with a missing value
    b'{"dataframe_split": {"index": [0, 1], "columns": ["age", "visits", "plan"], '
    b'"data": [[70.5, 3, "pro"], [20.5, NaN, NaN]]}, "params": {"t": 1}}'
)
JSON = {"content-type": "application/json"}


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("churn", CHURN, churn)
        yield plane


@pytest.fixture
def priced(tmp_path: Path) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("price", PRICE, price)
        yield plane


def predictions(plane: PlaneInProcess, body: object) -> Any:
    got = plane.ask("/invocations", body, headers=JSON)
    assert got.status == 200, got.body
    return got.json["predictions"]


def refused(plane: PlaneInProcess, body: object, status: int = 400, **headers: str) -> str:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    got = plane.ask("/invocations", body, headers=sent or JSON)
    assert got.status == status, got.body
    assert got.json.keys() == {"error_code", "message"}
    message: str = got.json["message"]
    return message


def test_a_frame_of_pandas_with_bare_nan_is_answered_by_labels(plane: PlaneInProcess) -> None:
    assert predictions(plane, GOLDEN) == ["left", "stayed"]
    assert plane.frames[0].inputs.columns["plan"].tolist() == ["pro", None]


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["age", "visits", "plan"], "data": [[70, 3, "pro"]]}},
        {"dataframe_split": {"columns": ["plan", "age", "visits"], "data": [["pro", 70, 3]]}},
        {"dataframe_split": {"columns": [0, 1, 2], "data": [[70, 3, "pro"]]}},
        {"dataframe_split": {"data": [[70, 3, "pro"]]}},
        {"dataframe_records": [{"age": 70, "visits": 3, "plan": "pro"}]},
        {"instances": [{"age": 70, "visits": 3, "plan": "pro"}]},
        {"instances": [[70, 3, "pro"]]},
        {"inputs": {"age": [70], "visits": [3], "plan": ["pro"]}},
        {"inputs": {"age": [[70]], "visits": [[3]], "plan": [["pro"]]}},
        {"inputs": [{"age": 70, "visits": 3, "plan": "pro"}]},
        {"inputs": {"anything": [[70, 3, "pro"]]}},
    ],
    ids=repr,
)
def test_every_form_gives_the_same_row_to_the_model(plane: PlaneInProcess, body: object) -> None:
    assert predictions(plane, body) == ["left"]
    (frame,) = plane.frames
    assert frame.inputs.numbers.tolist() == [[70.0, 3.0]]
    assert frame.inputs.columns["plan"].tolist() == ["pro"]


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["age", "extra", "visits"], "data": [[70, "?", 3]]}},
        {"dataframe_records": [{"age": 70, "extra": "?", "visits": 3}]},
        {"inputs": {"age": [70], "extra": ["?"], "visits": [3]}},
    ],
    ids=repr,
)
def test_columns_that_the_model_does_not_know_are_left_aside(
    plane: PlaneInProcess, body: object
) -> None:
    assert predictions(plane, body) == ["left"]


def test_a_column_that_was_mistyped_is_named_where_its_field_is_missing(
    plane: PlaneInProcess,
) -> None:
    message = refused(plane, {"dataframe_records": [{"agee": 70, "visits": 3}]})
    assert "field 'age': is missing" in message
    assert "'agee' (did you mean 'age'?)" in message


def test_a_regressor_answers_numbers(priced: PlaneInProcess) -> None:
    assert predictions(priced, {"instances": [[3, 50.5], [0, 1]]}) == [151.5, None]


def test_several_outputs_of_another_model_are_records(tmp_path: Path) -> None:
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("picture", PICTURE, measured)
        body = {"instances": [{"image": {"b64": "iVBORw0KGgo="}, "note": {"b64": "aMOp"}}]}
        assert predictions(plane, body) == [{"size": 8, "note": "hé"}]


def test_one_tensor_is_an_instance_by_itself_or_as_a_row(tmp_path: Path) -> None:
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("t", TENSOR, twice)
        for body in (
            {"instances": [[1, 2], [3, 4]]},
            {"instances": [[[1, 2]], [[3, 4]]]},
            {"instances": [{"x": [1, 2]}, [3, 4]]},
            {"inputs": {"x": [[1, 2], [3, 4]]}},
            {"inputs": [[1, 2], [3, 4]]},
        ):
            assert predictions(plane, body) == [[2.0, 4.0], [6.0, 8.0]]


@pytest.mark.parametrize(
    "body",
    [
        {"instances": []},
        {"dataframe_records": []},
        {"dataframe_split": {"columns": ["age"], "data": []}},
        {"inputs": {"age": [], "visits": []}},
        {"inputs": []},
    ],
    ids=repr,
)
def test_no_rows_get_no_predictions(plane: PlaneInProcess, body: object) -> None:
    assert predictions(plane, body) == []
    assert not plane.frames


def test_a_body_of_our_own_is_answered_in_our_own_words(plane: PlaneInProcess) -> None:
    body = {"rows": [{"age": 70, "visits": 3}], "id": "order-1", "unit": "u"}
    got = plane.ask("/invocations", body, headers=JSON).json
    assert got["predictions"][0]["probabilities"] == {"left": 0.75, "stayed": 0.25}
    assert plane.frames[0].caller_ids == ["order-1"]


@pytest.mark.parametrize("kind", ["", "application/x-www-form-urlencoded", "Application/JSON"])
def test_json_is_taken_as_such_whatever_curl_calls_it(plane: PlaneInProcess, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    assert plane.ask("/invocations", GOLDEN, headers=headers).status == 200


def test_other_types_and_charsets_are_refused(plane: PlaneInProcess) -> None:
    assert "type" in refused(plane, b"<a/>", 415, content_type="text/xml")
    latin = "application/json; charset=latin-1"
    assert "UTF-8" in refused(plane, GOLDEN, 415, content_type=latin)
    utf8 = {"content-type": 'application/json; charset="UTF-8"'}
    assert plane.ask("/invocations", GOLDEN, headers=utf8).status == 200


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ([[1, 2, 3]], "not an object"),
        ({}, "exactly one of"),
        ({"params": {}}, "exactly one of"),
        ({"instances": [[1, 2, 3]], "inputs": {"age": [1]}}, "exactly one of"),
        ({"instances": [[1, 2, 3]], "rows": []}, "exactly one of"),
        ({"instances": [[1, 2, 3]], "unit": "u"}, "exactly one of"),
        ({"rows": [{"age": 1}], "params": {}}, "a key beside 'rows'"),
        ({"instances": [[1, 2, 3]], "signature_name": "x"}, "a key beside"),
        ({"instance": [[1, 2, 3]]}, "Did you mean 'instances'"),
        ({"age": 70, "visits": 3}, "dataframe_records"),
        ({"instances": [[1, 2, 3]], "params": 1}, "'params' is not an object"),
        ({"instances": {"age": 1}}, "'instances' is not a list"),
        ({"instances": 3}, "'instances' is not a list"),
        ({"inputs": 3}, "'inputs' is not an object of columns"),
        ({"inputs": {}}, "'inputs' is not an object of columns"),
        ({"inputs": {"age": 3}}, "'age': is not a list"),
        ({"inputs": {"age": [1, 2], "visits": [1]}}, "where another column has"),
        ({"instances": [[1, 2]]}, "has 2 values; expected an object of fields"),
        ({"instances": [{"visits": 2}]}, "field 'age': is missing"),
        ({"instances": [["secret", 2, "pro"]]}, "expected a finite number, got text"),
        ({"instances": [[1, 2, "secret"]]}, "a category that the model has not seen"),
        ({"dataframe_split": [[1]]}, "'dataframe_split' is not an object"),
        ({"dataframe_split": {"columns": ["age"]}}, "'dataframe_split' is not an object"),
        ({"dataframe_split": {"columns": ["age", "age"], "data": [[1, 2]]}}, "each of them once"),
        ({"dataframe_split": {"columns": "age", "data": [[1]]}}, "not a list of names"),
        ({"dataframe_split": {"columns": ["age"], "data": [[1, 2]]}}, "Row 0 of 'data'"),
        ({"dataframe_split": {"columns": ["age"], "data": [1]}}, "Row 0 of 'data'"),
        ({"rows": [{"agee": 1}]}, "did you mean 'age'"),
        (b'{"instances": [[Infinity, 3, "pro"]]}', "beyond the range"),
        (b'{"instances": [[NaN, 3, "pro"]]}', "field 'age': is missing"),
        (b'{"instances": [[NaN, 3', "ends too early"),
        (b"", "empty"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a": "' + b'\\"' * 100_000, "ends too early"),
        (b'{"a": NaN, "b": "' + b'\\"' * 100_000, "ends too early"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_what_is_wrong_is_told_without_what_was_sent(
    plane: PlaneInProcess, body: object, told: str
) -> None:
    message = refused(plane, body)
    assert told in message
    assert "secret" not in message
    assert not plane.frames


def test_nan_in_a_text_stays_what_it_is(plane: PlaneInProcess) -> None:
    body = b'{"dataframe_records": [{"age": 70, "visits": NaN, "extra": "\\\\\\"NaN, Infinity"}]}'
    assert predictions(plane, body) == ["stayed"]


def test_too_many_rows_are_refused(plane: PlaneInProcess) -> None:
    for body in (
        {"instances": [[1, 2, "pro"]] * (ROWS_MAX + 1)},
        {"instances": [["wrong"]] * (ROWS_MAX + 1)},
        {"inputs": {"age": [1] * (ROWS_MAX + 1), "visits": [1] * (ROWS_MAX + 1)}},
        {"inputs": {"age": ["wrong"] * (ROWS_MAX + 1)}},
        {"dataframe_split": {"columns": ["age"], "data": [["wrong"]] * (ROWS_MAX + 1)}},
    ):
        assert f"more than {ROWS_MAX} rows" in refused(plane, body)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("picture", PICTURE, measured)
        for wrong in ("_", "//8=", 5):
            body = {"instances": [{"image": "iVBORw0KGgo=", "note": {"b64": wrong}}]}
            assert "field 'note'" in refused(plane, body)


def test_ping_and_health_say_whether_invocations_would_be_answered(plane: PlaneInProcess) -> None:
    assert (plane.ask("/ping").status, plane.ask("/ping").body) == (200, b"")
    assert (plane.ask("/health").status, plane.ask("/health").body) == (200, b"\n")
    assert plane.ask("/health/live").json == {"live": True}
    assert plane.ask("/health/ready").json == {"ready": True}
    plane.ready = False
    assert plane.ask("/ping").status == plane.ask("/health").status == 503
    assert plane.ask("/ping").json["error_code"] == "TEMPORARILY_UNAVAILABLE"


def test_paths_without_a_name_need_one_endpoint_or_a_setting(tmp_path: Path) -> None:
    with PlaneInProcess(tmp_path) as plane:
        assert plane.ask("/ping").status == 404
        assert "no endpoint" in refused(plane, GOLDEN, 404)
        plane.serve("churn", CHURN, churn)
        assert plane.ask("/ping").status == 200
        plane.serve("price", PRICE, price)
        assert plane.ask("/ping").status == 404
        assert "'default_endpoint' in [server]" in refused(plane, GOLDEN, 404)


def test_the_setting_names_the_endpoint(tmp_path: Path) -> None:
    with PlaneInProcess(tmp_path, default="price") as plane:
        plane.serve("churn", CHURN, churn)
        assert plane.ask("/ping").status == 404
        plane.plane.loading = frozenset({"price"})
        assert plane.ask("/ping").status == 503
        plane.serve("price", PRICE, price)
        assert predictions(plane, {"instances": [[3, 50]]}) == [150.0]


def test_ping_is_open_to_all_and_names_no_endpoint(tmp_path: Path) -> None:
    with PlaneInProcess(tmp_path, default="chur") as plane:
        plane.serve("churn", CHURN, churn)
        assert "Did you mean 'churn'" in refused(plane, GOLDEN, 404)
        assert "churn" not in plane.ask("/ping").json["message"]


def test_the_version_is_ours(plane: PlaneInProcess) -> None:
    assert plane.ask("/version").body.decode() == importlib.metadata.version("fairlead")


def test_errors_at_its_paths_have_its_shape(plane: PlaneInProcess) -> None:
    got = plane.ask("/invocations", method="GET")
    assert (got.status, got.headers["allow"]) == (405, "POST")
    assert got.json["error_code"] == "BAD_REQUEST"


def test_a_model_that_fails_tells_nothing_of_it(tmp_path: Path) -> None:
    def fails(_: object) -> Any:
        raise RuntimeError("a secret")

    with PlaneInProcess(tmp_path) as plane:
        plane.serve("churn", CHURN, fails)
        got = plane.ask("/invocations", GOLDEN)
        assert (got.status, got.json["error_code"]) == (500, "INTERNAL_ERROR")
        assert b"secret" not in got.body
