"""A head that is known again is read as the parser reads it, whatever comes with it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from fairlead.serving.message import Reply, Request, Response
from fairlead.serving.refusal import native_shape
from fairlead.serving.transport import http
from fairlead.serving.transport.http import Connection
from fairlead.serving.transport.server import HttpLimits, HttpServer

LIMITS = HttpLimits(body_bytes_max=40, header_bytes_max=300)
HEAD = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: %b\r\n%b\r\n"
LENGTHS = (b"5", b"05", b"12", b"0", b"41", b"+5", b"5 ", b" 5", b"", b"x", b"0x5", b"1234567")
MORE = (
    b"",
    b"a: 5\r\n",
    b"connection: close\r\n",
    b"connection: keep-alive\r\n",
    b"content-length: 5\r\n",
    b"expect: 100-continue\r\n",
    b"transfer-encoding: chunked\r\n",
    b"upgrade: h2c\r\nconnection: upgrade\r\n",
)
BODIES = (
    b"hello",
    b"hello, world",
    b"hell",
    b"hello\r\n",
    b"",
    b"x" * 41,
    b"5\r\nhello\r\n0\r\n\r\n",
)
DATE = re.compile(rb"date: [^\r]*\r\n")
USUAL = HEAD % (b"5", b"") + b"hello"
ODD = (
    USUAL[:-1],
    USUAL[:40],
    b"o",
    b"\r",
    b"\r\n" + USUAL,
    USUAL + USUAL,
    b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
    USUAL.replace(b"HTTP/1.1", b"HTTP/1.0"),
    USUAL.replace(b"/a", b"/b"),
    USUAL.replace(b"Content-", b"content-"),
)


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.written.append(b"<reads no more>")

    def resume_reading(self) -> None:
        self.written.append(b"<reads>")

    def close(self) -> None:
        self.written.append(b"<closes>")

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.written.append(b"<ends>")


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def exchange(
    loop: asyncio.AbstractEventLoop, chunks: list[bytes]
) -> tuple[list[Request], list[bytes], int]:
    """What a server is asked, what it writes, and how many chunks were not parsed."""
    asked: list[Request] = []

    def handle(request: Request, reply: Reply) -> None:
        asked.append(structs.replace(request, received_s=0.0))
        reply(Response(200, request.body))

    server = HttpServer(loop, handle, lambda _, refused: native_shape(refused), LIMITS)
    transport = Transport()
    connection = Connection(server)
    connection.connection_made(transport)
    parse = Connection._feed
    with mock.patch.object(Connection, "_feed", autospec=True, side_effect=parse) as feed:
        for chunk in chunks:
            connection.data_received(chunk)
            loop.run_until_complete(asyncio.sleep(0))
    connection.connection_lost(None)
    server.close()
    written = [DATE.sub(b"", part) for part in transport.written]  # the second may change
    return asked, written, len(chunks) - feed.call_count


def messages() -> st.SearchStrategy[bytes]:
    made = st.builds(
        lambda length, more, body: HEAD % (length, more) + body,
        st.sampled_from(LENGTHS),
        st.sampled_from(MORE),
        st.sampled_from(BODIES),
    )
    return st.just(USUAL) | st.sampled_from(ODD) | made


@settings(max_examples=300, deadline=None)
@given(chunks=st.lists(messages(), max_size=5))
def test_with_known_heads_all_is_answered_as_without(
    loop: asyncio.AbstractEventLoop, chunks: list[bytes]
) -> None:
    chunks = [USUAL, *chunks]
    asked, written, _ = exchange(loop, chunks)
    with mock.patch.object(http, "known_head", return_value=None):
        parsed, answered, _ = exchange(loop, chunks)
    assert [*map(structs.astuple, asked)] == [*map(structs.astuple, parsed)]
    assert written == answered


@pytest.mark.parametrize("more", [b"", b"a: b\r\n", b"connection: keep-alive\r\n"])
def test_a_head_that_comes_again_is_not_parsed_again(
    loop: asyncio.AbstractEventLoop, more: bytes
) -> None:
    other = HEAD % (b"12", more) + b"hello, world"
    asked, _, known = exchange(loop, [HEAD % (b"5", more) + b"hello", other, other])
    assert known == 2
    assert [request.body for request in asked] == [b"hello", b"hello, world", b"hello, world"]
    assert [request.headers[b"content-length"] for request in asked] == [b"5", b"12", b"12"]
