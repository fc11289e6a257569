"""HTTP/1.1 over asyncio: bytes to `Request`, `Response` to bytes, in order, within limits."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from typing import cast
from urllib.parse import unquote

import httptools

from fairlead.serving.message import Handler, Request, Response
from fairlead.serving.refusal import Refusal, refusal, refusal_of

PIPELINE_MAX = 16
SWEEP_S = 1.0

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one connection may ask of the server.

    Args:
        body_bytes_max: of one request.
        header_bytes_max: of the target and all headers of one request.
        read_timeout_s: from a request's first byte to its last.
        idle_timeout_s: between two requests.
        linger_s: for which a refused peer may go on sending before it is cut off.
    """

    body_bytes_max: int
    header_bytes_max: int = 32 * 1024
    read_timeout_s: float = 30.0
    idle_timeout_s: float = 75.0
    linger_s: float = 5.0


class HttpServer:
    """Accepts connections and hands each request to one handler.

    Args:
        loop: that it runs on.
        handler: of every request.
        refuse: writes a refusal as clients of its path expect it.
        limits: of every connection.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        handler: Handler,
        refuse: Callable[[str, Refusal], Response],
        limits: HttpLimits,
    ) -> None:
        self.loop = loop
        self.handler = handler
        self.refuse = refuse
        self.limits = limits
        self.connections: set[Connection] = set()
        self.draining = False
        self.date = b""
        self._sweep()

    def _sweep(self) -> None:
        """Once a second: tell the date, and end connections that outstayed their time."""
        self.date = b"date: " + formatdate(usegmt=True).encode() + b"\r\n"
        now_s = self.loop.time()
        for connection in list(self.connections):
            connection.end_if_late(now_s)
        self._timer = self.loop.call_later(SWEEP_S, self._sweep)

    def drain(self) -> None:
        """Finish what is under way, and close every connection after it."""
        self.draining = True
        for connection in list(self.connections):
            connection.close_if_idle()

    def close(self) -> None:
        """Close every connection now."""
        self._timer.cancel()
        for connection in list(self.connections):
            connection.abort()


class Connection(asyncio.Protocol):
    """One connection: parses, keeps the order of pipelined requests, writes replies.

    A request is handled when the one before it has been answered; while too many wait, or the
    peer does not read its replies, nothing more is read.
    """

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._busy = False
        self._refusal: Response | None = None
        self._lingers_until_s: float | None = None
        self._paused_writing = False
        self._unsent_bytes = 0
        self._half_closed = False
        self._secure = False
        self._since_s = server.loop.time()
        self._reading = False
        self._silent_bytes = 0
        self._start_message()

    def _start_message(self) -> None:
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._header_bytes = 0
        self._in_body = False
        self._body: list[bytes] = []
        self._body_bytes = 0

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer connected."""
        transport = cast(asyncio.Transport, transport)
        self._transport = transport
        self._secure = transport.get_extra_info("sslcontext") is not None
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The peer is gone; replies that come later are dropped."""
        self._transport = None
        self._waiting.clear()
        self._server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        if self._refusal:
            return
        self._silent_bytes += len(data)
        try:
            self._feed(memoryview(data))
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, _RefusedError):
                self._refuse(refusal(400, "The request is not valid HTTP/1.1."))
        except httptools.HttpParserError:
            self._refuse(refusal(400, "The request is not valid HTTP/1.1."))
        if self._silent_bytes > self._server.limits.header_bytes_max:
            self._refuse_header()  # the parser keeps a header until it is whole

    def _feed(self, data: memoryview) -> None:
        while data:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._pass_over_upgrade()

    def _pass_over_upgrade(self) -> None:
        """Go on with HTTP/1.1, as a server may; the parser left the request without its body."""
        if self._parser.get_method() == b"CONNECT":
            self._refuse(refusal(400, "This server is no proxy."))
            raise httptools.HttpParserError
        lines = [b"%b %b HTTP/1.1" % (self._parser.get_method(), self._target)]
        lines += [b"%b: %b" % pair for pair in self._headers.items() if pair[0] != b"upgrade"]
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(b"\r\n".join((*lines, b"", b"")))

    def eof_received(self) -> bool:
        """The peer sends no more: what it asked is answered, then the connection ends.

        Not over TLS, which asyncio ends at once, both ways.
        """
        self._half_closed = True
        if self._secure:
            return False
        return bool(self._waiting) or (self._busy and self._lingers_until_s is None)

    def pause_writing(self) -> None:
        """The peer reads too slowly: stop answering and reading."""
        self._paused_writing = True
        self._throttle()

    def resume_writing(self) -> None:
        """The peer caught up."""
        self._paused_writing = False
        self._next()
        self._throttle()

    # httptools calls these

    def on_message_begin(self) -> None:
        """A request starts."""
        self._silent_bytes = 0
        self._start_message()
        self._reading = True
        self._since_s = self._server.loop.time()

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._target += url
        self._count_header(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, whole; those that trail a body are counted, and dropped."""
        self._count_header(len(name) + len(value))
        if not self._in_body:
            self._headers[name.lower()] = value

    def _count_header(self, size: int) -> None:
        self._silent_bytes = 0
        self._header_bytes += size
        if self._header_bytes > self._server.limits.header_bytes_max:
            self._refuse_header()
            raise _RefusedError

    def _refuse_header(self) -> None:
        self._refuse(refusal(431, "The request's headers are too large."))

    def on_headers_complete(self) -> None:
        """All headers are there: refuse what is too large before it is sent."""
        if self._parser.should_upgrade():
            return
        self._in_body = True
        length = self._headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._server.limits.body_bytes_max:
            self._refuse_body()
        elif self._headers.get(b"expect", b"").lower() == b"100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._silent_bytes = 0
        self._body_bytes += len(body)
        if self._body_bytes > self._server.limits.body_bytes_max:
            self._refuse_body()
        self._body.append(body)

    def _refuse_body(self) -> None:
        limit = self._server.limits.body_bytes_max
        self._refuse(
            refusal(
                413,
                f"The request's body is larger than {limit} bytes.",
                "Send fewer rows at a time, or raise body_bytes_max under [server].",
            )
        )
        raise _RefusedError

    def on_message_complete(self) -> None:
        """A request is there, whole."""
        if self._parser.should_upgrade():
            return
        self._reading = False
        self._since_s = self._server.loop.time()
        try:
            url = httptools.parse_url(self._target)
            path = (url.path or b"/").decode("ascii")
            if "%" in path:
                path = unquote(path, errors="strict")
        except (httptools.HttpParserInvalidURLError, UnicodeDecodeError):
            self._refuse(refusal(400, "The request's target is not a valid URL."))
            raise _RefusedError from None
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            path=path,
            query=url.query or b"",
            headers=self._headers,
            body=b"".join(self._body) if len(self._body) != 1 else self._body[0],
            received_s=self._since_s,
        )
        # A client of HTTP/1.0 waits for the end of the connection, whatever it says.
        keep_alive = self._parser.should_keep_alive() and self._parser.get_http_version() != "1.0"
        self._waiting.append((request, keep_alive))
        self._next()
        self._throttle()

    # answering

    def _next(self) -> None:
        """Handle the next request, unless one is under way."""
        while self._waiting and not self._busy and not self._paused_writing:
            self._busy = True
            request, keep_alive = self._waiting.popleft()
            reply = partial(self._reply, head=request.method == "HEAD", keep_alive=keep_alive)
            try:
                self._server.handler(request, reply)
            except Exception as error:  # one bad request must not end the server
                traceback.print_exception(error, file=sys.stderr)
                reply(self._server.refuse(request.path, refusal_of(error)))
        if self._refusal and not self._busy and not self._waiting and self._transport:
            self._write(self._refusal, keep_alive=False)
            self._linger()

    def _linger(self) -> None:
        """Send no more, and throw away what still comes, for a while.

        To close at once would reset the connection under a peer that is still sending, and it
        would never read why it was refused.
        """
        assert self._transport is not None
        self._busy = True
        self._lingers_until_s = self._server.loop.time() + self._server.limits.linger_s
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _reply(self, response: Response, *, head: bool, keep_alive: bool) -> None:
        self._busy = False
        if self._transport is None:
            return
        last = self._half_closed and not self._waiting and self._refusal is None
        keep_alive = keep_alive and not last and not self._server.draining
        self._write(response, keep_alive=keep_alive, head=head)
        self._since_s = self._server.loop.time()
        if keep_alive:
            if self._waiting or self._refusal:
                self._server.loop.call_soon(self._next)
            self._throttle()
        else:
            self._waiting.clear()
            self._transport.close()

    def _write(self, response: Response, *, keep_alive: bool, head: bool = False) -> None:
        assert self._transport is not None
        lines = [
            _STATUS_LINES[response.status],
            self._server.date,
            b"content-type: %b\r\ncontent-length: %d\r\n"
            % (response.content_type, len(response.body)),
        ]
        lines.extend(b"%b: %b\r\n" % header for header in response.headers)
        lines.append(b"\r\n" if keep_alive else b"connection: close\r\n\r\n")
        if not head:
            lines.append(response.body)
        self._transport.write(b"".join(lines))

    def _refuse(self, refused: Refusal) -> None:
        """Answer what cannot be read, after what came before it, and end the connection.

        Nothing after it can be trusted to be where it seems to be.
        """
        if self._refusal is None:
            path = self._target.decode("latin-1")
            self._refusal = self._server.refuse(path, refused)
            self._next()

    def _throttle(self) -> None:
        """Read only while there is room for what is read."""
        if self._transport is None or self._transport.is_closing() or self._half_closed:
            return
        full = self._paused_writing or len(self._waiting) >= PIPELINE_MAX
        if full and self._transport.is_reading():
            self._transport.pause_reading()
        elif not full and not self._transport.is_reading():
            self._transport.resume_reading()

    # ending

    def end_if_late(self, now_s: float) -> None:
        """End a connection that is silent for too long, in a request or between two."""
        if self._transport is None:
            return
        limits = self._server.limits
        if self._lingers_until_s is not None:
            if now_s > self._lingers_until_s:
                self._transport.abort()
            return
        if self._paused_writing or self._transport.is_closing():
            if self._reads_nothing(now_s) and now_s - self._since_s > limits.idle_timeout_s:
                self._transport.abort()
            return
        if self._busy or self._waiting:
            return
        if self._reading and now_s - self._since_s > limits.read_timeout_s:
            self._refuse(refusal(408, "The request did not arrive in time."))
        elif not self._reading and now_s - self._since_s > limits.idle_timeout_s:
            self._transport.close()

    def _reads_nothing(self, now_s: float) -> bool:
        """Whether the peer took nothing of what is sent to it since the last look."""
        assert self._transport is not None
        unsent_bytes = self._transport.get_write_buffer_size()
        if unsent_bytes != self._unsent_bytes:
            self._unsent_bytes, self._since_s = unsent_bytes, now_s
            return False
        return True

    def close_if_idle(self) -> None:
        """Close, unless a request is under way; then its reply closes."""
        if self._transport is not None and not self._busy and not self._reading:
            self._transport.close()

    def abort(self) -> None:
        """Close now, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()


class _RefusedError(Exception):
    """Stops the parser after a request was refused."""
