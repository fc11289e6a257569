"""One worker's life: load, accept, report, drain."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from fairlead.access import Gate, Key, Sites
from fairlead.clock import Clock
from fairlead.predictionlog import JournalWriter
from fairlead.routing import Route
from fairlead.serving.arm import ArmLimits, LiveArm
from fairlead.serving.counters import Counters
from fairlead.serving.dataplane import DataPlane
from fairlead.serving.doors import make_router, make_rpc_doors
from fairlead.serving.entry import Entry
from fairlead.serving.front import Front
from fairlead.serving.http import Connection
from fairlead.serving.protocols.operations import Health
from fairlead.serving.router import Router
from fairlead.serving.server import HttpLimits, HttpServer
from fairlead.serving.sink import LogSink
from fairlead.serving.types import RpcPlace, WorkerStatus
from fairlead.serving.versions import LoadedVersion, VersionLoader
from fairlead.serving.waiting import FirstRequest, Waiting
from fairlead.serving.watcher import RouteWatcher
from fairlead.store import Store
from fairlead.telemetry import Sample

if TYPE_CHECKING:
    from fairlead.serving.rpc import RpcServer

REPORT_S = 1.0
FIRST_LOAD_S_MAX = 10.0
DRAIN_S_MAX = 20.0
HANDSHAKE_S_MAX = 10.0


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker serves.

    Args:
        place: its number among the workers.
        workers: how many there are, who share the limits of keys.
        http: limits of connections.
        arms: limits of queues and batches.
        sites: that browsers may send requests from and to.
        keys: whether callers need them.
        deadline_s: of requests that bring none.
        rows_max: of one request.
        default_endpoint: that paths without a name mean; empty for the only one there is.
        tls: of connections; None for plain ones.
        rpc: where gRPC is spoken, shared with the other workers; None for nowhere.
        models_bytes: of memory for versions, which are then loaded on first use; None for all.
        first_request: what becomes of a request to an endpoint that is not loaded.
        first_requests: the same by endpoint, where it differs.
    """

    place: int
    workers: int
    http: HttpLimits
    arms: ArmLimits
    sites: Sites
    keys: bool
    deadline_s: float
    rows_max: int
    default_endpoint: str = ""
    tls: ssl.SSLContext | None = None
    rpc: RpcPlace | None = None
    models_bytes: int | None = None
    first_request: FirstRequest = "wait"
    first_requests: Mapping[str, FirstRequest] = field(default_factory=dict)


class Worker:
    """Serves on one socket until told to stop.

    Args:
        options: how.
        store: of routes and keys.
        loader: of versions.
        sink: of the log.
        journal: under the sink, closed at the end.
        counters: of this worker.
        samples: all that workers counted.
        clock: for times.
        report: tells the supervisor; False once it is gone.
    """

    def __init__(
        self,
        options: WorkerOptions,
        store: Store,
        loader: VersionLoader,
        sink: LogSink,
        journal: JournalWriter,
        counters: Counters,
        samples: Callable[[], list[Sample]],
        clock: Clock,
        report: Callable[[WorkerStatus], bool],
    ) -> None:
        self._options = options
        self._sink = sink
        self._journal = journal
        self._counters = counters
        self._clock = clock
        self._report = report
        waiting = Waiting(clock, options.first_request, options.first_requests)
        self._plane = DataPlane(clock, waiting)
        self._keys: dict[str, Key] = {}
        take_keys = self._take_keys if options.keys else None
        self._watcher = RouteWatcher(
            store,
            self._plane,
            loader,
            self._make_arms,
            self._changed,
            take_keys,
            options.models_bytes,
        )
        self._front = Front(
            self._plane,
            counters,
            deadline_s=options.deadline_s,
            rows_max=options.rows_max,
            body_bytes_max=options.http.body_bytes_max,
        )
        gate = Gate(lambda key_id: self._keys.get(key_id), clock, options.workers)
        self._entry = Entry(options.sites, gate if options.keys else None, self._front.count)
        self._router = make_router(
            self._plane,
            self._front,
            sink,
            counters,
            self._health,
            samples,
            clock,
            self._entry,
            default_endpoint=options.default_endpoint,
            body_bytes_max=options.http.body_bytes_max,
        )
        self._rpc_doors = partial(make_rpc_doors, self._plane, self._front, self._health, samples)
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
            loop, self._router.handle, self._router.refuse, self._options.http, self._router.is_open
        )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._loaded(), FIRST_LOAD_S_MAX)
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
            self._draining = True
            self._tell()
            acceptor.close()
            await asyncio.gather(self._drain(server), *([rpc.stop(DRAIN_S_MAX)] if rpc else []))
            for task in (watching, reporting):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            server.close()
            self._front.close()
            self._watcher.close()
            self._journal.close()

    async def _start_rpc(self, place: RpcPlace) -> RpcServer:
        from fairlead.serving.rpc import RpcServer  # an optional library

        dialect = self._rpc_doors()
        router = Router([dialect], self._entry)
        server = RpcServer(
            router.handle,
            router.refuse,
            [door.path for door in dialect.doors],
            self._clock,
            message_bytes_max=self._options.http.body_bytes_max,
        )
        await server.start(place)
        return server

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
                self._options.arms,
                self._clock,
            )
            for arm in route.arms
        )

    def _take_keys(self, keys: dict[str, Key]) -> None:
        self._keys = keys

    def _health(self) -> Health:
        problems = [*self._watcher.behind()]
        problems += [p for p in (self._watcher.problem, self._sink.problem) if p]
        if self._draining:
            problems.append("the server is stopping")
        ready = self._watcher.ready() and not self._draining and not self._sink.stopped
        return Health(ready, tuple(problems))

    def _changed(self) -> None:
        self._counters.versions(self._watcher.named_memory_bytes())
        self._tell()

    def _tell(self) -> None:
        """Report to the supervisor; without one there is nobody to serve for."""
        health = self._health()
        status = WorkerStatus(
            worker=self._options.place,
            pid=os.getpid(),
            ready=health.ready,
            draining=self._draining,
            revision=self._watcher.revision,
            routes=self._watcher.revisions(),
            versions=self._watcher.versions(),
            memory_bytes=self._watcher.memory_bytes(),
            idle=len(self._plane.idle),
            problems=health.problems,
        )
        if not self._report(status):
            self.stop()
