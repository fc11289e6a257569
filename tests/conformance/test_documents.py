"""What the OpenAPI documents say is so: requests made from them are answered as they describe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from fairlead.serving.message import Reply, Request
from fairlead.serving.openapi import openapi
from fairlead.serving.transport.server import HttpLimits
from fairlead.signature import Field, Signature
from support.guarded import Guarded
from support.models import package_churn
from support.oip import echo
from support.plane import BODY_BYTES_MAX, PlaneInProcess
from support.platform import Platform
from support.serving import HttpThread

schemathesis = pytest.importorskip("schemathesis", reason="it makes the requests")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")

EXAMPLES, ANSWER_S_MAX = 25, 60.0
FEW = {"POST /v1/simulations": 3, "POST /v1/users": 3, "PUT /v1/users/{user}/password": 3}
"""Of what takes seconds each, fewer."""

LENIENT = (checks.positive_data_acceptance,)
"""That columns are equally long, and what a CSV holds, cannot be said in a schema."""

FIELDS = {
    "numbers": (Field(name="a", kind="number"), Field(name="b", kind="integer", dtype="int64")),
    "categories": (
        Field(name="c", kind="category", dtype="object", categories=("x", "y")),
        Field(name="free", kind="category", dtype="object", unknown="allow"),
    ),
    "text": (Field(name="t", kind="text"), Field(name="id", kind="text")),
    "image": (Field(name="p", kind="image"),),
    "timestamp": (
        Field(name="at", kind="timestamp", dtype="datetime64[us]"),
        Field(name="ok", kind="boolean", dtype="bool"),
    ),
    "nullable": (
        Field(name="a", kind="number", missing="allow", nullable=True),
        Field(name="c", kind="category", dtype="object", categories=("x",), missing="allow",
              nullable=True),
    ),
    "tensor": (Field(name="z", kind="tensor", dtype="float32", shape=(2, 2)),),
}  # fmt: skip
NAMES = {"endpoint": "churn", "model": "churn", "reference": "churn:1", "silence_id": "none",
         "job": "nightly", "name": "requests", "key": "shop", "user": "ann", "link": "none",
         "channel": "ops", "queue": "churn", "task": "none", "field": "age",
         "release_id": "none", "alias": "champion", "number": "1", "update": "none",
         "word": "cancel"}  # fmt: skip


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PlaneInProcess, str]]:
    def handle(request: Request, reply: Reply) -> None:
        made.router.handle(request, reply)

    server = HttpThread(handle, HttpLimits(body_bytes_max=BODY_BYTES_MAX, linger_s=0.2))
    folder: Path = tmp_path_factory.mktemp("documents")
    with PlaneInProcess(folder, server.loop) as made, server:
        for name, fields in FIELDS.items():
            made.serve(name, Signature(inputs=fields, outputs=fields), echo)
        yield made, f"http://127.0.0.1:{server.port}"


def hold(document: dict[str, Any], url: str, names: dict[str, str]) -> set[str]:
    """Ask every operation of a document, well and badly; what is asked."""
    asked = set()
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()
        asked.add(operation.label)

        @settings(
            max_examples=FEW.get(operation.label, EXAMPLES), derandomize=True, database=None,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(operation.as_strategy())
        def tried(case: Any) -> None:
            for name in case.path_parameters or {}:
                if len(str(case.path_parameters[name])) % 2:  # else it names nothing
                    case.path_parameters[name] = names[name]
            response = case.call(base_url=url, timeout=ANSWER_S_MAX)
            excluded = [*LENIENT]
            if response.status_code in (503, 504):  # as the caller's own deadline asked for
                excluded.append(schemathesis.checks.not_a_server_error)
            case.validate_response(response, excluded_checks=excluded)

        tried()
    return asked


@pytest.mark.parametrize("name", FIELDS)
def test_an_endpoint_answers_as_its_document_says(
    plane: tuple[PlaneInProcess, str], name: str
) -> None:
    served, url = plane
    document = openapi(served.plane.endpoints[name].route)
    asked = hold(document, url, {"key": "7"})
    of = f"/v1/endpoints/{name}"
    assert asked == {f"POST {of}/predict", f"POST {of}/feedback", f"GET {of}/lookup/{{key}}"}


@pytest.mark.slow
def test_the_control_plane_answers_as_its_document_says(tmp_path: Path) -> None:
    package_churn(tmp_path / ".fairlead")
    with Platform(tmp_path / ".fairlead", "churn:1", "--workers=1") as running:
        document = running.control("/openapi.json").json
        asked = hold(document, running.addresses.control, NAMES)
        assert len(asked) > 10
        assert "Traceback" not in running.log


def test_where_keys_are_needed_every_document_says_how_they_are_shown(
    plane: tuple[PlaneInProcess, str],
) -> None:
    control = Guarded().app.openapi()
    endpoint = openapi(plane[0].plane.endpoints["text"].route, keys=True)
    for document in (control, endpoint):
        assert document["security"] == [{"bearer": []}, {"key": []}]
        assert set(document["components"]["securitySchemes"]) == {"bearer", "key"}
        schemathesis.openapi.from_dict(document).validate()
        for path, operations in document["paths"].items():
            for operation in operations.values():
                assert operation.get("security") == [] or not path.startswith("/health")
                assert {"401", "403", "429"} <= set(operation["responses"])
