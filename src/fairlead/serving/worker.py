"""One worker's life: load, accept, report, drain."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.serving.core import Core
from fairlead.serving.transport.http import Connection
from fairlead.serving.transport.server import HttpServer
from fairlead.serving.types import RpcPlace, WorkerStatus

if TYPE_CHECKING:
    from fairlead.serving.transport.rpc import RpcServer

REPORT_S = 1.0
DRAIN_S_MAX = 20.0
HANDSHAKE_S_MAX = 10.0


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Where a worker serves.

    Args:
        place: its number among the workers.
        tls: of connections; None for plain ones.
        rpc: where gRPC is spoken, shared with the other workers; None for nowhere.
    """

    place: int
    tls: ssl.SSLContext | None = None
    rpc: RpcPlace | None = None


class Worker:
    """Serves on one socket until told to stop.

    Args:
        options: where.
        core: answers.
        report: tells the supervisor; False once it is gone.
    """

    def __init__(
        self, options: WorkerOptions, core: Core, report: Callable[[WorkerStatus], bool]
    ) -> None:
        self._options = options
        self._core = core
        self._report = report
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask `run` to drain and end."""
        self._stop.set()

    async def run(self, listener: socket.socket) -> None:
        """Serve until `stop`.

        Connections that wait in the socket are accepted once the routes are loaded, so that
        those which outlived the last worker find this one ready; but not later than after ten
        seconds, to tell the truth about it.
        """
        loop, core = asyncio.get_running_loop(), self._core
        watching = asyncio.create_task(core.run(self._tell))
        reporting = asyncio.create_task(self._report_often())
        router, limits = core.router, core.options.http
        server = HttpServer(loop, router.handle, router.refuse, limits, core.counters.moved)
        await core.wait_loaded()
        acceptor = await loop.create_server(
            lambda: Connection(server),
            sock=listener,
            ssl=self._options.tls,
            ssl_handshake_timeout=None if self._options.tls is None else HANDSHAKE_S_MAX,
        )
        rpc = None if self._options.rpc is None else await self._start_rpc(self._options.rpc)
        try:
            await self._stop.wait()
        finally:
            core.drain()
            self._tell()
            acceptor.close()
            await asyncio.gather(self._drain(server), *([rpc.stop(DRAIN_S_MAX)] if rpc else []))
            for task in (watching, reporting):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            server.close()
            core.close()

    async def _start_rpc(self, place: RpcPlace) -> RpcServer:
        from fairlead.serving.protocols.oip.rpc import WATCH  # optional libraries
        from fairlead.serving.transport.rpc import RpcServer

        router, dialect = self._core.rpc()
        limits = self._core.options.http
        server = RpcServer(
            router.handle,
            router.refuse,
            [door.path for door in dialect.doors],
            self._core.clock,
            watched=[WATCH],
            message_bytes_max=limits.body_bytes_max,
            calls_max=limits.connections_max,  # over HTTP each connection asks one thing at a time
        )
        await server.start(place)
        return server

    async def _drain(self, server: HttpServer) -> None:
        server.drain()
        deadline_s = self._core.clock.monotonic_s() + DRAIN_S_MAX
        while server.connections and self._core.clock.monotonic_s() < deadline_s:
            await asyncio.sleep(0.01)

    async def _report_often(self) -> None:
        while True:
            self._tell()
            await asyncio.sleep(REPORT_S)

    def _tell(self) -> None:
        """Report to the supervisor; without one there is nobody to serve for."""
        if not self._report(self._core.status(self._options.place, os.getpid())):
            self.stop()
