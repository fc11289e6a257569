"""The native JSON bodies: rows, columns and one record mean the same, and say what is wrong."""

from __future__ import annotations

import asyncio
import gc
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import InputError
from fairlead.signature import Batch, Field, RowDecoder, Signature, to_records
from fairlead.signature.envelope import Envelope
from support.plane import ROWS_MAX, PlaneInProcess
from support.reply import Reply
from support.routes import zeros

FIELDS = (
    Field(name="age", kind="number"),
    Field(name="visits", kind="integer", missing="allow"),
    Field(name="plan", kind="category", categories=("free", "pro"), missing="impute", impute="pro"),
    Field(name="since", kind="timestamp", missing="allow"),
    Field(name="size", kind="number", coerce=True, missing="impute", impute=1.5),
    Field(name="ok", kind="boolean", missing="allow"),
    Field(name="x", kind="tensor", shape=(2,)),
)
CHURN = Signature(inputs=FIELDS, outputs=(Field(name="prediction", kind="number"),))
ODD_NAMES = ("id", "unit", "rows", "columns", "key")
ROW = {"age": 42.5, "visits": 3, "plan": "free", "since": "2024-01-31", "size": "2",
       "ok": True, "x": [1, 2]}  # fmt: skip


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path_factory.mktemp("json")) as plane:
        plane.serve("m", CHURN, zeros)
        yield plane


def numbers_of(names: tuple[str, ...]) -> Signature:
    inputs = tuple(Field(name=name, kind="number") for name in names)
    return Signature(inputs=inputs, outputs=CHURN.outputs)


def envelope(signature: Signature) -> Envelope:
    return Envelope(RowDecoder(signature), ROWS_MAX)


def rows_of(batch: Batch) -> list[dict[str, Any]]:
    return to_records(FIELDS, batch)


def decode(signature: Signature, body: object) -> tuple[list[dict[str, Any]], object, object]:
    batch, unit, caller_id, _ = envelope(signature).decode(msgspec.json.encode(body))
    return to_records(signature.inputs, batch), unit, caller_id


def refused(signature: Signature, body: object) -> InputError:
    with pytest.raises(InputError) as caught:
        decode(signature, body)
    return caught.value


values = st.fixed_dictionaries(
    {"age": st.floats(-1e9, 1e9), "x": st.lists(st.integers(0, 9), min_size=2, max_size=2)},
    optional={
        "visits": st.none() | st.integers(-100, 100),
        "plan": st.none() | st.sampled_from(["free", "pro"]),
        "since": st.none() | st.just("2024-01-31T12:00:00Z") | st.integers(0, 10**9),
        "size": st.none() | st.floats(-1, 1) | st.just("7"),
        "ok": st.none() | st.booleans(),
    },
)


@given(st.lists(values, min_size=1, max_size=4))
def test_columns_and_records_mean_what_rows_mean(rows: list[dict[str, Any]]) -> None:
    expected = decode(CHURN, {"rows": rows})[0]
    names = {name for row in rows for name in row}
    columns = {name: [row.get(name) for row in rows] for name in names}
    assert decode(CHURN, {"columns": columns})[0] == expected
    assert [decode(CHURN, row)[0][0] for row in rows] == expected


def test_one_record_may_say_whose_it_is() -> None:
    found, unit, caller_id = decode(CHURN, {**ROW, "unit": "user-7", "id": "order-1"})
    assert found == decode(CHURN, {"rows": [ROW]})[0]
    assert (unit, caller_id) == ("user-7", "order-1")
    wrong = {**ROW, "visits": 3.0, "unit": "user-7"}  # read by the exact path
    assert decode(CHURN, wrong)[1:] == ("user-7", None)


def test_fields_named_like_the_envelope_work_in_rows_and_columns() -> None:
    odd = numbers_of(ODD_NAMES)
    row = {name: float(place) for place, name in enumerate(ODD_NAMES)}
    body = {"rows": [row], "unit": "user-7", "id": "order-1"}
    assert decode(odd, body) == ([row], "user-7", "order-1")
    columns = {"columns": {name: [value] for name, value in row.items()}, "id": "order-1"}
    assert decode(odd, columns) == ([row], None, "order-1")


