"""Bodies beyond the default limit, where they are let in: read beside the loop, by any protocol."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from fairlead.serving.dataplane import Endpoint
from fairlead.serving.front import LARGE_BYTES, Reading
from fairlead.serving.message import Request, Response, json_response
from fairlead.serving.refusal import native_shape
from fairlead.signature import Field, Signature
from support.plane import PlaneInProcess
from support.routes import SIGNATURE, double, numbers, zeros

SPACE = b" " * LARGE_BYTES
KINDS = Signature(
    inputs=(
        Field(name="age", kind="number", missing="allow"),
        Field(name="visits", kind="integer", missing="allow"),
        Field(name="plan", kind="category", categories=("free", "pro"), missing="allow"),
        Field(name="since", kind="timestamp", missing="allow"),
        Field(name="note", kind="text", missing="allow"),
        Field(name="x", kind="tensor", shape=(2,)),
    ),
    outputs=(Field(name="prediction", kind="number"),),
)
FULL = {"age": 42.1, "visits": 3, "plan": "pro", "since": "2024-01-31", "note": "a", "x": [1, 2]}
BARE = {"x": [0.5, 1.5]}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaneInProcess]:
    folder = tmp_path_factory.mktemp("large")
    with PlaneInProcess(folder, body_bytes_max=4 * LARGE_BYTES) as plane:
        plane.serve("m", KINDS, zeros)
        plane.serve("double", SIGNATURE, double)
        yield plane


def large(body: object) -> bytes:
    return SPACE + msgspec.json.encode(body)


def read_in(plane: PlaneInProcess, body: bytes, headers: dict[bytes, bytes]) -> bool:
    """Whether a request is read beside the loop."""
    threads: list[int] = []

    def read(_: Endpoint, __: Request) -> Reading:
        threads.append(threading.get_ident())
        return Reading(numbers(1.0), lambda answer: json_response({"rows": answer.rows}))

    async def asking() -> None:
        answered: asyncio.Future[Response] = plane.loop.create_future()
        request = Request("POST", "/", b"", headers, body, plane.loop.time())
        plane.front.predict(request, answered.set_result, "double", read, native_shape)
        async with asyncio.timeout(20):
            assert (await answered).status == 200

    plane.loop.run_until_complete(asking())
    return threads != [threading.get_ident()]


@pytest.mark.parametrize(
    ("body", "headers", "beside"),
    [
        (SPACE + b"1", {}, True),
        (SPACE, {}, False),
        (gzip.compress(SPACE * 2), {b"content-encoding": b"gzip"}, True),
        (gzip.compress(b"small"), {b"content-encoding": b"gzip"}, False),
    ],
    ids=["large", "not quite", "compressed", "small compressed"],
)
def test_what_is_large_or_may_become_so_is_read_beside_the_loop(
    plane: PlaneInProcess, body: bytes, headers: dict[bytes, bytes], beside: bool
) -> None:
    assert read_in(plane, body, headers) == beside


def frame(plane: PlaneInProcess, body: bytes) -> dict[str, Any]:
    """What is on the log of a request that was answered."""
    before = len(plane.frames)
    got = plane.predict(body)
    assert got.status == 200, got.body
    (logged,) = plane.frames[before:]
    columns = {field.name: logged.inputs.column(field.name) for field in KINDS.inputs}
    return {
        "units": logged.units,
        "ids": logged.caller_ids,
        **{name: [repr(value) for value in column.tolist()] for name, column in columns.items()},
    }


@pytest.mark.parametrize(
    "body",
    [
        {"rows": [FULL, BARE, FULL], "unit": ["u", None, "v"], "id": "order"},
        {"columns": {"x": [[1, 2], [3, 4]], "age": [1.5, None]}, "unit": "u"},
        FULL,
    ],
    ids=["rows", "columns", "record"],
)
def test_a_large_native_body_means_what_a_small_one_does(
    plane: PlaneInProcess, body: object
) -> None:
    assert frame(plane, large(body)) == frame(plane, msgspec.json.encode(body))


@pytest.mark.parametrize(
    "body",
    [
        {"rows": [FULL, {**FULL, "age": "old"}, {"plan": "free"}]},
        {"rows": [FULL], "unit": ["u", "v"]},
        {"rows": [FULL], "arm": "nobody"},
        {"row": [FULL]},
    ],
)
def test_a_large_native_body_is_refused_as_a_small_one_is(
    plane: PlaneInProcess, body: object
) -> None:
    small, got = plane.predict(body), plane.predict(large(body))
    assert small.status in (400, 404)
    assert (got.status, got.json["error"]) == (small.status, small.json["error"])


def test_large_bodies_of_other_protocols_are_answered(plane: PlaneInProcess) -> None:
    tensor = {"name": "x", "shape": [2, 1], "datatype": "FP64", "data": [1.0, 2.0]}
    oip = plane.ask("/v2/models/double/infer", large({"inputs": [tensor]}))
    assert oip.json["outputs"][0]["data"] == [2.0, 4.0]
    tensorflow = plane.ask("/v1/models/double:predict", large({"instances": [1.0, 2.0]}))
    assert tensorflow.json["predictions"] == [2.0, 4.0]
    mlflow = plane.ask("/endpoints/double/invocations", large({"instances": [{"x": 1.0}]}))
    assert mlflow.json["predictions"] == [2.0]
