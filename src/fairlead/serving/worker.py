"""One worker's life: load, accept, report, drain."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

from fairlead.clock import Clock
from fairlead.predictionlog import JournalWriter
from fairlead.routing import Route
from fairlead.serving.arm import ArmLimits, LiveArm
from fairlead.serving.counters import Counters
from fairlead.serving.dataplane import DataPlane
from fairlead.serving.doors import make_router
from fairlead.serving.front import Front
from fairlead.serving.http import Connection
from fairlead.serving.protocols.operations import Health
from fairlead.serving.server import HttpLimits, HttpServer
from fairlead.serving.sink import LogSink
from fairlead.serving.types import WorkerStatus
from fairlead.serving.versions import LoadedVersion, VersionLoader
from fairlead.serving.watcher import RouteWatcher
from fairlead.store import Store

REPORT_S = 1.0
FIRST_LOAD_S_MAX = 10.0
DRAIN_S_MAX = 20.0


class Worker:
    """Serves on one socket until told to stop.

    Args:
        place: its number among the workers.
        store: of routes.
        loader: of versions.
        sink: of the log.
        journal: under the sink, closed at the end.
        counters: of this worker.
        exposition: text of `/metrics`.
        clock: for times.
        http: limits of connections.
        arms: limits of queues and batches.
        deadline_s: of requests that bring none.
        rows_max: of one request.
        report: tells the supervisor; False once it is gone.
    """

    def __init__(
        self,
        place: int,
        store: Store,
        loader: VersionLoader,
        sink: LogSink,
        journal: JournalWriter,
        counters: Counters,
        exposition: Callable[[], str],
        clock: Clock,
        http: HttpLimits,
        arms: ArmLimits,
        *,
        deadline_s: float,
        rows_max: int,
        report: Callable[[WorkerStatus], bool],
    ) -> None:
        self._place = place
        self._sink = sink
        self._journal = journal
        self._counters = counters
        self._clock = clock
        self._http = http
        self._arms = arms
        self._report = report
        self._plane = DataPlane(clock)
        self._watcher = RouteWatcher(store, self._plane, loader, self._make_arms, self._tell)
        front = Front(self._plane, counters, deadline_s=deadline_s, rows_max=rows_max)
        self._router = make_router(
            self._plane, front, sink, counters, self._health, exposition, clock
        )
        self._stop = asyncio.Event()
        self._draining = False

    def stop(self) -> None:
        """Ask `run` to drain and end."""
        self._stop.set()

    async def run(self, listener: socket.socket) -> None:
        """Serve until `stop`.

        Connections that wait in the socket are accepted once the routes are loaded, so that
        those which outlived the last worker find this one ready; but not later than after ten
        seconds, to tell the truth about it.
        """
        loop = asyncio.get_running_loop()
        watching = asyncio.create_task(self._watcher.run())
        reporting = asyncio.create_task(self._report_often())
        server = HttpServer(
            loop, self._router.handle, self._router.refuse, self._http, self._router.is_open
        )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._loaded(), FIRST_LOAD_S_MAX)
        acceptor = await loop.create_server(lambda: Connection(server), sock=listener)
        try:
            await self._stop.wait()
        finally:
            self._draining = True
            self._tell()
            acceptor.close()
            await self._drain(server)
            for task in (watching, reporting):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            server.close()
            self._watcher.close()
            self._journal.close()

    async def _loaded(self) -> None:
        while not self._watcher.ready():
            await asyncio.sleep(0.01)

    async def _drain(self, server: HttpServer) -> None:
        server.drain()
        deadline_s = self._clock.monotonic_s() + DRAIN_S_MAX
        while server.connections and self._clock.monotonic_s() < deadline_s:
            await asyncio.sleep(0.01)

    async def _report_often(self) -> None:
        while True:
            self._tell()
            await asyncio.sleep(REPORT_S)

    def _make_arms(self, route: Route, loaded: dict[str, LoadedVersion]) -> tuple[LiveArm, ...]:
        loop = asyncio.get_running_loop()
        return tuple(
            LiveArm(
                loop,
                route,
                arm,
                loaded[arm.version.digest],
                self._sink,
                self._counters.arm(route.endpoint, arm.version.name, arm.name),
                self._arms,
                self._clock,
            )
            for arm in route.arms
        )

    def _health(self) -> Health:
        problems = [*self._watcher.behind()]
        problems += [p for p in (self._watcher.problem, self._sink.problem) if p]
        if self._draining:
            problems.append("the server is stopping")
        ready = self._watcher.ready() and not self._draining and not self._sink.stopped
        return Health(ready, tuple(problems))

    def _tell(self) -> None:
        """Report to the supervisor; without one there is nobody to serve for."""
        health = self._health()
        status = WorkerStatus(
            worker=self._place,
            pid=os.getpid(),
            ready=health.ready,
            draining=self._draining,
            routes=self._watcher.revisions(),
            versions=self._watcher.versions(),
            problems=health.problems,
        )
        if not self._report(status):
            self.stop()
