"""MLflow's scoring server: every form of its bodies, and errors that tell and give nothing away."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.doors import CHURN, PICTURE, PRICE, TENSOR, Doors, churn, measured, price, twice

GOLDEN = (  # as mlflow 3.17's client sends a frame with a missing value
    b'{"dataframe_split": {"index": [0, 1], "columns": ["age", "visits", "plan"], '
    b'"data": [[70.5, 3, "pro"], [20.5, NaN, NaN]]}, "params": {"t": 1}}'
)
JSON = {"content-type": "application/json"}


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    with Doors(tmp_path) as doors:
        doors.add("churn", CHURN, churn)
        yield doors


@pytest.fixture
def priced(tmp_path: Path) -> Iterator[Doors]:
    with Doors(tmp_path) as doors:
        doors.add("price", PRICE, price)
        yield doors


def predictions(doors: Doors, body: object) -> Any:
    got = doors.ask("/invocations", body, headers=JSON)
    assert got.status == 200, got.body
    return got.json["predictions"]


def refused(doors: Doors, body: object, status: int = 400, **headers: str) -> str:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    got = doors.ask("/invocations", body, headers=sent or JSON)
    assert got.status == status, got.body
    assert got.json.keys() == {"error_code", "message"}
    message: str = got.json["message"]
    return message


def test_a_frame_of_pandas_with_bare_nan_is_answered_by_labels(doors: Doors) -> None:
    assert predictions(doors, GOLDEN) == ["left", "stayed"]
    assert doors.frames[0].inputs.columns["plan"].tolist() == ["pro", None]


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
def test_every_form_gives_the_same_row_to_the_model(doors: Doors, body: object) -> None:
    assert predictions(doors, body) == ["left"]
    (frame,) = doors.frames
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
def test_columns_that_the_model_does_not_know_are_left_aside(doors: Doors, body: object) -> None:
    assert predictions(doors, body) == ["left"]


def test_a_column_that_was_mistyped_is_named_where_its_field_is_missing(doors: Doors) -> None:
    message = refused(doors, {"dataframe_records": [{"agee": 70, "visits": 3}]})
    assert "field 'age': is missing" in message
    assert "'agee' (did you mean 'age'?)" in message


def test_a_regressor_answers_numbers(priced: Doors) -> None:
    assert predictions(priced, {"instances": [[3, 50.5], [0, 1]]}) == [151.5, None]


def test_several_outputs_of_another_model_are_records(tmp_path: Path) -> None:
    with Doors(tmp_path) as doors:
        doors.add("picture", PICTURE, measured)
        body = {"instances": [{"image": {"b64": "iVBORw0KGgo="}, "note": {"b64": "aMOp"}}]}
        assert predictions(doors, body) == [{"size": 8, "note": "hé"}]


def test_one_tensor_is_an_instance_by_itself_or_as_a_row(tmp_path: Path) -> None:
    with Doors(tmp_path) as doors:
        doors.add("t", TENSOR, twice)
        for body in (
            {"instances": [[1, 2], [3, 4]]},
            {"instances": [[[1, 2]], [[3, 4]]]},
            {"instances": [{"x": [1, 2]}, [3, 4]]},
            {"inputs": {"x": [[1, 2], [3, 4]]}},
            {"inputs": [[1, 2], [3, 4]]},
        ):
            assert predictions(doors, body) == [[2.0, 4.0], [6.0, 8.0]]


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
def test_no_rows_get_no_predictions(doors: Doors, body: object) -> None:
    assert predictions(doors, body) == []
    assert not doors.frames


def test_a_body_of_our_own_is_answered_in_our_own_words(doors: Doors) -> None:
    body = {"rows": [{"age": 70, "visits": 3}], "id": "order-1", "unit": "u"}
    got = doors.ask("/invocations", body, headers=JSON).json
    assert got["predictions"][0]["probabilities"] == {"left": 0.75, "stayed": 0.25}
    assert doors.frames[0].caller_ids == ["order-1"]


@pytest.mark.parametrize("kind", ["", "application/x-www-form-urlencoded", "Application/JSON"])
def test_json_is_taken_as_such_whatever_curl_calls_it(doors: Doors, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    assert doors.ask("/invocations", GOLDEN, headers=headers).status == 200


def test_other_types_and_charsets_are_refused(doors: Doors) -> None:
    assert "type" in refused(doors, b"<a/>", 415, content_type="text/xml")
    latin = "application/json; charset=latin-1"
    assert "UTF-8" in refused(doors, GOLDEN, 415, content_type=latin)
    utf8 = {"content-type": 'application/json; charset="UTF-8"'}
    assert doors.ask("/invocations", GOLDEN, headers=utf8).status == 200


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
def test_what_is_wrong_is_told_without_what_was_sent(doors: Doors, body: object, told: str) -> None:
    message = refused(doors, body)
    assert told in message
    assert "secret" not in message
    assert not doors.frames


def test_nan_in_a_text_stays_what_it_is(doors: Doors) -> None:
    body = b'{"dataframe_records": [{"age": 70, "visits": NaN, "extra": "\\\\\\"NaN, Infinity"}]}'
    assert predictions(doors, body) == ["stayed"]


def test_too_many_rows_are_refused(doors: Doors) -> None:
    for body in (
        {"instances": [[1, 2, "pro"]] * 101},
        {"instances": [["wrong"]] * 101},
        {"inputs": {"age": [1] * 101, "visits": [1] * 101}},
        {"inputs": {"age": ["wrong"] * 101}},
        {"dataframe_split": {"columns": ["age"], "data": [["wrong"]] * 101}},
    ):
        assert "more than 100 rows" in refused(doors, body)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with Doors(tmp_path) as doors:
        doors.add("picture", PICTURE, measured)
        for wrong in ("_", "//8=", 5):
            body = {"instances": [{"image": "iVBORw0KGgo=", "note": {"b64": wrong}}]}
            assert "field 'note'" in refused(doors, body)


def test_ping_and_health_say_whether_invocations_would_be_answered(doors: Doors) -> None:
    assert (doors.ask("/ping").status, doors.ask("/ping").body) == (200, b"")
    assert (doors.ask("/health").status, doors.ask("/health").body) == (200, b"\n")
    assert doors.ask("/health/live").json == {"live": True}
    assert doors.ask("/health/ready").json == {"ready": True}
    doors.health = type(doors.health)(ready=False)
    assert doors.ask("/ping").status == doors.ask("/health").status == 503
    assert doors.ask("/ping").json["error_code"] == "TEMPORARILY_UNAVAILABLE"


def test_paths_without_a_name_need_one_endpoint_or_a_setting(tmp_path: Path) -> None:
    with Doors(tmp_path) as doors:
        assert doors.ask("/ping").status == 404
        assert "no endpoint" in refused(doors, GOLDEN, 404)
        doors.add("churn", CHURN, churn)
        assert doors.ask("/ping").status == 200
        doors.add("price", PRICE, price)
        assert doors.ask("/ping").status == 404
        assert "'default_endpoint' in [server]" in refused(doors, GOLDEN, 404)


def test_the_setting_names_the_endpoint(tmp_path: Path) -> None:
    with Doors(tmp_path, default="price") as doors:
        doors.add("churn", CHURN, churn)
        assert doors.ask("/ping").status == 404
        doors.plane.loading = frozenset({"price"})
        assert doors.ask("/ping").status == 503
        doors.add("price", PRICE, price)
        assert predictions(doors, {"instances": [[3, 50]]}) == [150.0]


def test_ping_is_open_to_all_and_names_no_endpoint(tmp_path: Path) -> None:
    with Doors(tmp_path, default="chur") as doors:
        doors.add("churn", CHURN, churn)
        assert "Did you mean 'churn'" in refused(doors, GOLDEN, 404)
        assert "churn" not in doors.ask("/ping").json["message"]


def test_the_version_is_ours(doors: Doors) -> None:
    assert doors.ask("/version").body.decode() == importlib.metadata.version("fairlead")


def test_errors_at_its_paths_have_its_shape(doors: Doors) -> None:
    got = doors.ask("/invocations", method="GET")
    assert (got.status, got.headers[b"allow"]) == (405, b"POST")
    assert got.json["error_code"] == "BAD_REQUEST"


def test_a_model_that_fails_tells_nothing_of_it(tmp_path: Path) -> None:
    def fails(_: object) -> Any:
        raise RuntimeError("a secret")

    with Doors(tmp_path) as doors:
        doors.add("churn", CHURN, fails)
        got = doors.ask("/invocations", GOLDEN)
        assert (got.status, got.json["error_code"]) == (500, "INTERNAL_ERROR")
        assert b"secret" not in got.body
