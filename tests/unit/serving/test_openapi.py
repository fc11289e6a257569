"""The document of an endpoint says what is so: its examples are answered, its types are taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from fairlead.api.proxy import forward
from fairlead.api.types import Upstream
from fairlead.serving.message import Reply, Request, Response
from fairlead.serving.openapi import openapi
from fairlead.serving.transport.server import HttpLimits
from fairlead.signature import Batch, Field, Signature
from support.plane import PlaneInProcess
from support.serving import HttpThread

KINDS = Signature(
    inputs=(
        Field(name="age", kind="number", low=1, high=90),
        Field(name="visits", kind="integer", missing="allow"),
        Field(name="plan", kind="category", categories=("free", "pro"), missing="allow"),
        Field(name="ok", kind="boolean"),
        Field(name="since", kind="timestamp"),
        Field(name="note", kind="text"),
        Field(name="x", kind="tensor", shape=(2, -1)),
    ),
    outputs=(Field(name="prediction", kind="number"),),
)
ODD = Signature(
    inputs=tuple(Field(name=name, kind="number") for name in ("rows", "unit", "id")),
    outputs=(Field(name="prediction", kind="number"), Field(name="id", kind="number")),
)
PICTURE = Signature(inputs=(Field(name="photo", kind="image"),), outputs=KINDS.outputs)


@pytest.fixture(params=[KINDS, ODD, PICTURE], ids=["kinds", "odd", "picture"])
def plane(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path_factory.mktemp("openapi")) as plane:
        names = tuple(field.name for field in request.param.outputs)

        def zeros(batch: Batch) -> Batch:
            return Batch(batch.rows, names, np.zeros((batch.rows, len(names))), {})

        plane.serve("m", request.param, zeros)
        yield plane


def document(plane: PlaneInProcess) -> dict[str, Any]:
    described: dict[str, Any] = openapi(plane.plane.endpoint("m").route)
    return described


def predict_of(plane: PlaneInProcess) -> dict[str, Any]:
    found: dict[str, Any] = document(plane)["paths"]["/v1/endpoints/m/predict"]["post"]
    return found


def test_every_example_is_answered_as_described(plane: PlaneInProcess) -> None:
    content = predict_of(plane)["requestBody"]["content"]
    schemas = document(plane)["components"]["schemas"]
    for example in content["application/json"]["examples"].values():
        got = plane.predict(example["value"])
        assert got.status == 200, got.body
        assert set(got.json) == set(schemas["Predictions"]["required"])
        assert set(got.json["predictions"][0]) == set(schemas["Prediction"]["required"])
    assert plane.predict(content["text/csv"]["example"].encode(), "text/csv").status == 200


def test_every_type_that_is_described_is_taken_and_no_other(plane: PlaneInProcess) -> None:
    operation = predict_of(plane)
    described = set(operation["requestBody"]["content"])
    for kind in described:
        assert plane.predict(b"?", kind.replace("*", "png")).status == 400, kind
    for kind in {"image/png", "audio/wav", "text/xml"} - {k.replace("*", "png") for k in described}:
        assert plane.predict(b"?", kind).status == 415
    row = operation["requestBody"]["content"]["application/json"]["examples"]["rows"]["value"]
    for kind in operation["responses"]["200"]["content"]:
        assert plane.predict(row, accept=kind).headers["content-type"] == kind


def test_every_reference_leads_somewhere(plane: PlaneInProcess) -> None:
    described = document(plane)
    for name in set(msgspec.json.encode(described).decode().split("#/components/schemas/")[1:]):
        assert name.split('"')[0] in described["components"]["schemas"]


def test_one_record_is_described_only_where_it_is_one(plane: PlaneInProcess) -> None:
    has_rows = "rows" in document(plane)["components"]["schemas"]["Row"]["properties"]
    examples = predict_of(plane)["requestBody"]["content"]["application/json"]["examples"]
    assert ("record" in examples) is not has_rows


def test_a_page_passes_on_what_a_body_is_and_what_is_wanted() -> None:
    seen: list[Request] = []

    def handler(request: Request, reply: Reply) -> None:
        seen.append(request)
        reply(Response(200, b"a,b", b"text/csv", ((b"server-timing", b"model;dur=1"),)))

    headers = {"content-type": "text/csv", "accept": "text/csv", "cookie": "secret"}
    with HttpThread(handler, HttpLimits(body_bytes_max=1000)) as server:
        upstream = Upstream(f"http://127.0.0.1:{server.port}", "", None)
        got = forward(upstream, "m", "predict", b"x", "unit=user", headers)
    (request,) = seen
    assert (request.query, request.headers[b"content-type"]) == (b"unit=user", b"text/csv")
    assert request.headers[b"accept"] == b"text/csv"
    assert b"cookie" not in request.headers
    assert (got.content_type, got.headers) == (b"text/csv", ((b"server-timing", b"model;dur=1"),))
