"""What the client sends, and what it makes of the replies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scripted import predictions, refusal, reply, serving

from fairlead.client import Client
from fairlead.errors import (
    ConfigError,
    DeadlineError,
    FairleadError,
    InputError,
    ModelError,
    NotFoundError,
    ReceiptError,
    UnavailableError,
)

YES = {"label": "yes", "probabilities": {"no": 0.25, "yes": 0.75}}
NO = {"label": "no", "probabilities": {"no": 0.5, "yes": 0.5}}


def test_one_record_gets_one_answer() -> None:
    with serving(predictions(YES)) as server, Client(server.url) as client:
        answer = client.predict("m", {"age": 42, "plan": None}, units="user-7", ids="order-1")
    assert answer == {"id": "id-0", "version": "m:1", "arm": "stable", **YES}
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/v1/endpoints/m/predict")
    assert asked.body == {"rows": [{"age": 42}], "unit": "user-7", "id": "order-1"}
    assert asked.headers["content-type"] == "application/json"


def test_a_list_gets_a_list_and_connections_are_kept() -> None:
    with serving(predictions(YES, NO), predictions(NO)) as server, Client(server.url) as client:
        both = client.predict("m", [{"a": 1}, {"a": float("nan")}], units=["u", None])
        client.predict("m", np.array([[1.0, np.nan]]))
    assert [answer["label"] for answer in both] == ["yes", "no"]
    assert server.asked[0].body == {"rows": [{"a": 1}, {}], "unit": ["u", None]}
    assert server.asked[1].body == {"rows": [[1.0, None]]}
    assert server.connections == 1


def test_nothing_asked_is_nothing_answered() -> None:
    with serving() as server, Client(server.url) as client:
        assert client.predict("m", []) == []
        empty = client.predict("m", pl.DataFrame({"a": []}))
    assert (empty.height, empty.columns) == (0, ["id", "version", "arm"])
    assert server.asked == []


def test_a_polars_frame_gets_a_polars_frame() -> None:
    noon = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
    frame = pl.DataFrame({"a": [1.5, None], "at": [noon, None], "v": [[1, 2], [3, 4]]})
    with serving(predictions(YES, NO)) as server, Client(server.url) as client:
        answers = client.predict("m", frame, units=pl.Series(["x", "y"]))
    assert server.asked[0].body == {
        "rows": [
            {"a": 1.5, "at": "2024-05-01T12:00:00.000000+00:00", "v": [1, 2]},
            {"v": [3, 4]},
        ],
        "unit": ["x", "y"],
    }
    expected = {
        "id": ["id-0", "id-1"], "version": ["m:1"] * 2, "arm": ["stable"] * 2,
        "label": ["yes", "no"], "probabilities": [[0.25, 0.75], [0.5, 0.5]],
    }  # fmt: skip
    assert_frame_equal(answers, pl.DataFrame(expected))


def test_a_pandas_frame_gets_a_pandas_frame_with_its_index() -> None:
    frame = pd.DataFrame(
        {
            "a": pd.array([1, None], dtype="Int64"),
            "at": [pd.Timestamp("2024-05-01 12:00"), pd.NaT],
            "c": pd.Categorical(["x", None]),
            "v": [np.array([1.0, 2.0]), np.array([3.0, 4.0])],
            "b": [True, False],
        },
        index=[7, 9],
    )
    with serving(predictions(YES, NO)) as server, Client(server.url) as client:
        answers = client.predict("m", frame)
    assert server.asked[0].body["rows"] == [
        {"a": 1, "at": "2024-05-01T12:00:00.000000", "c": "x", "v": [1.0, 2.0], "b": True},
        {"v": [3.0, 4.0], "b": False},
    ]
    assert isinstance(answers, pd.DataFrame)
    assert answers.index.tolist() == [7, 9]
    assert answers.columns.tolist() == ["id", "version", "arm", "label", "probabilities"]
    assert answers["probabilities"].tolist() == [[0.25, 0.75], [0.5, 0.5]]


def test_probabilities_of_versions_that_name_them_differently_stay_in_one_order() -> None:
    other = {"label": "yes", "probabilities": {"yes": 0.9, "no": 0.1}}
    third = {"label": "new", "probabilities": {"new": 1.0}}
    with serving(predictions(YES, other, third)) as server, Client(server.url) as client:
        answers = client.predict("m", pl.DataFrame({"a": [1, 2, 3]}))
    assert answers["probabilities"].to_list() == [
        [0.25, 0.75, None], [0.1, 0.9, None], [None, None, 1.0],
    ]  # fmt: skip


def test_many_rows_go_in_several_requests() -> None:
    moves = [
        predictions(*({"prediction": n} for n in part), first=part[0])
        for part in (range(1000), range(1000, 2000), range(2000, 2500))
    ]
    with serving(*moves) as server, Client(server.url) as client:
        answers = client.predict(
            "m", pl.DataFrame({"a": range(2500)}), ids=[str(n) for n in range(2500)]
        )
    assert [len(asked.body["rows"]) for asked in server.asked] == [1000, 1000, 500]
    assert server.asked[2].body["id"][0] == "2000"
    assert answers["prediction"].to_list() == list(range(2500))


def test_long_rows_go_in_several_requests() -> None:
    with serving(predictions(YES), predictions(NO)) as server, Client(server.url) as client:
        answers = client.predict("m", [{"text": "x" * 3_000_000}] * 2)
    assert [answer["label"] for answer in answers] == ["yes", "no"]
    assert [len(asked.body["rows"]) for asked in server.asked] == [1, 1]


def test_problems_are_told_in_the_numbers_of_all_rows() -> None:
    first = predictions(*({"prediction": n} for n in range(1000)))
    second = refusal(
        400, "invalid_input", "Row 3, field 'a': is missing.",
        problems=[{"message": "is missing", "row": 3, "field": "a", "expected": "a number"}],
    )  # fmt: skip
    with (
        serving(first, second) as server,
        Client(server.url) as client,
        pytest.raises(InputError, match="rows 1000 to 1004") as caught,
    ):
        client.predict("m", [{"a": 1}] * 1005)
    (problem,) = caught.value.problems
    assert (problem.row, problem.field, problem.expected) == (1003, "a", "a number")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_input", InputError),
        (400, "bad_request", InputError),
        (413, "too_large", InputError),
        (404, "not_found", NotFoundError),
        (422, "receipt_failed", ReceiptError),
        (500, "model_error", ModelError),
        (503, "unavailable", UnavailableError),
        (504, "deadline_exceeded", DeadlineError),
        (500, "internal", FairleadError),
        (418, "of a later version", FairleadError),
    ],
)
def test_errors_are_raised_as_what_they_are(
    status: int, code: str, kind: type[FairleadError]
) -> None:
    with (
        serving(refusal(status, code, "Ü broke.", hint="Mend it.")) as server,
        Client(server.url) as client,
        pytest.raises(kind) as caught,
    ):
        client.predict("m", {"a": 1})
    assert type(caught.value) is kind
    assert str(caught.value) == "Ü broke. Mend it."


BESIDE_A_SERVER = """
import sys
import fairlead.serving.waiting
from fairlead.client import Client
try:
    Client(sys.argv[1]).predict("m", {"a": 1})
