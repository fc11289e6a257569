"""ASGI 3 as a transport: one scope to `Request`, `Response` to two messages, within limits.

The server that calls this owns the connections: framing, keep-alive, pipelining, TLS and the
time that peers may take for their headers are its affair. Sizes, room, the time for a body and
the order of refusals are kept here as on the sockets of `http`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fairlead.serving.failures import request_failed
from fairlead.serving.message import Handler, Request, Response
from fairlead.serving.refusal import Refusal, refusal, refusal_of
from fairlead.serving.transport.admission import Room, Rooms
from fairlead.serving.transport.http import SMALL_BODY_BYTES
from fairlead.serving.transport.server import HttpLimits

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class AsgiTransport:
    """Hands each request to one handler, and its reply back.

    Args:
        handler: of every request.
        refuse: writes a refusal as clients of its path expect it.
        limits: of requests; those of connections are the server's.
    """

    def __init__(
        self,
        handler: Handler,
        refuse: Callable[[str, Refusal], Response],
        limits: HttpLimits,
    ) -> None:
        self.handler = handler
        self.refuse = refuse
        self.limits = limits
        self.requests = Rooms(limits.requests_max)
        self.bodies = Room(limits.body_bytes_total_max)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of HTTP."""
        call = _Call(self, path_of(scope))
        try:
            response = await call.answered(scope, receive)
        except _RefusedError as refused:
            await write(scope, send, self.refuse(call.path, refused.why))
            await _linger(receive, self.limits.linger_s)
            return
        except _GoneError:
            return
        finally:
            call.leave()
        await write(scope, send, response)


class _Call:
    """One request, and what it holds of the server's room.

    That is given back when it is answered, not when its caller is gone: until then it costs what
    it costs.

    Args:
        transport: that it came by.
        path: that it is to.
    """

    def __init__(self, transport: AsgiTransport, path: str) -> None:
        self.path = path
        self._transport = transport
        self._limits = transport.limits
        self._held_bytes = 0
        self._room: Room | None = None
        self._under_way = False

    def leave(self) -> None:
        """Nobody waits for the reply any more."""
        if not self._under_way:
            self._give_back()

    def _give_back(self) -> None:
        self._transport.bodies.give(self._held_bytes)
        self._held_bytes = 0
        if self._room is not None:
            self._room.give(1)
            self._room = None

    async def answered(self, scope: Scope, receive: Receive) -> Response:
        """The reply.

        Raises:
            _RefusedError: the request is not taken.
            _GoneError: the caller hung up before it was there.
        """
        headers = dict(scope["headers"])
        self._check_header(scope)
        body = await self._read(headers.get(b"content-length"), receive)
        query: bytes = scope["query_string"]
        request = Request(scope["method"], self.path, query, headers, body, time.monotonic())
        room = self._transport.requests.of(self.path)
        await take(room, 1)
        self._room = room
        return await self._handled(request)

    def _check_header(self, scope: Scope) -> None:
        size = len(scope["path"]) + len(scope["query_string"])
        size += sum(len(name) + len(value) for name, value in scope["headers"])
        if size > self._limits.header_bytes_max:
            raise _RefusedError(refusal(431, "The request's headers are too large."))

    async def _read(self, length: bytes | None, receive: Receive) -> bytes:
        """The whole body: one that is large, or may be, waits for room before it is read."""
        size = int(length) if length is not None and length.isdigit() else 0
        self._check_size(size)
        if size > SMALL_BODY_BYTES:
            await self._hold(size)
        first, more = await _receive(receive)
        if more:
            if length is None:
                await self._hold(self._limits.body_bytes_max)
            return await self._read_on(first, receive)
        self._check_size(len(first))
        return first

    async def _hold(self, size: int) -> None:
        await take(self._transport.bodies, size)
        self._held_bytes = size

    async def _read_on(self, first: bytes, receive: Receive) -> bytes:
        pieces, size, more = [first], len(first), True
        try:
            async with asyncio.timeout(self._limits.read_timeout_s):
                while more:
                    self._check_size(size)
                    piece, more = await _receive(receive)
                    pieces.append(piece)
                    size += len(piece)
        except TimeoutError:
            raise _RefusedError(refusal(408, "The request did not arrive in time.")) from None
        self._check_size(size)
        return b"".join(pieces)

    def _check_size(self, size: int) -> None:
        limit = self._limits.body_bytes_max
        if size > limit:
            raise _RefusedError(
                refusal(
                    413,
                    f"The request's body is larger than {limit} bytes.",
                    "Send fewer rows at a time, or raise body_bytes_max under [server].",
                )
            )

    async def _handled(self, request: Request) -> Response:
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._under_way = True

        def reply(response: Response) -> None:
            self._under_way = False
            self._give_back()
            if not answered.done():  # the server may end the task of a caller who hung up
                answered.set_result(response)

        try:
            self._transport.handler(request, reply)
        except Exception as error:  # one bad request must not look like the server's end
            request_failed(error, request)
            reply(self._transport.refuse(request.path, refusal_of(error)))
        return await answered


async def _receive(receive: Receive) -> tuple[bytes, bool]:
    """The next piece of a body, and whether there is more."""
    message = await receive()
    if message["type"] != "http.request":
        raise _GoneError
    return message.get("body", b""), message.get("more_body", False)


async def _linger(receive: Receive, linger_s: float) -> None:
    """Throw away what still comes, for a while.

    Some servers would else reset the connection under a caller who is still sending, and who
    would never read why the request was refused.
    """
    with contextlib.suppress(TimeoutError, _GoneError):
        async with asyncio.timeout(linger_s):
            while (await _receive(receive))[1]:
                pass


def path_of(scope: Scope) -> str:
    """The path below where the app is mounted; some servers and routers leave that in the path."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    if root and (path == root or path.startswith(f"{root}/")):
        path = path[len(root) :]
    return path or "/"


async def take(room: Room, amount: int) -> None:
    """Wait until there is room, and take it; nothing is taken by who is cancelled meanwhile."""
    taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def resume() -> None:
        if taken.done():
            room.give(amount)
        else:
            taken.set_result(None)

    if room.take(amount, resume):
        return
    try:
        await taken
    except asyncio.CancelledError:
        if not taken.cancelled():  # it was given in the very moment
            room.give(amount)
        raise


async def write(scope: Scope, send: Send, response: Response) -> None:
    """Send a reply; to one who is gone, nothing."""
    headers = [
        (b"content-type", response.content_type),
        (b"content-length", b"%d" % len(response.body)),
        *response.headers,
    ]
    body = b"" if scope["method"] == "HEAD" else response.body
    try:
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
    except OSError:
        return


class _RefusedError(Exception):
    """A request is not read to its end."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why.message)
        self.why = why


class _GoneError(Exception):
    """The caller hung up before the request was there."""