@pytest.mark.parametrize(
    ("body", "arm"),
    [
        ({"rows": [{"arm": 1.0}], "arm": "candidate"}, "candidate"),
        ({"columns": {"arm": [1.0]}, "arm": "stable"}, "stable"),
        ({"rows": [{"arm": 1.0}], "arm": "candidate", "unit": [None]}, "candidate"),
        ({"rows": [{"arm": 1.0}]}, ""),
        ({"arm": 1.0}, ""),
        ({"arm": 1.0, "unit": "u"}, ""),
    ],
)
def test_an_arm_is_named_beside_rows_and_never_in_them(body: object, arm: str) -> None:
    batch, *_, named = envelope(numbers_of(("arm",))).decode(msgspec.json.encode(body))
    assert (batch.numbers.tolist(), named) == ([[1.0]], arm)


@pytest.mark.parametrize("arm", [1, None, ["candidate"]])
def test_an_arm_that_is_no_text_is_refused(arm: object) -> None:
    body = {"rows": [ROW], "arm": arm}
    assert "'arm' must be a text" in refused(CHURN, body).message


def test_in_one_record_unit_and_id_are_fields_if_the_model_has_them() -> None:
    found = decode(numbers_of(("id", "unit", "key")), {"id": 1, "unit": 2, "key": 3})
    assert found == ([{"id": 1.0, "unit": 2.0, "key": 3.0}], None, None)


@pytest.mark.parametrize("name", ["rows", "columns"])
def test_a_body_with_rows_or_columns_is_never_one_record(name: str) -> None:
    for signature in (numbers_of((name,)), numbers_of((name, "age"))):
        error = refused(signature, {name: 1.5})
        assert name in error.message
        assert "age" not in error.message
    optional = Signature(
        inputs=(Field(name="age", kind="number", missing="allow"),), outputs=(), extra="ignore"
    )
    assert refused(optional, {"rows": [{"age": "x"}]}).problems[0].field == "age"
    assert refused(optional, {"columns": {"age": ["x"]}}).problems[0].field == "age"


@pytest.mark.parametrize(
    ("columns", "row", "field", "word"),
    [
        ({"age": [1, "x"], "x": [[1, 2], [1, 2]]}, 1, "age", "number"),
        ({"age": [1, None], "x": [[1, 2], [1, 2]]}, 1, "age", "missing"),
        ({"age": [1], "x": [[1, 2]], "visits": [1.5]}, 0, "visits", "fraction"),
        ({"age": [1], "x": [[1, 2]], "visits": [2**60]}, 0, "visits", "exact"),
        ({"age": [1, 2], "x": [[1, 2], [1]]}, 1, "x", "shape"),
        ({"age": [1, 2], "x": [[1, 2]]}, None, "x", "1 values where another column has 2"),
        ({"age": [1]}, None, "x", "missing"),
        ({"age": [1], "x": [[1, 2]], "agee": [2]}, None, "agee", "'age'"),
        ({"age": 1, "x": [[1, 2]]}, None, "age", "not a list"),
        ({"age": [1], "x": [[1, 2]], "plan": ["gold"]}, 0, "plan", "categor"),
        ({"age": [1], "x": [[1, 2]], "plan": None}, None, "plan", "null"),
    ],
)
def test_a_wrong_column_is_named_with_its_row(
    columns: object, row: int | None, field: str, word: str
) -> None:
    problem = next(p for p in refused(CHURN, {"columns": columns}).problems if p.field == field)
    if row is not None:
        assert problem.row == row
    assert word in problem.message


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"columns": {}}, "no rows"),
        ({"columns": {"age": [], "x": []}}, "no rows"),
        ({"columns": [1]}, "object"),
        ({"columns": {"age": [1], "x": [[1, 2]]}, "rows": [ROW]}, "both"),
        ({"rows": [ROW], "age": 1}, "beside"),
        ({}, "'rows'"),
        ({"row": [ROW]}, "Did you mean 'rows'?"),
        ([ROW], "'rows'"),
        ({"unit": "user-7"}, "'rows'"),
        ({**ROW, "unit": 7}, "'unit'"),
        ({**ROW, "unit": ["a", "b"]}, "2 entries for 1 rows"),
        ({"columns": {"age": [1], "x": [[1, 2]]}, "id": "i" * 257}, "longer than 256"),
    ],
)
def test_a_body_of_another_form_is_told_what_to_send(
    plane: PlaneInProcess, body: object, word: str
) -> None:
    got = plane.predict(body)
    assert got.status == 400
    assert word in f"{got.error['message']} {got.error.get('hint')}"


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "text/json",
     "application/x-www-form-urlencoded", "text/plain;charset=UTF-8", "application/ld+json"],
)  # fmt: skip
def test_json_is_taken_under_the_names_that_clients_give_it(
    plane: PlaneInProcess, content_type: str
) -> None:
    got = plane.predict({"rows": [ROW], "unit": "user-7"}, content_type)
    assert got.status == 200, got.body
    assert plane.frames[-1].units == ["user-7"]


