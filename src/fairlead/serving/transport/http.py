"""One connection of HTTP/1.1: bytes to `Request`, `Response` to bytes, in order, within limits."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import cast

import httptools
import msgspec

from fairlead.serving.failures import request_failed
from fairlead.serving.message import Request, Response
from fairlead.serving.refusal import Refusal, refusal, refusal_of
from fairlead.serving.transport.admission import Room
from fairlead.serving.transport.head import ONCE, fault_of_head
from fairlead.serving.transport.known import KnownHead, known_head
from fairlead.serving.transport.reply import reply_bytes
from fairlead.serving.transport.server import HttpServer

PIPELINE_MAX = 16
SMALL_BODY_BYTES = 64 << 10
FRAMING_MAX = 8


class _Waiting(msgspec.Struct, frozen=True, gc=False):
    """A request that was read.

    Args:
        request: read whole.
        keep_alive: whether its connection goes on after it.
        reserved_bytes: that its body holds of the server's room for bodies.
    """

    request: Request
    keep_alive: bool
    reserved_bytes: int


class Connection(asyncio.Protocol):
    """One connection: parses, keeps the order of pipelined requests, writes replies.

    A request is handled when the one before it has been answered; while too many wait, or the
    peer does not read its replies, nothing more is read.
    """

    # More than thirty attributes, which a plain object looks up more slowly.
    __slots__ = (
        "_body", "_body_bytes", "_busy", "_ended", "_fed", "_half_closed", "_handled_bytes",
        "_head", "_head_refused", "_header_bytes", "_header_bytes_max", "_headers", "_in_body",
        "_keep_alive", "_known", "_lingers_until_s", "_parser", "_paused_reading",
        "_paused_writing", "_reading", "_refusal", "_reserved_bytes", "_room", "_secure",
        "_server", "_silent_bytes", "_since_s", "_starved", "_target", "_transport",
        "_unsent_bytes", "_version", "_waiting",
    )  # fmt: skip

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[_Waiting] = deque()
        self._busy = False
        self._refusal: Response | None = None
        self._lingers_until_s: float | None = None
        self._paused_writing = False
        self._paused_reading = False
        self._starved = False
        self._room: Room | None = None
        self._unsent_bytes = 0
        self._half_closed = False
        self._secure = False
        self._since_s = server.loop.time()
        self._reading = False
        self._silent_bytes = 0
        self._header_bytes_max = server.limits.header_bytes_max
        self._head = self._keep_alive = self._ended = self._head_refused = False
        self._version = ""
        self._handled_bytes = 0
        self._fed = b""
        self._known: KnownHead | None = None
        self._start_message()

    def _start_message(self) -> None:
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._header_bytes = 0
        self._in_body = False
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._reserved_bytes = 0

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer connected."""
        transport = cast(asyncio.Transport, transport)
        self._transport = transport
        self._secure = transport.get_extra_info("sslcontext") is not None
        if len(self._server.connections) >= self._server.limits.connections_max:
            self._refuse(refusal(503, "There are too many connections."))
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The peer is gone; replies that come later are dropped."""
        self._transport = None
        self._drop_waiting()
        self._server.connections.discard(self)

    def _drop_waiting(self) -> None:
        """Forget what was read and is not under way."""
        self._server.bodies.give(sum(waiting.reserved_bytes for waiting in self._waiting))
        self._waiting.clear()
        if not self._starved:  # else it is given back when its turn comes
            self._server.bodies.give(self._reserved_bytes)
            self._reserved_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        self._server.received_bytes += len(data)
        if self._refusal or self._take_known(data):
            return
        self._silent_bytes += len(data)
        self._fed = b"" if self._reading else data
        try:
            self._feed(memoryview(data))
        except httptools.HttpParserError as error:
            if not isinstance(error.__context__, _RefusedError):
                self._refuse(refusal(400, "The request is not valid HTTP/1.1."))
        self._fed = b""
        if self._silent_bytes > self._server.limits.header_bytes_max:
            self._refuse_header()  # the parser keeps a header until it is whole

    def _take_known(self, data: bytes) -> bool:
        """Take a whole request with the head of the one before it, which need not be parsed."""
        if self._known is None or self._reading or self._ended:
            return False
        size_max = min(self._server.limits.body_bytes_max, SMALL_BODY_BYTES)
        request = self._known.request(data, size_max, time.monotonic())
        if request is None:
            return False
        self._silent_bytes = 0
        self._take(request, keep_alive=True)
        return True

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
        start = self._parser.get_method(), self._target, self._version.encode()
        lines = [b"%b %b HTTP/%b" % start]
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
        if self._ended:  # its reply could not be sent
            raise _RefusedError
        self._silent_bytes = 0
        self._start_message()
        self._reading = True
        self._since_s = self._server.loop.time()

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._silent_bytes = 0
        self._target += url
        self._header_bytes += len(url)
        if self._header_bytes > self._header_bytes_max:
            self._refuse_header()
            raise _RefusedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, whole; those that trail a body are counted, and dropped."""
        self._silent_bytes = 0
        self._header_bytes = size = self._header_bytes + len(name) + len(value)
        if size > self._header_bytes_max:
            self._refuse_header()
            raise _RefusedError
        if not self._in_body:
            name = name.lower()
            headers = self._headers
            if name in headers and name in ONCE:
                self._refuse(refusal(400, "A header that may come once came twice."))
                raise _RefusedError
            headers[name] = value

    def _refuse_header(self) -> None:
        self._refuse(refusal(431, "The request's headers are too large."))

    def on_headers_complete(self) -> None:
        """All headers are there: refuse what is ambiguous, or too large, before it is sent."""
        headers, parser, server = self._headers, self._parser, self._server
        self._version = version = parser.get_http_version()
        chunked = b"transfer-encoding" in headers
        if chunked or version != "1.1" or headers.get(b"host") not in server.hosts:
            self._check_head()
        if parser.should_upgrade():
            return
        self._in_body = True
        size_max = server.limits.body_bytes_max
        size = int(headers.get(b"content-length", b"0"))  # digits, as the parser saw to
        if size > size_max:
            self._refuse_body()
        if chunked:
            size = size_max  # for all that is known
        if size > SMALL_BODY_BYTES:
            self._reserved_bytes = size
            self._starved = not self._server.bodies.take(size, self._feed_again)
            self._throttle()
        if b"expect" in headers and not self._starved:
            self._continue()

    def _check_head(self) -> None:
        fault = fault_of_head(self._version, self._headers)
        if fault is not None:
            self._refuse(fault)
            raise _RefusedError
        if b"host" in self._headers:
            self._server.keep_host(self._headers[b"host"])

    def _feed_again(self) -> None:
        """There is room for the body now, and time anew to send it."""
        self._starved = False
        self._since_s = self._server.loop.time()
        if self._transport is None:
            self._server.bodies.give(self._reserved_bytes)
            self._reserved_bytes = 0
            return
        self._continue()
        self._throttle()

    def _continue(self) -> None:
        """Ask for the body, where the peer waits to be asked."""
        if self._busy or self._waiting or self._version == "1.0" or self._transport is None:
            return  # what is under way is answered first, then this is called again
        if self._headers.get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        # What frames it may be some times its size, as with one byte a chunk, and no more.
        size = len(body)
        self._silent_bytes -= FRAMING_MAX * size
        self._body_bytes += size
        if self._body_bytes > self._server.limits.body_bytes_max:
            self._refuse_body()
        self._body.append(body)

    def _refuse_body(self) -> None:
        message = f"The request's body is larger than {self._server.limits.body_bytes_max} bytes."
        hint = "Send fewer rows at a time, or raise body_bytes_max under [server]."
        self._refuse(refusal(413, message, hint))
        raise _RefusedError

    def on_message_complete(self) -> None:
        """A request is there, whole."""
        if not self._in_body:  # it asks for an upgrade, and comes again
            return
        self._reading = False
        try:
            path, query = self._server.split(self._target, self._headers)
        except ValueError:
            self._refuse(refusal(400, "The request's target is not a valid URL."))
            raise _RefusedError from None
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            path=path,
            query=query,
            headers=self._headers,
            body=b"".join(self._body) if len(self._body) != 1 else self._body[0],
            received_s=time.monotonic(),  # the loop's own time stands still while it works
        )
        self._body = []  # not to be held for as long as the connection is idle
        # A client of HTTP/1.0 waits for the end of the connection, whatever it says.
        keep_alive = self._parser.should_keep_alive() and self._version != "1.0"
        self._known = (self._known or known_head(self._fed, request)) if keep_alive else None
        self._take(request, keep_alive=keep_alive)

    def _take(self, request: Request, *, keep_alive: bool) -> None:
        self._since_s = self._server.loop.time()
        self._waiting.append(_Waiting(request, keep_alive, self._reserved_bytes))
        self._reserved_bytes = 0
        self._next()
        if self._waiting:
            self._throttle()

    # answering

    def _next(self) -> None:
        """Handle the next request, unless one is under way."""
        while self._waiting and not self._busy and not self._paused_writing:
            self._busy = True
            self._room = self._server.requests.of(self._waiting[0].request.path)
            if self._room.take(1, self._admit):
                self._handle()
        if self._refusal and not self._busy and not self._waiting and self._transport:
            self._write(self._refusal, keep_alive=False, head=self._head_refused)
            self._linger()

    def _admit(self) -> None:
        """There is room for the request that waited; not here, but in a turn of its own."""
        self._server.loop.call_soon(self._handle_late)

    def _handle_late(self) -> None:
        if self._waiting:
            self._handle()
        else:  # the peer did not wait
            self._leave_room()

    def _leave_room(self) -> None:
        room = self._room
        if room is not None:
            self._room = None
            room.give(1)

    def _handle(self) -> None:
        waiting = self._waiting.popleft()
        request, self._keep_alive = waiting.request, waiting.keep_alive
        self._handled_bytes = waiting.reserved_bytes
        self._head = request.method == "HEAD"
        try:
            self._server.handler(request, self._reply)
        except Exception as error:  # one bad request must not end the server
            request_failed(error, request)
            self._reply(self._server.refuse(request.path, refusal_of(error)))

    def _linger(self) -> None:
        """Send no more, and throw away what still comes, for a while.

        To close at once would reset the connection under a peer that is still sending, and it
        would never read the last reply.
        """
        assert self._transport is not None
        self._drop_waiting()
        self._busy = True
        self._lingers_until_s = self._server.loop.time() + self._server.limits.linger_s
        if self._paused_reading:
            self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _reply(self, response: Response) -> None:
        """Answer the request that is under way."""
        self._busy = False
        self._leave_room()
        if self._handled_bytes:
            self._server.bodies.give(self._handled_bytes)
            self._handled_bytes = 0
        if self._transport is None:
            return
        last = self._half_closed and not self._waiting and self._refusal is None
        keep_alive = self._keep_alive and not last and not self._server.draining
        self._write(response, keep_alive=keep_alive, head=self._head)
        self._since_s = self._server.loop.time()
        if keep_alive:
            if self._waiting or self._refusal:
                self._server.loop.call_soon(self._next)
            elif self._reading and self._in_body and not self._starved:
                self._continue()
            if self._paused_reading:
                self._throttle()
        else:
            self._ended = True
            self._drop_waiting()
            if self._transport.can_write_eof():
                self._linger()
            else:  # TLS tells the peer of the end only by closing
                self._transport.close()

    def _write(self, response: Response, *, keep_alive: bool, head: bool = False) -> None:
        assert self._transport is not None
        raw = reply_bytes(response, self._server.date, keep_alive=keep_alive, head=head)
        self._server.sent_bytes += len(raw)
        self._transport.write(raw)

    def _refuse(self, refused: Refusal) -> None:
        """Answer what cannot be read, after what came before it, and end the connection.

        Nothing after it can be trusted to be where it seems to be.
        """
        if self._refusal is None:
            path = self._target.decode("latin-1")
            self._head_refused = bool(path) and self._parser.get_method() == b"HEAD"
            self._refusal = self._server.refuse(path, refused)
            self._next()

    def _throttle(self) -> None:
        """Read only while there is room for what is read."""
        full = self._paused_writing or self._starved or len(self._waiting) >= PIPELINE_MAX
        if full == self._paused_reading:
            return
        if self._transport is None or self._transport.is_closing() or self._half_closed:
            return
        self._paused_reading = full
        if full:
            self._transport.pause_reading()
        else:
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
        late = now_s - self._since_s > limits.read_timeout_s
        if self._reading and (late or self._holds_others_up(now_s)):
            self._refuse(_CROWDED if self._starved else _STALLED)
        elif not self._reading and now_s - self._since_s > limits.idle_timeout_s:
            self._transport.close()

    def _holds_others_up(self, now_s: float) -> bool:
        """Whether others wait for the room of a large body that falls behind its time."""
        if not self._reserved_bytes or self._starved or not self._server.bodies.waiting:
            return False
        limits = self._server.limits
        due = (now_s - self._since_s - limits.grace_s) / limits.read_timeout_s
        return self._body_bytes < self._reserved_bytes * due

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


_STALLED = refusal(408, "The request did not arrive in time.")
_CROWDED = refusal(503, "The server is reading too many large bodies.", "Send it again later.")


class _RefusedError(Exception):
    """Stops the parser after a request was refused."""
