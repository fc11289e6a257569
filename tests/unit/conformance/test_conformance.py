"""The suite passes a server that keeps the protocol, and finds each fault of one that does not."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from fairlead.conformance import Outcome, run
from fairlead.errors import ConfigError, InputError, UnavailableError
from fairlead.serving.message import Reply, Request, Response
from fairlead.serving.transport.server import HttpLimits
from support.oip import serve_models
from support.plane import BODY_BYTES_MAX, PlaneInProcess
from support.platform import fairlead
from support.serving import HttpThread

Spoil = Callable[[Request, Response], Response]


def unspoiled(_: Request, response: Response) -> Response:
    return response


class Stub:
    """A server on a socket, whose replies may be spoiled on the way out."""

    def __init__(self) -> None:
        self.spoil: Spoil = unspoiled
        self.url = ""


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[Stub]:
    made = Stub()

    def handle(request: Request, reply: Reply) -> None:
        plane.router.handle(request, lambda response: reply(made.spoil(request, response)))

    server = HttpThread(handle, HttpLimits(body_bytes_max=BODY_BYTES_MAX, linger_s=0.2))
    with PlaneInProcess(tmp_path, server.loop) as plane, server:
        serve_models(plane)
        made.url = f"http://127.0.0.1:{server.port}"
        yield made


def failed(outcomes: list[Outcome]) -> set[str]:
    return {f"{o.group}: {o.name}" for o in outcomes if o.result == "fail"}


@pytest.mark.parametrize("model", ["churn", "mixed", "texts", "picture"])
def test_our_own_server_passes_every_check(stub: Stub, model: str) -> None:
    outcomes = run(stub.url, model)
    assert not failed(outcomes)
    skipped = {(o.name, o.reason) for o in outcomes if o.result == "skip"}
    no_floats = {("takes or refuses NaN in JSON", "no input has floating point numbers in JSON")}
    assert skipped == (no_floats if model == "texts" else set())
    assert len(outcomes) > 40


def test_a_request_of_the_callers_own_is_used(stub: Stub) -> None:
    item = {"name": "x", "datatype": "FP32", "shape": [1, 2, 2], "data": [[[1, 2], [3, 4]]]}
    assert not failed(run(stub.url, "picture", {"inputs": [item]}))
    item["shape"] = [1, 4]
    outcomes = run(stub.url, "picture", {"inputs": [item]})
    assert "inference: answers flat data" in failed(outcomes)
    assert any("--request" in o.reason for o in outcomes if o.result == "skip")
    with pytest.raises(InputError, match="not of the protocol's form"):
        run(stub.url, "picture", {"inputs": [{"name": "x"}]})


def changed(key: str, value: Any) -> Spoil:
    """Replies in which one key has another value."""

    def spoil(_: Request, response: Response) -> Response:
        if {b"inference-header-content-length", b"content-encoding"} & {*dict(response.headers)}:
            return response
        told = msgspec.json.decode(response.body)
        if isinstance(told, dict) and key in told:
            told[key] = value
        return replace(response, body=msgspec.json.encode(told))

    return spoil


def fastapi_errors(_: Request, response: Response) -> Response:
    return replace(response, body=b'{"detail": "no"}') if response.status >= 400 else response


def crashes(_: Request, response: Response) -> Response:
    if response.status == 400:
        return replace(response, status=500)
    return response


def needs_json_type(request: Request, response: Response) -> Response:
    posted = request.method == "POST" and request.body
    if posted and request.headers.get(b"content-type") != b"application/json":
        return Response(422, b'{"error": "what is this?"}')
    return response


def needs_index_body(request: Request, response: Response) -> Response:
    return (
        Response(422, b"{}") if request.path.endswith("/index") and not request.body else response
    )


def never_binary(_: Request, response: Response) -> Response:
    headers = tuple(h for h in response.headers if h[0] != b"inference-header-content-length")
    return replace(response, headers=headers)


def never_compressed(_: Request, response: Response) -> Response:
    if dict(response.headers).get(b"content-encoding") != b"gzip":
        return response
    headers = tuple(h for h in response.headers if h[0] != b"content-encoding")
    return replace(response, headers=headers, body=gzip.decompress(response.body))


def takes_anything(request: Request, response: Response) -> Response:
    return Response(200, b"{}") if request.path.endswith("/infer") else response


def other_numbers(request: Request, response: Response) -> Response:
    """Nested data is read as something else."""
    if b'"data":[[' not in request.body:
        return response
    return replace(response, body=response.body.replace(b"1.0,1.0]", b"1.0,2.0]"))


@pytest.mark.parametrize(
    ("spoil", "model", "found"),
    [
        (changed("id", "mine"), "churn", {"inference: gives an id back as it was"}),
        (changed("model_name", "x"), "churn", {"inference: answers flat data"}),
        (changed("model_version", "9"), "churn", {"versions: answers by the version in the path"}),
        (changed("platform", 7), "churn", {"metadata: tells the model's tensors"}),
        (changed("model_stats", []), "churn", {"statistics: tells a model's statistics"}),
        (
            fastapi_errors, "churn",
            {"errors: refuses malformed JSON", "errors: refuses an unknown model"},
        ),
        (
            crashes, "churn",
            {"errors: refuses a shape of another rank", "errors: refuses an empty body"},
        ),
        (
            needs_json_type, "churn",
            {"inference: needs no content type",
             "binary: takes binary inputs without a content type"},
        ),
        (needs_index_body, "churn", {"index: lists models to an empty body"}),
        (
            never_binary, "churn",
            {"binary: gives binary outputs", "binary: gives all outputs binary"},
        ),
        (never_compressed, "churn", {"compression: compresses large answers"}),
        (takes_anything, "churn", {"inference: answers flat data"}),
        (other_numbers, "picture", {"inference: answers nested data"}),
    ],
)  # fmt: skip
def test_each_fault_of_a_server_is_found(
    stub: Stub, spoil: Spoil, model: str, found: set[str]
) -> None:
    stub.spoil = spoil
    outcomes = run(stub.url, model)
    assert found <= failed(outcomes)
    for outcome in outcomes:
        assert (outcome.result == "pass") == (not outcome.reason)


def test_what_is_not_announced_is_not_asked(stub: Stub) -> None:
    stub.spoil = changed("extensions", [])
    outcomes = run(stub.url, "churn")
    assert not failed(outcomes)
    skipped = {o.group for o in outcomes if o.result == "skip"}
    assert skipped == {"index", "statistics", "configuration", "binary", "errors"}


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(UnavailableError, match="cannot be reached"):
        run("http://127.0.0.1:1", "m")
    with pytest.raises(ConfigError, match="no URL"):
        run("127.0.0.1:8080", "m")


def test_the_command_prints_a_matrix_and_ends_with_what_was_found(
    stub: Stub, tmp_path: Path
) -> None:
    said = fairlead(tmp_path, "conformance", stub.url, "--model", "churn")
    assert re.search(r"binary +gives binary outputs +yes +pass", said)
    assert re.search(r"\d+ passed, 0 failed, 0 skipped\.", said)
    stub.spoil = changed("id", "mine")
    fairlead(tmp_path, "conformance", stub.url, "--model", "churn", status=1)
    stub.spoil = unspoiled
    more = ("--model=texts", "--json", "--header=a: b")
    told = json.loads(fairlead(tmp_path, "conformance", f"{stub.url}/", *more))
    assert {row["result"] for row in told} <= {"pass", "fail", "skip"}


def test_a_key_is_sent_with_every_request(stub: Stub) -> None:
    def guarded(request: Request, response: Response) -> Response:
        shown = request.headers.get(b"authorization")
        return response if shown == b"Bearer k" else Response(401, b"{}")

    stub.spoil = guarded
    assert not failed(run(stub.url, "churn", headers={"Authorization": "Bearer k"}))
    assert failed(run(stub.url, "churn"))
