"""The data plane's HTTP server on a real socket, with a loop of its own in a thread."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

import uvloop

from fairlead.serving.message import Handler, Response
from fairlead.serving.refusal import Refusal, native_shape
from fairlead.serving.transport.http import Connection
from fairlead.serving.transport.server import HttpLimits, HttpServer

T = TypeVar("T")

TIMEOUT_S = 10.0


def _refuse(_: str, refused: Refusal) -> Response:
    return native_shape(refused)


class HttpThread:
    """Serves one handler while it is entered.

    Args:
        handler: of every request, called on the loop.
        limits: of every connection.
        tls: of every connection.
    """

    def __init__(
        self, handler: Handler, limits: HttpLimits, tls: ssl.SSLContext | None = None
    ) -> None:
        self._handler = handler
        self._limits = limits
        self._tls = tls
        self.loop = uvloop.new_event_loop()
        self.failed: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self) -> Self:
        self.loop.set_exception_handler(lambda _, context: self.failed.append(context))
        self._thread.start()
        self.server, self._acceptor = self.wait(self._serve())
        self.port: int = self._acceptor.sockets[0].getsockname()[1]
        return self

    async def _serve(self) -> tuple[HttpServer, Any]:
        server = HttpServer(self.loop, self._handler, _refuse, self._limits)
        acceptor = await self.loop.create_server(
            lambda: Connection(server), "127.0.0.1", 0, ssl=self._tls
        )
        return server, acceptor

    def __exit__(self, *_: object) -> None:
        self.wait(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        assert not self.failed, self.failed

    async def _end(self) -> None:
        self._acceptor.close()
        self.server.close()
        await asyncio.sleep(0)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run on the loop, and wait for it here."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(TIMEOUT_S)

    def call(self, work: Callable[[], T]) -> T:
        """Call on the loop, and wait for it here."""

        async def calling() -> T:
            return work()

        return self.wait(calling())

    def connect(self) -> socket.socket:
        """A raw connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S)


def until_closed(sock: socket.socket) -> bytes:
    """All that a peer sends until it hangs up."""
    received = bytearray()
    while data := sock.recv(1 << 16):
        received += data
    return bytes(received)


def receive(sock: socket.socket, *, until: bytes) -> bytes:
    """What a peer sends up to and with some bytes."""
    received = bytearray()
    while until not in received:
        data = sock.recv(1 << 16)
        assert data, f"the peer hung up after {bytes(received)!r}"
        received += data
    return bytes(received)
