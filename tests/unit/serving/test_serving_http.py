"""HTTP/1.1 over real sockets: order, limits, and peers that mean no good."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fairlead.serving.message import Reply, Request, Response
from fairlead.serving.transport import server as server_module
from fairlead.serving.transport.server import HttpLimits
from support.serving import HttpThread, receive, until_closed
from support.waiting import until

LIMITS = HttpLimits(
    body_bytes_max=1000,
    header_bytes_max=2000,
    read_timeout_s=0.2,
    idle_timeout_s=0.3,
    linger_s=0.2,
)
LARGE = 4 << 20


class Handler:
    """Answers with the path and body; holds back what is asked at `/later`."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.held: list[tuple[Request, Reply]] = []

    def __call__(self, request: Request, reply: Reply) -> None:
        self.asked.append(request)
        if request.path == "/later":
            self.held.append((request, reply))
        elif request.path == "/fails":
            raise RuntimeError("a secret")
        elif request.path == "/large":
            reply(Response(200, b"x" * LARGE))
        else:
            reply(Response(200, request.path.encode() + b" " + request.body))


@contextmanager
def serving(limits: HttpLimits = LIMITS) -> Iterator[tuple[HttpThread, Handler]]:
    handler = Handler()
    with HttpThread(handler, limits) as server:
        yield server, handler


@pytest.fixture
def patient() -> Iterator[tuple[HttpThread, Handler]]:
    """A server whose timeouts play no part."""
    with serving(HttpLimits(body_bytes_max=1000, header_bytes_max=2000, linger_s=0.2)) as pair:
        yield pair


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[HttpThread, Handler]]:
    """A server that looks often and waits briefly."""
    monkeypatch.setattr(server_module, "SWEEP_S", 0.02)
    with serving() as pair:
        yield pair


def exchange(server: HttpThread, raw: bytes) -> bytes:
    """All that comes back for some bytes, the connection ended from here."""
    with server.connect() as sock:
        sock.sendall(raw)
        sock.shutdown(socket.SHUT_WR)
        return until_closed(sock)


def statuses(raw: bytes) -> list[int]:
    return [int(part[:3]) for part in raw.split(b"HTTP/1.1 ")[1:]]


