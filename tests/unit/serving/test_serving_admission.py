"""What a server takes on at once, and who waits, over real sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from fairlead.serving.message import Reply, Request, Response
from fairlead.serving.transport import server as server_module
from fairlead.serving.transport.admission import ROOMS_MAX, Room, Rooms
from fairlead.serving.transport.server import HttpLimits
from support.serving import HttpThread, receive, until_closed
from support.waiting import until


class Handler:
    """Answers with the path; holds back what is asked at `/later`."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.bodies: list[bytes] = []
        self.held: list[Reply] = []

    def __call__(self, request: Request, reply: Reply) -> None:
        self.paths.append(request.path)
        self.bodies.append(request.body)
        if request.path == "/later":
            self.held.append(reply)
        else:
            reply(Response(200, request.path.encode() + b" "))


@contextmanager
def serving(limits: HttpLimits) -> Iterator[tuple[HttpThread, Handler]]:
    handler = Handler()
    with HttpThread(handler, limits) as server:
        yield server, handler


ROOM = HttpLimits(body_bytes_max=1 << 20, linger_s=0.2, requests_max=1)


def waiting(server: HttpThread, count: int) -> bool:
    return server.server.requests.waiting == count


def post(path: str, body: bytes = b"") -> bytes:
    return b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (
        path.encode(),
        len(body),
        body,
    )


def test_requests_beyond_the_room_of_a_path_wait_in_order_and_those_of_others_do_not() -> None:
    with serving(ROOM) as (server, handler):
        first, second, third, other = (server.connect() for _ in range(4))
        first.sendall(post("/later"))
        until(lambda: handler.held, "the first request")
        for place, sock in enumerate((second, third)):
            sock.sendall(post("/later", b"%d" % place))
            until(partial(waiting, server, place + 1), "it to wait")
        other.sendall(post("/other"))
        assert b"/other" in receive(other, until=b"/other ")
        assert handler.paths == ["/later", "/other"]
        for place, sock in enumerate((first, second, third)):
            until(lambda: handler.held, "its turn")
            reply = handler.held.pop()
            server.call(partial(reply, Response(200, b"done%d" % place)))
            assert b"done" in receive(sock, until=b"done%d" % place)
        for sock in (first, second, third, other):
            sock.close()


def test_rooms_of_paths_that_nobody_asks_for_any_more_are_not_kept() -> None:
    rooms = Rooms(1)
    held = rooms.of("/held")
    assert held.take(1, lambda: None)
    for place in range(3 * ROOMS_MAX):
        rooms.of(f"/{place}")
    assert rooms.of("/held") is held
    assert not rooms.of("/held").take(1, lambda: None)
    assert rooms.kept <= ROOMS_MAX


def test_a_peer_that_leaves_while_it_waits_takes_no_room() -> None:
    with serving(ROOM) as (server, handler):
        first, second, third = (server.connect() for _ in range(3))
        first.sendall(post("/later"))
        until(lambda: handler.held, "the first request")
        second.sendall(post("/later", b"gone"))
        until(lambda: server.server.requests.waiting == 1, "it to wait")
        second.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        second.close()
        until(lambda: len(server.server.connections) == 2, "its end")
        third.sendall(post("/later", b"third"))
        until(lambda: server.server.requests.waiting == 2, "the third to wait")
        for sock in (first, third):
            until(lambda: handler.held, "its turn")
            reply = handler.held.pop()
            server.call(partial(reply, Response(200, b"done")))
            assert b"done" in receive(sock, until=b"done")
        assert handler.bodies == [b"", b"third"]
        first.close()
        third.close()


