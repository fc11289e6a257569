"""What the OpenAPI documents say is so: requests made from them are answered as they describe."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from fairlead.access import Gate, KeyBook
from fairlead.clock import ManualClock, SystemClock
from fairlead.features import FeatureSpec
from fairlead.ids import IdSource
from fairlead.lookup import Key, Row, open_tables
from fairlead.review.types import Task
from fairlead.routing import Automation
from fairlead.serving.features.follow import FeatureTables
from fairlead.serving.lookup.follow import Followed
from fairlead.serving.message import Reply, Request
from fairlead.serving.openapi import openapi
from fairlead.serving.transport.server import HttpLimits
from fairlead.signature import Field, Signature
from fairlead.store.memory import MemoryStore
from support.guarded import Guarded
from support.models import package_churn
from support.oip import echo
from support.plane import BODY_BYTES_MAX, PlaneInProcess
from support.platform import Platform, ask
from support.scoring import CHURN, churn
from support.serving import HttpThread

schemathesis = pytest.importorskip("schemathesis", reason="it makes the requests")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")

EXAMPLES, ANSWER_S_MAX = 15, 60.0
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
    "audio": (Field(name="s", kind="audio"), Field(name="a", kind="number")),
    "features": (Field(name="a", kind="number"), Field(name="b", kind="text")),
}  # fmt: skip
CUSTOMER = FeatureSpec(name="customer", source="", key="customer_id")
DECIDED = {"human": Automation("human"), "partial": Automation("partial", "confidence >= 0.7")}
TASK = Task(
    id=IdSource(ManualClock()).one(), endpoint="human", queue="desk", version="human:1",
    created_us=1_000_000, inputs={"age": 20}, mode="human",
)  # fmt: skip
NAMES = {"endpoint": "churn", "model": "churn", "reference": "churn:1", "silence_id": "none",
         "job": "nightly", "name": "requests", "key": "shop", "user": "ann", "link": "none",
         "channel": "ops", "queue": "churn", "task": "none", "field": "age",
         "release_id": "none", "alias": "champion", "number": "1", "update": "none",
         "word": "cancel"}  # fmt: skip


@contextmanager
def served(folder: Path, **how: Any) -> Iterator[tuple[PlaneInProcess, str]]:
    """A data plane behind a socket, and where it is."""

    def handle(request: Request, reply: Reply) -> None:
        made.router.handle(request, reply)

    server = HttpThread(handle, HttpLimits(body_bytes_max=BODY_BYTES_MAX, linger_s=0.2))
    with PlaneInProcess(folder, server.loop, **how) as made, server:
        for name, fields in FIELDS.items():
            made.serve(name, Signature(inputs=fields, outputs=fields), echo)
        for name, automation in DECIDED.items():
            made.serve(name, CHURN, churn, automation=automation)
        yield made, f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PlaneInProcess, str]]:
    folder: Path = tmp_path_factory.mktemp("documents")
    clock = SystemClock()
    tables = open_tables(f"lmdb://{folder}/lookup")
    known: list[tuple[Key, Row]] = [("7", Row(clock.now_us(), (1.5, "x")))]
    tables.publish("features.customer", ("a", "b"), known, clock.now_us())
    followed = Followed(tables, clock)
    features = FeatureTables(followed, {"features": (CUSTOMER,)}, clock)
    asyncio.run(followed.look())
    with served(folder, features=features, find={TASK.id: TASK}.get) as made:
        yield made
    followed.close()


def hold(document: dict[str, Any], url: str, names: dict[str, str], **shown: str) -> set[str]:
    """Ask every operation of a document, well and badly, with some headers; what is asked."""
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
            response = case.call(base_url=url, headers=shown, timeout=ANSWER_S_MAX)
            excluded = [*LENIENT]
            if response.status_code in (503, 504):  # as the caller's own deadline asked for
                excluded.append(schemathesis.checks.not_a_server_error)
            case.validate_response(response, excluded_checks=excluded)

        tried()
    return asked


def document_of(plane: tuple[PlaneInProcess, str], name: str, **shown: str) -> dict[str, Any]:
    """As the data plane gives it to who asks."""
    reply = ask(plane[1], f"/v1/endpoints/{name}/openapi.json", headers=shown)
    assert reply.status == 200
    document: dict[str, Any] = reply.json
    return document


@pytest.mark.parametrize("name", FIELDS)
def test_an_endpoint_answers_as_its_document_says(
    plane: tuple[PlaneInProcess, str], name: str
) -> None:
    document = document_of(plane, name)
    asked = hold(document, plane[1], {"key": "7"})
    of = f"/v1/endpoints/{name}"
    assert asked == {f"POST {of}/predict", f"POST {of}/feedback", f"GET {of}/lookup/{{key}}"}
    assert ("customer_id" in document["components"]["schemas"]["Row"]["properties"]) == (
        name == "features"
    )


@pytest.mark.parametrize("name", DECIDED)
def test_an_endpoint_where_people_decide_answers_as_its_document_says(
    plane: tuple[PlaneInProcess, str], name: str
) -> None:
    asked = hold(document_of(plane, name), plane[1], {"id": TASK.id})
    of = f"/v1/endpoints/{name}"
    assert asked == {f"POST {of}/predict", f"POST {of}/feedback", "GET /v1/predictions/{id}"}


def test_an_endpoint_that_asks_for_keys_answers_as_its_document_says(tmp_path: Path) -> None:
    book = KeyBook(MemoryStore(), SystemClock())
    _, secret = book.create("shop", ("predict",))
    with served(tmp_path, gate=Gate(book.get, SystemClock(), 1)) as made:
        document = document_of(made, "numbers", **{"X-API-Key": secret})
        assert document["security"]
        asked = hold(document, made[1], {"key": "7"}, **{"X-API-Key": secret})
        assert len(asked) == 3


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
