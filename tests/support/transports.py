"""One data plane behind any of the transports, on a real socket, its loop in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import socket
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol, Self, TypeVar

import uvicorn
from fastapi import FastAPI

from fairlead.serving.transport.admission import Room, Rooms
from fairlead.serving.transport.asgi import AsgiTransport
from fairlead.serving.transport.http import Connection
from fairlead.serving.transport.server import HttpLimits, HttpServer
from support.plane import PlaneInProcess
from support.waiting import until

KINDS = ("http", "uvicorn-httptools", "uvicorn-h11", "granian", "fastapi")
PREFIX = "/ml/models"
TIMEOUT_S = 20.0

T = TypeVar("T")


def missing(kind: str) -> str:
    """Why a transport cannot be tried here; empty if it can."""
    if kind == "granian" and importlib.util.find_spec("granian") is None:
        return "granian is not installed"
    return ""


class HasRoom(Protocol):
    """What every transport holds."""

    requests: Rooms
    bodies: Room


class Transport:
    """Serves a plane while it is entered.

    Args:
        plane: whose loop it runs on.
        kind: one of `KINDS`.
        limits: of its connections and requests.
    """

    def __init__(self, plane: PlaneInProcess, kind: str, limits: HttpLimits) -> None:
        self.prefix = PREFIX if kind == "fastapi" else ""
        self.port = 0
        self.room: HasRoom
        self._plane = plane
        self._kind = kind
        self._limits = limits
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=plane.loop.run_until_complete, args=(self._run(),))
        self._failed: BaseException | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        until(self._answers, "the transport")
        return self

    def __exit__(self, *_: object) -> None:
        self._plane.loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S)

    def _answers(self) -> bool:
        assert self._thread.is_alive(), self._failed
        with contextlib.suppress(OSError):
            self.connect().close()
            return True
        return False

    async def _run(self) -> None:
        try:
            async with self._served():
                await self._ended.wait()
        except BaseException as error:
            self._failed = error
            raise

    @asynccontextmanager
    async def _served(self) -> AsyncIterator[None]:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
            if self._kind == "http":
                async with self._over_http(sock, port):
                    yield
                return
            router = self._plane.router
            app = self.room = AsgiTransport(router.handle, router.refuse, self._limits)
            work = (
                self._granian(app, sock, port)
                if self._kind == "granian"
                else self._uvicorn(app, sock, port)
            )
            async with work:
                yield

    @asynccontextmanager
    async def _over_http(self, sock: socket.socket, port: int) -> AsyncIterator[None]:
        router, loop = self._plane.router, self._plane.loop
        server = self.room = HttpServer(loop, router.handle, router.refuse, self._limits)
        acceptor = await loop.create_server(lambda: Connection(server), sock=sock)
        self.port = port
        yield
        acceptor.close()
        server.close()
        await asyncio.sleep(0)

    @asynccontextmanager
    async def _uvicorn(
        self, app: AsgiTransport, sock: socket.socket, port: int
    ) -> AsyncIterator[None]:
        served: Any = app
        if self._kind == "fastapi":
            served = FastAPI()
            served.mount(PREFIX, app)
        config = uvicorn.Config(
            served,
            http="h11" if self._kind == "uvicorn-h11" else "httptools",
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        self.port = port
        async with running(server.serve(sockets=[sock])):
            yield
            server.should_exit = True

    @asynccontextmanager
    async def _granian(
        self, app: AsgiTransport, sock: socket.socket, port: int
    ) -> AsyncIterator[None]:
        from granian.constants import Interfaces
        from granian.server.embed import Server

        sock.close()  # it takes no socket of ours
        server = Server(app, port=port, interface=Interfaces.ASGINL, log_enabled=False)
        self.port = port
        async with running(server.serve()):
            yield
            ended: Any = server.stop
            ended()


@asynccontextmanager
async def running(work: Coroutine[Any, Any, T]) -> AsyncIterator[None]:
    """Something goes on beside, and ends after."""
    task = asyncio.create_task(work)
    try:
        yield
        await asyncio.wait([task], timeout=TIMEOUT_S)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
