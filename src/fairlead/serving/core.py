"""What answers requests, under no transport: of a worker, or in anyone's server."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from fairlead.access import Gate, Key, Sites
from fairlead.batching import Lane
from fairlead.clock import Clock
from fairlead.predictionlog import JournalWriter
from fairlead.review.types import TASKS, Task
from fairlead.routing import Arm, Route
from fairlead.serving.arm import ArmLimits, LiveArm
from fairlead.serving.cache.response import ResponseCache
from fairlead.serving.cache.types import CacheLimits
from fairlead.serving.counters import Counters
from fairlead.serving.dataplane import DataPlane
from fairlead.serving.doors import make_router, make_rpc_doors
from fairlead.serving.entry import Entry
from fairlead.serving.features.follow import FeatureTables
from fairlead.serving.front import Front
from fairlead.serving.held import Holder
from fairlead.serving.ladder.climb import Ladders
from fairlead.serving.ladder.stored import Stored
from fairlead.serving.ladder.types import Ladder, Rung
from fairlead.serving.loading.versions import LoadedVersion, VersionLoader
from fairlead.serving.lookup.follow import Followed
from fairlead.serving.lookup.predictions import PrecomputedTables
from fairlead.serving.protocols.operations import Health
from fairlead.serving.router import Dialect, Router
from fairlead.serving.sink import LogSink
from fairlead.serving.tracing import make_tracing
from fairlead.serving.transport.server import HttpLimits
from fairlead.serving.types import WorkerStatus
from fairlead.serving.waiting import FirstRequest, Waiting
from fairlead.serving.watcher import PREVIOUS, RouteWatcher
from fairlead.store import Store
from fairlead.telemetry import Sample

FIRST_LOAD_S_MAX = 10.0
SAMPLE_S = 1.0


@dataclass(frozen=True, slots=True)
class CoreOptions:
    """How requests are answered.

    Args:
        workers: how many processes answer, who share the limits of keys.
        http: limits of connections and bodies.
        arms: limits of queues and batches.
        sites: that browsers may send requests from and to.
        keys: whether callers need them.
        deadline_s: of requests that bring none.
        rows_max: of one request.
        default_endpoint: that paths without a name mean; empty for the only one there is.
        models_bytes: of memory for versions, which are then loaded on first use; None for all.
        first_request: what becomes of a request to an endpoint that is not loaded.
        first_requests: the same by endpoint, where it differs.
        ladders: who answers, by endpoint, where that is not the model alone.
        caches: limits of each endpoint's cache that has one.
    """

    workers: int
    http: HttpLimits
    arms: ArmLimits
    sites: Sites
    keys: bool
    deadline_s: float
    rows_max: int
    default_endpoint: str = ""
    models_bytes: int | None = None
    first_request: FirstRequest = "wait"
    first_requests: Mapping[str, FirstRequest] = field(default_factory=dict)
    ladders: Mapping[str, Ladder] = field(default_factory=dict)
    caches: Mapping[str, CacheLimits] = field(default_factory=dict)


class Core:
    """Follows the store's routes, and answers what the router is handed; on one loop.

    Args:
        options: how.
        store: of routes and keys; closed at the end.
        loader: of versions.
        sink: of the log.
        journal: under the sink; closed at the end.
        counters: of this process; closed at the end.
        samples: all that processes counted.
        clock: for times.
        followed: the look-up tables; closed at the end.
        features: in which is looked up what requests leave out; None for nowhere.
    """

    def __init__(
        self,
        options: CoreOptions,
        store: Store,
        loader: VersionLoader,
        sink: LogSink,
        journal: JournalWriter,
        counters: Counters,
        samples: Callable[[], list[Sample]],
        clock: Clock,
        followed: Followed,
        features: FeatureTables | None = None,
    ) -> None:
        self.options = options
        self.clock = clock
        self._store = store
        self._sink = sink
        self._journal = journal
        self.counters = counters
        self._followed = followed
        self._samples = samples
        self._report: Callable[[], None] = lambda: None
        self._draining = False
        self._shadows = Lane(0, "shadows")
        waiting = Waiting(clock, options.first_request, options.first_requests)
        caches = self._caches()
        self._plane = DataPlane(clock, waiting, caches, Holder(sink, counters, clock))
        self._stored = Stored(sink, counters, clock, caches)
        self._keys: dict[str, Key] = {}
        self._watcher = RouteWatcher(
            store,
            self._plane,
            loader,
            self._make_arm,
            self._changed,
            self._take_keys if options.keys else None,
            options.models_bytes,
        )
        gate = None
        if options.keys:
            gate = Gate(lambda key_id: self._keys.get(key_id), clock, options.workers)
        self._front = Front(
            self._plane,
            counters,
            deadline_s=options.deadline_s,
            rows_max=options.rows_max,
            body_bytes_max=options.http.body_bytes_max,
            tracing=make_tracing(clock),
            gate=gate,
            ladders=Ladders(self._plane, self._stored, clock, options.ladders),
        )
        by_key = self._with("precomputed")
        self._entry = Entry(options.sites, gate, self._front.count)
        self.router = make_router(
            self._plane,
            self._front,
            sink,
            counters,
            self.health,
            samples,
            clock,
            self._entry,
            features=features,
            tables=PrecomputedTables(followed, by_key),
            by_key=by_key,
            default_endpoint=options.default_endpoint,
            body_bytes_max=options.http.body_bytes_max,
            find=self._task,
        )

    def _task(self, prediction: str) -> Task | None:
        """What a person is asked about a prediction."""
        stored = self._store.get(TASKS, TASKS.key(prediction))
        return None if stored is None else stored.value

    def _caches(self) -> dict[str, ResponseCache]:
        secret = os.urandom(32)
        return {
            name: ResponseCache(limits, self.clock, self.counters.cache(name), secret)
            for name, limits in self.options.caches.items()
        }

    def _with(self, rung: Rung) -> frozenset[str]:
        """The endpoints whose ladder has a rung."""
        return frozenset(name for name, each in self.options.ladders.items() if each.has(rung))

    async def run(self, changed: Callable[[], None] = lambda: None) -> None:
        """Follow the routes until cancelled.

        Args:
            changed: called when anything worth reporting changed.
        """
        self._report = changed
        await self._followed.look()  # before the first request
        beside = [
            asyncio.create_task(self._sample_often()),
            asyncio.create_task(self._followed.run()),
        ]
        try:
            await self._watcher.run()
        finally:
            for task in beside:
                task.cancel()

    async def _sample_often(self) -> None:
        """Tell how much is under way: sampled, because to tell at each request would cost more."""
        while True:
            arms = [arm for endpoint in self._plane.endpoints.values() for arm in endpoint.arms]
            queued_rows = {arm.labels: arm.queued_rows for arm in arms if arm.queued_rows}
            self.counters.under_way(queued_rows, self._watcher.in_flight())
            await asyncio.sleep(SAMPLE_S)

    async def wait_loaded(self, timeout_s: float = FIRST_LOAD_S_MAX) -> None:
        """Wait until every endpoint answers, but no longer than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._watcher.ready():
                    await asyncio.sleep(0.01)

    def drain(self) -> None:
        """Be ready no more; what is asked is answered all the same."""
        self._draining = True

    def close(self) -> None:
        """Let go of everything; no request may be under way."""
        self._front.close()
        self._shadows.close()
        self._watcher.close()
        self._followed.close()
        self._journal.close()
        self.counters.close()
        self._store.close()

    def rpc(self) -> tuple[Router, Dialect]:
        """What finds the handlers of calls over gRPC, and all of these calls."""
        dialect = make_rpc_doors(self._plane, self._front, self.health, self._samples)
        return Router([dialect], self._entry), dialect

    def health(self) -> Health:
        """How it is now."""
        problems = [*self._watcher.behind()]
        problems += [p for p in (self._watcher.problem, self._sink.problem) if p]
        problems += [*self._followed.problems(), *self._stored.problems()]
        if self._draining:
            problems.append("the server is stopping")
        ready = self._watcher.ready() and not self._draining and not self._sink.stopped
        return Health(ready, tuple(problems))

    def status(self, worker: int, pid: int) -> WorkerStatus:
        """What a worker tells of it.

        Args:
            worker: the worker's place.
            pid: of its process.
        """
        health = self.health()
        return WorkerStatus(
            worker=worker,
            pid=pid,
            ready=health.ready,
            draining=self._draining,
            revision=self._watcher.revision,
            routes=self._watcher.revisions(),
            versions=self._watcher.versions(),
            memory_bytes=self._watcher.memory_bytes(),
            processes=self._watcher.processes(),
            idle=len(self._plane.idle),
            problems=health.problems,
        )

    def _make_arm(self, route: Route, arm: Arm, version: LoadedVersion) -> LiveArm:
        return LiveArm(
            asyncio.get_running_loop(),
            route,
            arm,
            version,
            self._sink,
            self.counters.arm(route.endpoint, arm.version.name, arm.name),
            self.options.arms,
            self.clock,
            self._shadows if arm.role == "shadow" and version.lane.has_loop else None,
            self._rung(route, arm),
        )

    def _rung(self, route: Route, arm: Arm) -> Literal["live", "previous"] | None:
        if route.endpoint not in self.options.ladders:
            return None
        return "previous" if arm.name == PREVIOUS else "live"

    def _changed(self) -> None:
        self.counters.versions(self._watcher.named_memory_bytes())
        self._report()

    def _take_keys(self, keys: dict[str, Key]) -> None:
        self._keys = keys