def post(path: str, body: bytes, more: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def test_pipelined_requests_are_answered_in_order(patient: tuple[HttpThread, Handler]) -> None:
    server, handler = patient
    with server.connect() as sock:
        sock.sendall(post("/later", b"1") + post("/b", b"2") + post("/c", b"3"))
        until(lambda: handler.held, "the first request")
        assert len(handler.asked) == 1, "one at a time"
        server.call(lambda: handler.held[0][1](Response(200, b"first")))
        raw = receive(sock, until=b"/c 3")
    assert raw.index(b"first") < raw.index(b"/b 2") < raw.index(b"/c 3")
    assert statuses(raw) == [200, 200, 200]


def test_a_flood_of_pipelined_requests_is_answered_whole(
    patient: tuple[HttpThread, Handler],
) -> None:
    server, _ = patient
    raw = exchange(server, post("/a", b"x") * 500)
    assert statuses(raw) == [200] * 500


def test_bytes_may_arrive_one_by_one(patient: tuple[HttpThread, Handler]) -> None:
    server, _ = patient
    with server.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post("/a", b"slow"):
            sock.sendall(bytes([byte]))
        assert b"/a slow" in receive(sock, until=b"slow")


def test_a_peer_that_sends_no_more_still_gets_its_reply(
    patient: tuple[HttpThread, Handler],
) -> None:
    server, handler = patient
    with server.connect() as sock:
        sock.sendall(post("/later", b"") + post("/b", b"2"))
        sock.shutdown(socket.SHUT_WR)
        until(lambda: handler.held, "the request")
        server.call(lambda: None)  # the end of the stream was seen before the reply
        server.call(lambda: handler.held[0][1](Response(200, b"first")))
        raw = until_closed(sock)
    assert statuses(raw) == [200, 200]
    assert b"first" in raw


def test_a_reply_for_a_peer_that_left_is_dropped(patient: tuple[HttpThread, Handler]) -> None:
    server, handler = patient
    with server.connect() as sock:
        sock.sendall(post("/later", b""))
        until(lambda: handler.held, "the request")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    until(lambda: not server.server.connections, "the end of the connection")
    server.call(lambda: handler.held[0][1](Response(200, b"late")))
    assert statuses(exchange(server, post("/a", b""))) == [200]


def test_head_gets_the_headers_alone(patient: tuple[HttpThread, Handler]) -> None:
    server, _ = patient
    ask = b"HEAD /%b HTTP/1.1\r\nHost: x\r\n\r\n"
    raw = exchange(server, ask % b"abc" + ask % b"fails")
    assert statuses(raw) == [200, 500]
    assert b"content-length: 5" in raw
    assert raw.count(b"\r\n\r\n") == 2
    assert raw.endswith(b"\r\n\r\n")


def test_a_handler_that_fails_tells_nothing_and_goes_on(
    patient: tuple[HttpThread, Handler], capfd: pytest.CaptureFixture[str]
) -> None:
    server, _ = patient
    raw = exchange(server, post("/fails", b"") + post("/a", b"next"))
    assert statuses(raw) == [500, 200]
    assert b"secret" not in raw
    assert "a secret" in capfd.readouterr().err


def test_an_old_client_sees_the_end_of_its_reply(patient: tuple[HttpThread, Handler]) -> None:
    server, _ = patient
    with server.connect() as sock:
        sock.sendall(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert b"connection: close" in until_closed(sock)


def test_a_client_that_asks_first_is_told_to_go_on(patient: tuple[HttpThread, Handler]) -> None:
    server, _ = patient
    head, body = post("/a", b"body", "Expect: 100-continue\r\n").split(b"\r\n\r\n")
    with server.connect() as sock:
        sock.sendall(head + b"\r\n\r\n")
        assert receive(sock, until=b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert b"200 OK" in receive(sock, until=b"/a body")


def test_a_large_body_is_refused_before_it_is_sent(patient: tuple[HttpThread, Handler]) -> None:
    server, handler = patient
    head = post("/a", b"", "Expect: 100-continue\r\n").replace(b"Length: 0", b"Length: 1001")
    with server.connect() as sock:
        sock.sendall(head)
        raw = until_closed(sock)
    assert statuses(raw) == [413]
    assert not handler.asked


def test_a_large_body_without_a_length_is_refused(patient: tuple[HttpThread, Handler]) -> None:
    server, handler = patient
    chunks = b"100\r\n%b\r\n" % (b"x" * 256) * 10
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with server.connect() as sock:
        sock.sendall(head + chunks)
        assert statuses(until_closed(sock)) == [413]
    assert not handler.asked


def test_a_refusal_comes_after_what_was_asked_before(
    patient: tuple[HttpThread, Handler],
) -> None:
    server, handler = patient
    with server.connect() as sock:
        sock.sendall(post("/later", b"") + b"nonsense\r\n\r\n" + post("/a", b"hidden"))
        until(lambda: handler.held, "the first request")
        server.call(lambda: handler.held[0][1](Response(200, b"first")))
        assert statuses(until_closed(sock)) == [200, 400]
    assert len(handler.asked) == 1, "nothing after nonsense is believed"


@pytest.mark.parametrize(
    "raw",
    [
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc",
        b"POST /a HTTP/1.1\r\nHost: x\r\n Content-Length: 3\r\n\r\nabc",
        b"POST /a HTTP/1.1\nHost: x\nContent-Length: 3\n\nabc",
        b"GET /a HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        b"GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_two_servers_could_read_differently_is_refused(
    patient: tuple[HttpThread, Handler], raw: bytes
) -> None:
    server, handler = patient
    with server.connect() as sock:
        sock.sendall(raw + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        assert statuses(until_closed(sock)) == [400]
    assert not handler.asked


def test_a_header_that_never_ends_is_refused(patient: tuple[HttpThread, Handler]) -> None:
    server, _ = patient
    with server.connect() as sock:
        sock.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\nX-Long: ")
        sent = 0
        while not select.select([sock], [], [], 0)[0]:
            sock.sendall(b"x" * 4096)
            sent += 4096
            assert sent < 100 << 20, "it takes all that it is sent"
        assert statuses(receive(sock, until=b"}}")) == [431]


def test_many_small_headers_are_refused(patient: tuple[HttpThread, Handler]) -> None:
    server, _ = patient
    with server.connect() as sock:
        sock.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 1000 + b"\r\n")
        assert statuses(until_closed(sock)) == [431]


def test_an_upgrade_that_is_not_offered_is_passed_over(
    patient: tuple[HttpThread, Handler],
) -> None:
    server, handler = patient
    more = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    raw = exchange(server, post("/a", b"body", more) * 2 + post("/b", b"", more) * 2000)
    assert statuses(raw) == [200] * 2002
    assert [request.body for request in handler.asked[:3]] == [b"body", b"body", b""]


def test_headers_after_a_body_change_nothing(patient: tuple[HttpThread, Handler]) -> None:
    server, handler = patient
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw = exchange(server, head + b"1\r\nx\r\n0\r\nHost: evil\r\n\r\n")
    assert statuses(raw) == [200]
    assert handler.asked[0].headers[b"host"] == b"x"


def test_a_request_that_trickles_is_ended(hasty: tuple[HttpThread, Handler]) -> None:
    server, _ = hasty
    with server.connect() as sock:
        sock.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        stopped = threading.Event()

        def trickle() -> None:
            while not stopped.wait(0.05):
                try:
                    sock.sendall(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=trickle)
        thread.start()
        assert statuses(receive(sock, until=b"}}")) == [408]
        stopped.set()
        thread.join()
    until(lambda: not server.server.connections, "the end of the connection")


def test_a_silent_connection_is_ended(hasty: tuple[HttpThread, Handler]) -> None:
    server, _ = hasty
    with server.connect() as sock:
        assert until_closed(sock) == b""
    with server.connect() as sock:
        sock.sendall(post("/a", b""))
        assert statuses(until_closed(sock)) == [200]


def test_a_request_under_way_is_not_ended_for_its_silence(
    hasty: tuple[HttpThread, Handler],
) -> None:
    server, handler = hasty
    with server.connect() as sock:
        sock.sendall(post("/later", b""))
        until(lambda: handler.held, "the request")
        loop = server.loop
        began_s = loop.time()
        until(lambda: loop.time() - began_s > 2 * LIMITS.idle_timeout_s, "more than the limit")
        server.call(lambda: handler.held[0][1](Response(200, b"done")))
        assert b"done" in receive(sock, until=b"done")


@pytest.mark.parametrize("more", ["", "Connection: close\r\n"])
def test_a_peer_that_does_not_read_is_ended(hasty: tuple[HttpThread, Handler], more: str) -> None:
    server, _ = hasty
    with server.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(post("/large", b"", more) * 4)
        until(lambda: server.server.connections, "the connection")
        until(lambda: not server.server.connections, "the end of the connection")


def test_draining_ends_idle_connections_and_finishes_the_others(
    patient: tuple[HttpThread, Handler],
) -> None:
    server, handler = patient
    with server.connect() as idle, server.connect() as busy:
        idle.sendall(post("/a", b""))
        receive(idle, until=b"/a ")
        busy.sendall(post("/later", b""))
        until(lambda: handler.held, "the request")
        server.call(server.server.drain)
        assert until_closed(idle) == b""
        server.call(lambda: handler.held[0][1](Response(200, b"done")))
        raw = until_closed(busy)
    assert statuses(raw) == [200]
    assert b"connection: close" in raw
    until(lambda: not server.server.connections, "the end of both")
