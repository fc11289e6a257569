"""TensorFlow Serving's REST: both formats, classify and regress, versions, labels, metadata."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairlead.ids import Ids
from fairlead.serving.protocols.scoring.answers import columns_of
from fairlead.serving.types import Answer, Answered, Outputs, Part, Source
from fairlead.signature import Batch
from support.plane import ROWS_MAX, PlaneInProcess
from support.reply import Reply
from support.scoring import CHURN, PICTURE, PRICE, TENSOR, churn, measured, price, twice

GOLDEN = b'{"inputs": {"x": [[1.0, 2.0]]}}'  # as ovmsclient 2023.1 sends it, to versions/0
ROW = {"age": 70, "visits": 3, "plan": "pro"}


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("churn", CHURN, churn)
        plane.serve("price", PRICE, price)
        plane.serve("m", TENSOR, twice)
        plane.serve("picture", PICTURE, measured)
        yield plane


@pytest.fixture
def two(tmp_path: Path) -> Iterator[PlaneInProcess]:
    """An endpoint whose arms are the versions 7 and 8."""
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("churn", CHURN, churn, churn, numbers=(7, 8))
        yield plane


def fine(got: Reply) -> Any:
    assert got.status == 200, got.body
    return got.json


def refused(got: Reply, status: int = 400) -> str:
    assert got.status == status, got.body
    assert got.json.keys() == {"error"}
    message: str = got.json["error"]
    return message


def test_a_tensor_by_column_is_answered_without_a_name_or_content_type(
    plane: PlaneInProcess,
) -> None:
    got = plane.ask("/v1/models/m/versions/0:predict", GOLDEN)
    assert fine(got) == {"outputs": [[2.0, 4.0]]}


def test_rows_are_answered_by_row_and_columns_by_column(plane: PlaneInProcess) -> None:
    by_row = {"label": "left", "probabilities": [0.75, 0.25]}
    got = plane.ask("/v1/models/churn:predict", {"instances": [ROW, [20, 3, None]]})
    assert fine(got)["predictions"] == [by_row, {"label": "stayed", "probabilities": [0.25, 0.75]}]
    columns = {name: [value] for name, value in ROW.items()}
    for inputs in (columns, {name: [value] for name, value in columns.items()}):
        got = plane.ask("/v1/models/churn:predict", {"inputs": inputs})
        assert fine(got) == {"outputs": {"label": ["left"], "probabilities": [[0.75, 0.25]]}}
    assert {frame.inputs.numbers[0].tolist() == [70.0, 3.0] for frame in plane.frames} == {True}


def test_the_one_signature_may_be_named(plane: PlaneInProcess) -> None:
    for name in ("serving_default", ""):
        body = {"signature_name": name, "instances": [[1, 2]]}
        assert fine(plane.ask("/v1/models/price:predict", body)) == {"predictions": [2.0]}
    body = {"signature_name": "other", "instances": [[1, 2]]}
    assert "'serving_default'" in refused(plane.ask("/v1/models/price:predict", body))


def test_bare_nan_is_read_and_written(plane: PlaneInProcess) -> None:
    body = b'{"instances": [{"age": 70, "visits": NaN}]}'
    assert fine(plane.ask("/v1/models/churn:predict", body))["predictions"][0]["label"] == "stayed"
    got = plane.ask("/v1/models/price:predict", {"instances": [[0, 1], [1, 2]]})
    assert got.body == b'{"predictions": [NaN, 2.0]}'
    assert math.isnan(json.loads(got.body)["predictions"][0])
    got = plane.ask("/v1/models/price:predict", b'{"inputs": {"rooms": [Infinity], "area": [1]}}')
    assert "beyond the range" in refused(got)


def test_bytes_come_in_base64(plane: PlaneInProcess) -> None:
    image = {"b64": "iVBORw0KGgo="}
    got = plane.ask("/v1/models/picture:predict", {"instances": [{"image": image, "note": "a"}]})
    assert fine(got) == {"predictions": [{"size": 8, "note": "a"}]}
    got = plane.ask("/v1/models/picture:predict", {"inputs": {"image": [image, image]}})
    assert fine(got) == {"outputs": {"size": [8, 8], "note": [None, None]}}


def test_no_rows_get_no_predictions(plane: PlaneInProcess) -> None:
    for body, answer in (
        ({"instances": []}, {"predictions": []}),
        ({"inputs": []}, {"outputs": {"label": [], "probabilities": []}}),
    ):
        assert fine(plane.ask("/v1/models/churn:predict", body)) == answer
    assert fine(plane.ask("/v1/models/churn:classify", {"examples": []})) == {"results": []}
    assert not plane.frames


def test_classify_names_the_classes(plane: PlaneInProcess) -> None:
    body = {"context": {"visits": [3]}, "examples": [{"age": 70}, {"age": [20], "visits": 4}]}
    assert fine(plane.ask("/v1/models/churn:classify", body)) == {
        "results": [[["left", 0.75], ["stayed", 0.25]], [["left", 0.25], ["stayed", 0.75]]]
    }
    assert plane.frames[0].inputs.numbers.tolist() == [[70.0, 3.0], [20.0, 4.0]]


def test_regress_answers_numbers(plane: PlaneInProcess) -> None:
    body = {"signature_name": "serving_default", "examples": [{"rooms": 3, "area": [50]}]}
    assert fine(plane.ask("/v1/models/price:regress", body)) == {"results": [150.0]}


@pytest.mark.parametrize(
    ("call", "body", "told"),
    [
        ("price:classify", {"examples": [{}]}, "does no classification"),
        ("churn:regress", {"examples": [{}]}, "does no regression"),
        ("churn:classify", {"examples": {}}, "list of 'examples'"),
        ("churn:classify", [1], "list of 'examples'"),
        ("churn:classify", {"examples": [1]}, "objects by field name"),
        ("churn:classify", {"examples": [ROW], "context": 1}, "objects by field name"),
        ("churn:classify", {"examples": [ROW], "contexts": {}}, "Did you mean 'context'"),
        ("churn:classify", {"examples": [{"visits": 1}]}, "field 'age': is missing"),
        ("churn:predict", [ROW], "not an object"),
        ("churn:predict", {}, "'instances' or 'inputs'"),
        ("churn:predict", {"instances": [ROW], "inputs": {}}, "not both"),
        ("churn:predict", {"instance": [ROW]}, "Did you mean 'instances'"),
        ("churn:predict", {"instances": [{**ROW, "agee": 1}]}, "did you mean 'age'"),
        ("churn:predict", {"instances": [{**ROW, "age": "secret"}]}, "got text"),
        ("churn:predict", {"inputs": {"age": [1], "visits": 2}}, "'visits': is not a list"),
        ("churn:predict", {"inputs": {"age": [1], "visits": []}}, "where another column has"),
        ("m:predict", {"inputs": {"x": [[1, 2, 3]]}}, "shape"),
        ("churn:predict", b"", "empty"),
        ("churn:predict", b"{", "ends too early"),
    ],
    ids=repr,
)
def test_what_is_wrong_is_told_without_what_was_sent(
    plane: PlaneInProcess, call: str, body: object, told: str
) -> None:
    message = refused(plane.ask(f"/v1/models/{call}", body))
    assert told in message
    assert "secret" not in message
    assert not plane.frames


def test_too_many_rows_are_refused_before_they_are_looked_at(plane: PlaneInProcess) -> None:
    wrong = [{"age": "wrong"}] * (ROWS_MAX + 1)
    for call, body in (
        ("predict", {"instances": wrong}),
        ("predict", {"inputs": {"age": wrong}}),
        ("classify", {"examples": wrong}),
    ):
        message = refused(plane.ask(f"/v1/models/churn:{call}", body))
        assert f"more than {ROWS_MAX} rows" in message


def test_a_version_or_label_in_the_path_decides_who_answers(two: PlaneInProcess) -> None:
    for place, arm in (
        ("versions/7", "stable"),
        ("versions/8", "candidate"),
        ("labels/stable", "stable"),
        ("labels/candidate", "candidate"),
    ):
        fine(two.ask(f"/v1/models/churn/{place}:predict", {"instances": [ROW]}))
        fine(two.ask(f"/v1/models/churn/{place}:classify", {"examples": [ROW]}))
        assert [(f.arm, f.assigned_by) for f in two.frames[-2:]] == [(arm, "override")] * 2
    fine(two.ask("/v1/models/churn/versions/0:predict", {"instances": [ROW]}))
    assert two.frames[-1].assigned_by == "hash"


def test_what_is_unknown_is_not_found(two: PlaneInProcess) -> None:
    body = {"instances": [ROW]}
    assert "Did you mean 'churn'" in refused(two.ask("/v1/models/chur:predict", body), 404)
    assert "7, 8" in refused(two.ask("/v1/models/churn/versions/9:predict", body), 404)
    assert "7, 8" in refused(two.ask("/v1/models/churn/versions/9"), 404)
    assert "7, 8" in refused(two.ask("/v1/models/churn/versions/9/metadata"), 404)
    labels = refused(two.ask("/v1/models/churn/labels/canary:predict", body), 404)
    assert "candidate, stable" in labels
    assert refused(two.ask("/v1/models/churn/other/path"), 404)
    assert refused(two.ask("/v1/models/churn:explain", body), 405)


def test_status_lists_the_versions_that_answer(two: PlaneInProcess) -> None:
    def told(path: str) -> list[str]:
        listed = fine(two.ask(f"/v1/models/churn{path}"))["model_version_status"]
        assert {one["state"] for one in listed} == {"AVAILABLE"}
        assert {one["status"]["error_code"] for one in listed} == {"OK"}
        return [one["version"] for one in listed]

    assert told("") == told("/versions/0") == ["7", "8"]
    assert told("/versions/8") == told("/labels/candidate") == ["8"]


def test_metadata_tells_the_tensors(plane: PlaneInProcess) -> None:
    found = fine(plane.ask("/v1/models/churn/metadata"))
    assert found["model_spec"] == {"name": "churn", "signature_name": "", "version": "1"}
    signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
    told = {
        name: (one["dtype"], [dim["size"] for dim in one["tensor_shape"]["dim"]])
        for name, one in {**signature["inputs"], **signature["outputs"]}.items()
    }
    assert told == {
        "age": ("DT_DOUBLE", ["-1"]),
        "visits": ("DT_INT64", ["-1"]),
        "plan": ("DT_STRING", ["-1"]),
        "label": ("DT_STRING", ["-1"]),
        "probabilities": ("DT_DOUBLE", ["-1", "2"]),
    }
    x = fine(plane.ask("/v1/models/m/versions/1/metadata"))["metadata"]["signature_def"]
    assert x["signatureDef"]["serving_default"]["inputs"]["x"]["dtype"] == "DT_FLOAT"


def test_an_endpoint_that_is_being_loaded_says_so(plane: PlaneInProcess) -> None:
    plane.plane.loading = frozenset({"late"})
    got = plane.ask("/v1/models/late")
    assert refused(got, 503)
    assert got.headers["retry-after"] == "1"


def test_an_endpoint_that_is_loaded_when_it_is_asked_is_told_of(two: PlaneInProcess) -> None:
    loaded = fine(two.ask("/v1/models/churn/metadata"))
    two.plane.idle = {"churn": two.plane.endpoints["churn"].route}
    two.plane.endpoints = {}
    assert fine(two.ask("/v1/models/churn/metadata")) == loaded
    for path, numbers in (
        ("", ["7", "8"]), ("/versions/8", ["8"]), ("/labels/candidate", ["8"]),
    ):  # fmt: skip
        listed = fine(two.ask(f"/v1/models/churn{path}"))["model_version_status"]
        assert [(one["version"], one["state"]) for one in listed] == [(n, "START") for n in numbers]
    assert "7, 8" in refused(two.ask("/v1/models/churn/versions/9"), 404)
    assert not list(two.plane.waiting.asked), "to be told of loads nothing"


def test_parts_of_several_arms_are_joined_in_the_requests_order() -> None:
    outputs = {"y": np.array([[1.0, 2.0], [5.0, 6.0]])}
    a, b = Source("a", "m:1"), Source("b", "m:2")
    edges = Outputs(a, TENSOR.outputs, Batch(2, (), np.empty((2, 0)), outputs), ())
    first = Part([0, 2], Ids(bytes(10), 0, 2), Answered(edges, 0, 0.0, 0.0))
    middle = Batch(1, (), np.empty((1, 0)), {"y": np.array([[3.0, 4.0]])})
    answered = Answered(Outputs(b, TENSOR.outputs, middle, ()), 0, 0.0, 0.0)
    second = Part([1], Ids(bytes(10), 2, 1), answered)
    answer = Answer("m", 1, 3, (first, second))
    assert columns_of(answer, TENSOR) == {"y": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]}
