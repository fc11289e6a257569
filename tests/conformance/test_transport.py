"""What every transport of HTTP promises, whoever owns its connections."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairlead.batching import Lane
from fairlead.serving.transport.server import HttpLimits
from fairlead.signature import Batch
from support.plane import BODY_BYTES_MAX, PlaneInProcess
from support.platform import ask
from support.reply import Reply
from support.routes import SIGNATURE, double
from support.serving import receive
from support.transports import KINDS, Transport, missing
from support.waiting import until

LIMITS = HttpLimits(body_bytes_max=BODY_BYTES_MAX, read_timeout_s=30.0, linger_s=0.2)
PREDICT = "/v1/endpoints/m/predict"
SLOW = "/v1/endpoints/slow/predict"
ROW = {"rows": [{"x": 2.0}]}


class Gate:
    """A model that answers when it is let."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.opened = threading.Event()

    def __call__(self, batch: Batch) -> Batch:
        self.batches.append(batch)
        assert self.opened.wait(20)
        return double(batch)


class Asked:
    """A transport, and who waits behind it."""

    def __init__(self, transport: Transport, gate: Gate) -> None:
        self.transport = transport
        self.gate = gate

    def __call__(self, path: str, body: Any = None, method: str | None = None,
                 **headers: str) -> Reply:  # fmt: skip
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.transport.url, self.transport.prefix + path, body, method, named)

    def raw(self, path: str, body: bytes = b"", more: bytes = b"") -> bytes:
        """A request as it is written."""
        target = (self.transport.prefix + path).encode()
        head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%b\r\n"
        return head % (target, len(body), more) + body


@contextmanager
def served(kind: str, folder: Path, limits: HttpLimits = LIMITS) -> Iterator[Asked]:
    if missing(kind):
        pytest.skip(missing(kind))
    gate = Gate()
    with ExitStack() as stack:
        lane = stack.enter_context(closing(Lane(0)))
        plane = stack.enter_context(PlaneInProcess(folder))
        plane.serve("m", SIGNATURE, double)
        plane.serve("slow", SIGNATURE, gate, lane=lane)
        stack.callback(gate.opened.set)
        yield Asked(stack.enter_context(Transport(plane, kind, limits)), gate)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def asked(kind: str, tmp_path: Path) -> Iterator[Asked]:
    with served(kind, tmp_path) as asked:
        yield asked


def value(reply: Reply) -> float:
    assert reply.status == 200, reply.body
    found: float = reply.json["predictions"][0]["prediction"]
    return found


def test_rows_are_answered_with_their_timings(asked: Asked) -> None:
    reply = asked(PREDICT, ROW)
    assert value(reply) == 4.0
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["content-length"] == str(len(reply.body))
    assert "model;dur=" in reply.headers["server-timing"]


def test_query_and_encoded_paths_arrive(asked: Asked) -> None:
    reply = asked("/v1/endpoints/%6D/predict?id=order", b"x,order\n2,a\n", content_type="text/csv")
    assert value(reply) == 4.0
    assert asked(f"{PREDICT}?di=order", b"x\n2\n", content_type="text/csv").status == 400


@pytest.mark.parametrize(
    ("path", "form"),
    [
        (PREDICT, {"error": dict}),
        ("/v2/models/m/infer", {"error": str}),
        ("/v1/models/m:predict", {"error": str}),
        ("/endpoints/m/invocations", {"message": str}),
    ],
)
def test_errors_have_the_shape_of_their_protocol(
    asked: Asked, path: str, form: dict[str, type]
) -> None:
    for body, status in ((b"{", 400), (b"[" * (BODY_BYTES_MAX + 1), 413)):
        reply = asked(path, body)
        assert reply.status == status
        told = {key: type(value) for key, value in reply.json.items()}
        assert form.items() <= told.items()


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(asked: Asked) -> None:
    with asked.transport.connect() as sock:
        sock.sendall(asked.raw(PREDICT).replace(b"Length: 0", b"Length: 999999999"))
        raw = receive(sock, until=b"body_bytes_max")
    assert raw.startswith(b"HTTP/1.1 413 ")


def test_chunks_are_counted_too(asked: Asked) -> None:
    head = asked.raw(PREDICT).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with asked.transport.connect() as sock:
        sock.sendall(head + chunk * 8 + b"e\r\n" + msgspec.json.encode(ROW)[:14] + b"\r\n")
        sock.sendall(b"%x\r\n" % (len(msgspec.json.encode(ROW)) - 14))
        sock.sendall(msgspec.json.encode(ROW)[14:] + b"\r\n0\r\n\r\n")
        assert receive(sock, until=b"predictions").startswith(b"HTTP/1.1 200 ")
    with asked.transport.connect() as sock:
        for piece in (head, *[chunk] * 17):
            try:
                sock.sendall(piece)
            except OSError:  # it was refused meanwhile
                break
        assert receive(sock, until=b"too_large").startswith(b"HTTP/1.1 413 ")


def test_headers_are_limited(asked: Asked) -> None:
    assert asked("/health/live", x_long="a" * 40_000).status == 431


def test_head_is_answered_without_a_body(asked: Asked) -> None:
    reply, whole = asked("/health/live", method="HEAD"), asked("/health/live")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-length"] == str(len(whole.body))