@pytest.mark.parametrize("content_type", ["application/xml", "image/png", "nonsense", "a/b" * 99])
def test_other_types_are_refused_with_a_list_of_what_is_taken(
    plane: PlaneInProcess, content_type: str
) -> None:
    got = plane.predict(b"<rows/>", content_type)
    assert (got.status, got.error["code"]) == (415, "unsupported_media_type")
    for taken in ("application/json", "text/csv", "multipart/form-data", "parquet", "arrow.stream"):
        assert taken in got.error["hint"]
    assert "image/*" not in got.error["hint"]


MANY = 300_000


@pytest.mark.parametrize(
    "body",
    [
        {"rows": [{}] * MANY},
        {"rows": [[]] * MANY},
        {"rows": [7] * MANY},
        {"rows": [ROW] * (ROWS_MAX + 1)},
        {"rows": [{f"k{n}": 1 for n in range(MANY)}]},
        {"rows": [{"k" * 10 * MANY: 1}]},
        {"columns": {"age": [1.0] * MANY}},
        {"columns": {"age": [[]] * MANY}},
        {"columns": {f"k{n}": [1] for n in range(MANY)}},
        {f"k{n}": 1 for n in range(MANY)},
        {**ROW, **{f"k{n}": 1 for n in range(MANY)}},
    ],
    ids=range(11),
)
def test_a_large_body_that_is_wrong_burns_little_time(body: object) -> None:
    """About as much as to parse it, and not its square."""
    raw, taken = msgspec.json.encode(body), envelope(CHURN)

    def refused() -> None:
        with pytest.raises(InputError):
            taken.decode(raw)

    parsed_s, refused_s = _cpu_s(lambda: msgspec.json.decode(raw)), _cpu_s(refused)
    assert refused_s < 20 * parsed_s + 0.2


def _cpu_s(do: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()  # what other tests left behind is not to be paid here
    try:
        began_s = time.process_time()
        do()
        return time.process_time() - began_s
    finally:
        gc.enable()


def odd(batch: Batch) -> Batch:
    """Answers 13 with what the log can hold and JSON cannot."""
    answers = np.empty(batch.rows, dtype=object)
    answers[:] = [np.float32(1) if age == 13 else "fine" for age in batch.numbers[:, 0]]
    return Batch(batch.rows, (), np.empty((batch.rows, 0)), {"prediction": answers})


def test_an_answer_that_cannot_be_written_fails_alone(
    plane: PlaneInProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    ages = 42, 13, 43
    words = (Field(name="prediction", kind="text"),)
    plane.serve("odd", Signature(inputs=FIELDS[:1], outputs=words), odd)

    async def together() -> list[Reply]:
        asked = (plane.asking("/v1/endpoints/odd/predict", {"age": age}) for age in ages)
        return await asyncio.gather(*asked)

    before = len(plane.frames)
    got = plane.loop.run_until_complete(together())
    assert len(plane.frames) == before + 1, "they ran together"
    assert [reply.status for reply in got] == [200, 500, 200]
    ids = [reply.json["predictions"][0]["id"] for reply in got if reply.status == 200]
    assert [uuid.UUID(text).bytes for text in ids] == [*plane.frames[-1].ids[::2]]