except Exception as error:
    print(type(error).__name__)
"""


def test_a_servers_own_kinds_of_errors_are_none_of_the_clients(
    run_python: Callable[[str, str], str],
) -> None:
    with serving(refusal(503, "unavailable", "Not now.")) as server:
        assert run_python(BESIDE_A_SERVER, server.url).strip() == "UnavailableError"


def test_names_and_values_may_be_of_any_script() -> None:
    moves = (predictions({"label": "größer ✓"}), reply({"name": "x"}))
    with serving(*moves) as server, Client(server.url + "/ml/") as client:
        assert client.predict("a/ü?", {"naïve": "日本 \u0000 😀"})["label"] == "größer ✓"
        client.describe("..")
    assert server.asked[0].path == "/ml/v1/endpoints/a%2F%C3%BC%3F/predict"
    assert server.asked[0].body["rows"] == [{"naïve": "日本 \u0000 😀"}]


@pytest.mark.parametrize(
    "value", [float("inf"), [1.0, float("-inf")], object(), "\ud800", np.float64("inf")]
)
def test_what_json_cannot_say_is_refused_before_anything_is_sent(value: object) -> None:
    with serving() as server, Client(server.url) as client:
        with pytest.raises(InputError, match="Row 1, field 'b'") as caught:
            client.predict("m", [{"a": 1}, {"a": 1, "b": value}])
        assert (caught.value.problems[0].row, caught.value.problems[0].field) == (1, "b")
    assert server.asked == []


@pytest.mark.parametrize("rows", ["text", 3, None, [3], pl.LazyFrame({"a": [1]}), iter([{}])])
def test_what_is_no_row_is_refused(rows: Any) -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(InputError, match="of type"):
        client.predict("m", rows)


def test_texts_must_be_as_many_as_rows() -> None:
    with Client("http://127.0.0.1:1") as client:
        with pytest.raises(InputError, match="`units` has 1 entries for 2 rows"):
            client.predict("m", [{}, {}], units=["x"])
        with pytest.raises(InputError, match="`ids`"):
            client.predict("m", {}, ids=["x", "y"])
        with pytest.raises(InputError, match="same name"):
            client.predict("m", pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_feedback_is_sent_in_parts_and_counted() -> None:
    items = [{"id": str(n), "value": np.int64(n)} for n in range(1500)]
    with (
        serving(reply({"accepted": 1000}), reply({"accepted": 500})) as server,
        Client(server.url) as client,
    ):
        assert client.feedback("m", items) == 1500
    assert server.asked[0].path == "/v1/endpoints/m/feedback"
    assert server.asked[1].body["feedback"][0] == {"id": "1000", "value": 1000}


def test_feedback_may_be_the_answers_with_a_column_more() -> None:
    at = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
    columns = {"id": ["a", "b"], "arm": ["s", "s"], "value": ["yes", "no"], "time": [at, None]}
    expected = [
        {"id": "a", "value": "yes", "time": "2024-05-01T00:00:00.000000+00:00"},
        {"id": "b", "value": "no"},
    ]
    moves = (reply({"accepted": 2}), reply({"accepted": 2}))
    with serving(*moves) as server, Client(server.url) as client:
        client.feedback("m", pl.DataFrame(columns))
        client.feedback("m", pd.DataFrame(columns))
    assert [asked.body["feedback"] for asked in server.asked] == [expected, expected]


def test_feedback_without_a_value_is_refused() -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(InputError) as caught:
        client.feedback("m", pl.DataFrame({"id": ["a", "b"], "value": [1.0, None]}))
    assert [(p.row, p.field) for p in caught.value.problems] == [(1, "value")]


def test_endpoints_and_health_are_read() -> None:
    listed = [{"name": "m", "revision": 1, "arms": []}]
    moves = (reply({"endpoints": listed}), reply(listed[0]), reply({"ready": True}),
             reply({"ready": False}, 503))  # fmt: skip
    with serving(*moves) as server, Client(server.url) as client:
        assert client.endpoints() == listed
        assert client.describe("m") == listed[0]
        assert [client.ready(), client.ready()] == [True, False]
    paths = ["/v1/endpoints", "/v1/endpoints/m", "/health/ready", "/health/ready"]
    assert [asked.path for asked in server.asked] == paths


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8080", "ftp://x", "http://", "http://u:secret@x", "http://x/?q", "http://x:99999",
     "http://x/#f", "http://x y", "http://x/\n"],
)  # fmt: skip
def test_addresses_that_are_none_are_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Client(url)
    assert "secret" not in str(caught.value)


def test_limits_that_are_none_are_refused() -> None:
    for limits in ({"timeout_s": 0.0}, {"timeout_s": float("nan")}, {"retries": -1}):
        with pytest.raises(ConfigError):
            Client("http://127.0.0.1:1", **limits)