def test_unknown_paths_and_methods_are_told(asked: Asked) -> None:
    assert asked("/nothing").status == 404
    reply = asked(PREDICT, method="DELETE")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")


def test_a_connection_is_kept_and_its_order_too(asked: Asked) -> None:
    bodies = [msgspec.json.encode({"rows": [{"x": float(x)}]}) for x in range(20)]
    with asked.transport.connect() as sock:
        for body in bodies[:3]:  # one after the other
            sock.sendall(asked.raw(PREDICT, body))
            receive(sock, until=b"}]}")
        sock.sendall(b"".join(asked.raw(PREDICT, body) for body in bodies))  # all at once
        raw = b""
        while raw.count(b"}]}") < len(bodies):
            raw += receive(sock, until=b"}]}")
    got = [msgspec.json.decode(p.partition(b"\r\n\r\n")[2]) for p in raw.split(b"HTTP/1.1 ")[1:]]
    assert [one["predictions"][0]["prediction"] for one in got] == [2.0 * x for x in range(20)]


def test_a_deadline_is_kept(kind: str, tmp_path: Path) -> None:
    limits = HttpLimits(body_bytes_max=BODY_BYTES_MAX, linger_s=0.2, requests_max=2)
    with served(kind, tmp_path, limits) as asked, ThreadPoolExecutor(2) as callers:
        first = callers.submit(asked, SLOW, ROW)
        until(lambda: asked.gate.batches, "the model to run")
        assert value(asked(PREDICT, ROW)) == 4.0, "others go on"
        second = callers.submit(asked, SLOW, ROW, fairlead_timeout_ms="200")
        until(lambda: asked.transport.room.requests.taken == 2, "it to wait for the model")
        late_s = time.monotonic() + 0.205
        until(lambda: time.monotonic() > late_s, "its time to be up")
        asked.gate.opened.set()
        assert value(first.result()) == 4.0
        assert second.result().status == 504
        assert second.result().error["code"] == "deadline_exceeded"
        assert len(asked.gate.batches) == 1, "the model did not run for who had left"
        assert asked(PREDICT, ROW, fairlead_timeout_ms="soon").status == 400


def test_bodies_are_compressed_both_ways(asked: Asked) -> None:
    rows = {"rows": [{"x": float(x)} for x in range(500)]}
    raw = gzip.compress(msgspec.json.encode(rows))
    reply = asked(PREDICT, raw, content_encoding="gzip", accept_encoding="gzip")
    assert reply.headers["content-encoding"] == "gzip"
    assert len(msgspec.json.decode(gzip.decompress(reply.body))["predictions"]) == 500
    bomb = gzip.compress(b" " * (BODY_BYTES_MAX + 1))
    assert asked(PREDICT, bomb, content_encoding="gzip").status == 413


def test_who_waits_for_a_slow_endpoint_holds_up_nobody_else_and_is_told_when_too_late(
    kind: str, tmp_path: Path
) -> None:
    limits = HttpLimits(body_bytes_max=BODY_BYTES_MAX, linger_s=0.2, requests_max=1)
    with served(kind, tmp_path, limits) as asked, ThreadPoolExecutor(3) as callers:
        first = callers.submit(asked, SLOW, ROW)
        until(lambda: asked.gate.batches, "the first request")
        room = asked.transport.room.requests
        second = callers.submit(asked, SLOW, ROW)
        until(lambda: room.waiting == 1, "the second to wait")
        third = callers.submit(asked, SLOW, ROW, fairlead_timeout_ms="1")
        until(lambda: room.waiting == 2, "the third to wait")
        assert asked("/health/ready").status == 200
        assert value(asked(PREDICT, ROW)) == 4.0, "callers of another endpoint wait for nobody"
        asked.gate.opened.set()
        assert value(first.result()) == value(second.result()) == 4.0
        refused = third.result()
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")


def reset(sock: socket.socket) -> None:
    """Hang up without a word."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_callers_who_hang_up_harm_nobody_and_hold_nothing(kind: str, tmp_path: Path) -> None:
    limits = HttpLimits(
        body_bytes_max=BODY_BYTES_MAX, linger_s=0.2, requests_max=2,
        body_bytes_total_max=BODY_BYTES_MAX,
    )  # fmt: skip
    with served(kind, tmp_path, limits) as asked:
        room = asked.transport.room
        for _ in range(3):  # in the middle of a body
            sock = asked.transport.connect()
            sock.sendall(asked.raw(PREDICT, b" " * BODY_BYTES_MAX)[:-1])
            until(lambda: room.bodies.is_full, "the body to be read")
            reset(sock)
            until(lambda: not room.bodies.is_full, "its room")
        for place in range(2):  # in the middle of an answer
            sock = asked.transport.connect()
            sock.sendall(asked.raw(SLOW, msgspec.json.encode(ROW)))
            until(partial(is_taken, asked, place + 1), "the request to be taken")
            reset(sock)
        asked.gate.opened.set()
        until(lambda: not room.requests.taken, "the room of both")
        assert value(asked(PREDICT, ROW)) == 4.0


def is_taken(asked: Asked, count: int) -> bool:
    """Whether so many requests are with the model, running or waiting for it."""
    if count == 1:
        return bool(asked.gate.batches)
    return asked.transport.room.requests.taken == 2
