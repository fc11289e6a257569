"""Calls of gRPC ask for the same keys as requests of HTTP do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.access import Gate, KeyBook, Sites
from fairlead.clock import SystemClock
from fairlead.serving.doors import make_rpc_doors
from fairlead.serving.entry import Entry
from fairlead.serving.router import Router
from fairlead.store.memory import MemoryStore
from support.oip import serve_models
from support.plane import PlaneInProcess

pb = pytest.importorskip("fairlead.serving.protocols.oip.oip_pb2", reason="needs protobuf 6.31")

SERVICE = "/inference.GRPCInferenceService/"


class Guarded:
    """A data plane over gRPC that asks for keys."""

    def __init__(self, plane: PlaneInProcess) -> None:
        self.plane = plane
        self.book = KeyBook(MemoryStore(), SystemClock())
        self.dialect = make_rpc_doors(plane.plane, plane.front, plane.health, list)
        gate = Gate(self.book.get, SystemClock(), 1)
        self.router = Router([self.dialect], Entry(Sites(), gate))

    def ask(self, path: str, message: Any, secret: str = "") -> int:
        headers = {"authorization": f"Bearer {secret}"} if secret else {}
        raw = message.SerializeToString()
        return self.plane.ask(path, raw, headers, router=self.router).status


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    with PlaneInProcess(tmp_path) as plane:
        serve_models(plane)
        yield Guarded(plane)


def texts(model: str = "texts") -> Any:
    message = pb.ModelInferRequest(model_name=model)
    item = message.inputs.add(name="x", datatype="BYTES", shape=[1, 2])
    item.contents.bytes_contents.extend([b"a", b"b"])
    return message


def test_every_call_is_shut_without_a_key_but_those_about_health(guarded: Guarded) -> None:
    open_calls = {
        "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
        SERVICE + "ServerLive", SERVICE + "ServerReady",
    }  # fmt: skip
    for door in guarded.dialect.doors:
        shut = guarded.ask(door.path, pb.Empty()) == 401
        assert shut == (door.path not in open_calls), door.path
    assert guarded.ask(SERVICE + "ModelInfer", texts()) == 401


def test_a_key_opens_what_it_is_for(guarded: Guarded) -> None:
    _, predict = guarded.book.create("a", ["predict"])
    _, operate = guarded.book.create("b", ["operate"])
    assert guarded.ask(SERVICE + "ModelInfer", texts(), predict) == 200
    assert guarded.ask(SERVICE + "ModelInfer", texts(), operate) == 403
    assert guarded.ask(SERVICE + "RepositoryModelLoad", pb.Empty(), predict) == 403


def test_a_key_for_some_endpoints_opens_nothing_of_others(guarded: Guarded) -> None:
    _, secret = guarded.book.create("a", ["predict"], endpoints=["texts"])
    assert guarded.ask(SERVICE + "ModelInfer", texts(), secret) == 200
    assert guarded.ask(SERVICE + "ModelMetadata", pb.ModelRequest(name="texts"), secret) == 200
    for path, message in (
        ("ModelInfer", texts("churn")),
        ("ModelMetadata", pb.ModelRequest(name="churn")),
        ("ModelStatistics", pb.ModelRequest()),
        ("RepositoryIndex", pb.RepositoryIndexRequest(repository_name="texts")),
    ):
        assert guarded.ask(SERVICE + path, message, secret) == 403, path