def test_large_bodies_wait_for_each_other_before_they_are_read() -> None:
    limits = HttpLimits(body_bytes_max=1 << 20, linger_s=0.2, body_bytes_total_max=1 << 20)
    large = b"x" * (1 << 20)
    with serving(limits) as (server, _):
        first, second = server.connect(), server.connect()
        first.sendall(post("/a", large)[:-1])
        until(lambda: server.server.bodies.is_full, "the first body")
        asked = b"POST /b HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: %d\r\n\r\n"
        second.sendall(asked % len(large))
        until(lambda: server.server.bodies.waiting == 1, "the second to wait")
        first.sendall(b"x")
        assert receive(first, until=b"/a ").startswith(b"HTTP/1.1 200")
        assert receive(second, until=b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        second.sendall(large)
        assert receive(second, until=b"/b ").startswith(b"HTTP/1.1 200")
        first.close()
        second.close()


def test_room_for_bodies_comes_back_from_peers_that_vanish() -> None:
    limits = HttpLimits(body_bytes_max=1 << 20, linger_s=0.2, body_bytes_total_max=1 << 20)
    with serving(limits) as (server, _):
        for _ in range(3):
            with server.connect() as holder, server.connect() as waiter:
                holder.sendall(post("/a", b"x" * (1 << 20))[:-1])
                until(lambda: server.server.bodies.is_full, "the body")
                waiter.sendall(b"POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n")
                until(lambda: server.server.bodies.waiting == 1, "the second to wait")
        until(lambda: not server.server.connections, "the end of all")
        until(lambda: not server.server.bodies.is_full, "the room")
        with server.connect() as sock:
            sock.sendall(post("/c", b"x" * (1 << 20)))
            assert receive(sock, until=b"/c ").startswith(b"HTTP/1.1 200")


def test_connections_beyond_the_most_are_told_to_come_again() -> None:
    with serving(HttpLimits(body_bytes_max=1000, linger_s=0.2, connections_max=1)) as (server, _):
        with server.connect() as first:
            until(lambda: server.server.connections, "the first connection")
            with server.connect() as second:
                assert until_closed(second).startswith(b"HTTP/1.1 503")
            first.sendall(post("/first"))
            assert receive(first, until=b"/first ").startswith(b"HTTP/1.1 200")
        until(lambda: not server.server.connections, "room")
        with server.connect() as third:
            third.sendall(post("/third"))
            assert receive(third, until=b"/third ").startswith(b"HTTP/1.1 200")


def test_thousands_who_wait_for_nothing_any_more_are_passed_over() -> None:
    room, gone = Room(10), 5_000
    assert room.take(10, lambda: None)
    for _ in range(gone):
        assert not room.take(10, lambda: room.give(10))
    went_on: list[str] = []
    assert not room.take(1, lambda: went_on.append("last"))
    room.give(10)
    assert (went_on, room.waiting, room.is_full) == (["last"], 0, False)


def test_who_waited_for_room_in_vain_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "SWEEP_S", 0.02)
    limits = HttpLimits(
        body_bytes_max=1 << 20, body_bytes_total_max=1 << 20, read_timeout_s=0.2, linger_s=0.2
    )
    with (
        serving(limits) as (server, handler),
        server.connect() as holder,
        server.connect() as waiter,
    ):
        holder.sendall(post("/later", b"x" * (1 << 20)))
        until(lambda: handler.held, "the holder")
        waiter.sendall(b"POST /late HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n")
        assert until_closed(waiter).startswith(b"HTTP/1.1 503")
        server.call(partial(handler.held.pop(), Response(200, b"done")))
        assert b"done" in receive(holder, until=b"done")


def test_stalled_peers_do_not_keep_the_room_that_others_wait_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "SWEEP_S", 0.02)
    limits = HttpLimits(
        body_bytes_max=1 << 20, body_bytes_total_max=1 << 20, grace_s=0.1, linger_s=60.0
    )
    large = b"x" * (1 << 20)
    with serving(limits) as (server, _), server.connect() as stalled, server.connect() as waiter:
        stalled.sendall(post("/stalled", large)[:200])
        until(lambda: server.server.bodies.is_full, "the stalled body")
        waiter.sendall(post("/b", large))
        assert receive(waiter, until=b"/b ").startswith(b"HTTP/1.1 200")
        assert until_closed(stalled).startswith(b"HTTP/1.1 408")
