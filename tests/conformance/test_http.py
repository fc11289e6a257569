"""The transport against a corpus of HTTP/1.1 requests, over real sockets, whole and in bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.serving.message import Reply, Request, Response
from fairlead.serving.transport import server as server_module
from fairlead.serving.transport.server import HttpLimits
from support.corpus import CASES, CHUNKED, HELLO, NEXT, Case
from support.serving import HttpThread, receive, until_closed
from support.waiting import until

HEAD_MAX = 2000
LIMITS = HttpLimits(body_bytes_max=10_000, header_bytes_max=HEAD_MAX, linger_s=0.2)
LATER = b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
BYTES_MAX = 1000


class Noting:
    """Answers everything, and notes it; holds back what is asked at `/later`."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.held: list[Reply] = []

    def __call__(self, request: Request, reply: Reply) -> None:
        self.asked.append(b"%b %b %b" % (
            request.method.encode(), request.path.encode(), request.body
        ))  # fmt: skip
        if request.path == "/later":
            self.held.append(reply)
        else:
            reply(Response(200, b"answered"))


class Speaker:
    """A server, and what it was asked."""

    def __init__(self, server: HttpThread, handler: Noting) -> None:
        self.server = server
        self.handler = handler

    def exchange(self, pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
        """Send in writes of their own, with the end of the stream; all replies, all that was asked.

        A server that refuses stops reading: what is sent after that may be lost.
        """
        self.handler.asked.clear()
        with self.server.connect() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                for piece in pieces:
                    sock.sendall(piece)
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            return until_closed(sock), list(self.handler.asked)


@pytest.fixture(scope="module")
def speaker() -> Iterator[Speaker]:
    handler = Noting()
    with HttpThread(handler, LIMITS) as server:
        yield Speaker(server, handler)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Speaker]:
    """One that looks often and waits briefly."""
    monkeypatch.setattr(server_module, "SWEEP_S", 0.02)
    handler = Noting()
    limits = HttpLimits(body_bytes_max=1000, read_timeout_s=0.2, idle_timeout_s=0.2, linger_s=0.2)
    with HttpThread(handler, limits) as server:
        yield Speaker(server, handler)


def statuses(raw: bytes) -> tuple[int, ...]:
    return tuple(int(part[:3]) for part in raw.split(b"HTTP/1.1 ")[1:])


def expected(case: Case) -> list[bytes]:
    goes_on = case.statuses[-1] == 200 and len(case.seen) < sum(s == 200 for s in case.statuses)
    return [*case.seen, *([b"GET /next "] if goes_on else [])]


def without_dates(raw: bytes) -> list[bytes]:
    return [line for line in raw.split(b"\r\n") if not line.startswith(b"date:")]


def test_no_two_cases_share_a_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_request_is_answered_or_refused_by_the_rules(speaker: Speaker, case: Case) -> None:
    raw, asked = speaker.exchange([case.raw + NEXT])
    assert statuses(raw) == case.statuses
    assert asked == expected(case)


@pytest.mark.parametrize(
    "case", [case for case in CASES if len(case.raw) <= BYTES_MAX], ids=lambda case: case.name
)
def test_byte_by_byte_it_is_the_same(speaker: Speaker, case: Case) -> None:
    whole, asked = speaker.exchange([case.raw + NEXT])
    sent = case.raw + NEXT
    bytewise, asked_bytewise = speaker.exchange([sent[i : i + 1] for i in range(len(sent))])
    assert without_dates(bytewise) == without_dates(whole)
    assert asked_bytewise == asked


@settings(max_examples=100, derandomize=True)
@given(st.sampled_from(CASES), st.lists(st.integers(0, BYTES_MAX), max_size=4))
def test_however_it_is_cut_it_is_the_same(speaker: Speaker, case: Case, cuts: list[int]) -> None:
    sent = case.raw + NEXT
    edges = [0, *sorted(cuts), len(sent)]
    pieces = [sent[a:b] for a, b in pairwise(edges)]
    raw, asked = speaker.exchange([piece for piece in pieces if piece])
    assert statuses(raw) == case.statuses
    assert asked == expected(case)


def test_a_reply_to_head_has_no_body_also_where_it_is_refused(speaker: Speaker) -> None:
    head = b"HEAD %b HTTP/1.1\r\nHost: x\r\n%b\r\n"
    for raw in (head % (b"/", b""), head % (b"/%00", b""), head % (b"/", b"Host: y\r\n")):
        got, _ = speaker.exchange([raw])
        assert got.endswith(b"\r\n\r\n")
        assert got.count(b"\r\n\r\n") == 1


def test_what_follows_the_end_of_a_connection_is_not_carried_out(speaker: Speaker) -> None:
    old = b"POST /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    _, asked = speaker.exchange([old + NEXT])
    assert asked == [b"POST /old "]


def test_a_peer_is_asked_for_its_body_only_after_what_it_asked_before(speaker: Speaker) -> None:
    speaker.handler.asked.clear()
    speaker.handler.held.clear()
    expects = b"POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
    with speaker.server.connect() as sock:
        sock.sendall(LATER + expects)
        until(lambda: speaker.handler.held, "the first request")
        speaker.server.call(lambda: speaker.handler.held.pop()(Response(200, b"first")))
        assert statuses(receive(sock, until=b"100 Continue\r\n\r\n")) == (200, 100)
        sock.sendall(b"x")
        assert statuses(receive(sock, until=b"answered")) == (200,)


@pytest.mark.parametrize("end", range(len(b"POST /a HTTP/1.1\r\nHost: x\r\n\r\n")))
def test_half_a_request_before_the_end_of_the_stream_is_no_request(
    speaker: Speaker, end: int
) -> None:
    raw, asked = speaker.exchange([b"POST /a HTTP/1.1\r\nHost: x\r\n\r\n"[:end]])
    assert asked == []
    assert statuses(raw) in ((), (400,))


@pytest.mark.parametrize(
    "start",
    [
        b"G",
        b"GET /a HTT",
        b"GET /a HTTP/1.1\r\nHost: x\r\nX-",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        NEXT + b"GET /a",
    ],
)
@pytest.mark.parametrize("trickle", [False, True], ids=["stalled", "trickled"])
def test_a_request_that_does_not_end_is_ended(hasty: Speaker, start: bytes, trickle: bool) -> None:
    over = threading.Event()

    def send(sock: socket.socket) -> None:
        while trickle and not over.wait(0.05):
            try:
                sock.sendall(b"a")
            except OSError:
                return

    with hasty.server.connect() as sock:
        sock.sendall(start)
        thread = threading.Thread(target=send, args=[sock])
        thread.start()
        raw = receive(sock, until=b"}}")
        over.set()
        thread.join()
    assert statuses(raw)[-1] in ((408, 400) if trickle else (408,))  # an `a` may be out of place
    until(lambda: not hasty.server.server.connections, "the end of the connection")


def test_chunks_of_one_byte_are_a_body_like_any_other(speaker: Speaker) -> None:
    body = b"1\r\nx\r\n" * 9000
    raw, asked = speaker.exchange([
        b"POST /a HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"\r\n\r\n" + body + HELLO
    ])  # fmt: skip
    assert statuses(raw) == (200,)
    assert asked == [b"POST /a " + b"x" * 9000 + b"hello"]
