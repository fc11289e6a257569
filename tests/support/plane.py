"""A data plane in this process, over made routes and runners, for tests of protocols."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Self

from fairlead.clock import SystemClock
from fairlead.predictionlog import JournalWriter
from fairlead.routing import SLOTS, Arm, Route
from fairlead.serving.arm import ArmLimits, LiveArm
from fairlead.serving.counters import Counters
from fairlead.serving.dataplane import DataPlane, Endpoint
from fairlead.serving.doors import make_router
from fairlead.serving.entry import OPEN
from fairlead.serving.front import Front
from fairlead.serving.loading.versions import LoadedVersion
from fairlead.serving.message import Request, Response
from fairlead.serving.protocols.operations import Health
from fairlead.serving.router import Router
from fairlead.serving.sink import LogSink
from fairlead.signature import Batch, Field, Signature
from fairlead.telemetry import MetricsFile, read
from support.routes import FakeRunner, version

BODY_BYTES_MAX = 1 << 20
ROWS_MAX = 1000


class PlaneInProcess:
    """Answers requests on a loop of its own; every endpoint is answered by fake runners.

    Args:
        folder: of its journal and counters.
        loop: to answer on; one of its own if there is none.
    """

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._folder = folder
        self._clock = SystemClock()
        self.loop = loop or asyncio.new_event_loop()
        self.plane = DataPlane(self._clock)
        self.ready = True
        self._metrics = MetricsFile(folder / "worker.metrics")
        self._counters = Counters(self._metrics)
        self._journal = JournalWriter(folder, "w", self._clock)
        self._sink = LogSink(self._journal, "continue", {}, self._counters)
        self.front = Front(
            self.plane, self._counters, deadline_s=10.0, rows_max=ROWS_MAX,
            body_bytes_max=BODY_BYTES_MAX,
        )  # fmt: skip
        self.router: Router = make_router(
            self.plane, self.front, self._sink, self._counters, self.health,
            lambda: read(folder), self._clock, OPEN,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.front.close()
        self.loop.close()
        self._journal.close()
        self._metrics.close()

    def health(self) -> Health:
        return Health(self.ready)

    def serve(
        self,
        name: str,
        signature: Signature,
        answer: Callable[[Batch], Batch],
        *,
        numbers: tuple[int, ...] = (1,),
        fields: tuple[Field, ...] = (),
        executor: Executor | None = None,
    ) -> None:
        """Let versions of some numbers answer an endpoint, the first of them all requests."""
        shares = [((0, SLOTS),), *[()] * (len(numbers) - 1)]
        made = tuple(
            Arm(f"arm{number}", version(number, name), "stable", share)
            for number, share in zip(numbers, shares, strict=True)
        )
        route = Route(name, 1, signature, made)
        outputs = fields or signature.outputs
        arms = tuple(
            self._arm(route, LoadedVersion(arm.version, outputs, FakeRunner(answer), executor), arm)
            for arm in made
        )
        self.plane.endpoints = {**self.plane.endpoints, name: Endpoint.of(route, arms)}

    def _arm(self, route: Route, loaded: LoadedVersion, arm: Arm) -> LiveArm:
        counters = self._counters.arm(route.endpoint, arm.version.name, arm.name)
        limits = ArmLimits(256, ROWS_MAX)
        return LiveArm(self.loop, route, arm, loaded, self._sink, counters, limits, self._clock)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] = {},
        router: Router | None = None,
    ) -> Response:
        """One request, answered; by another router than that of HTTP, if one is given."""
        named = {name.lower().encode(): value.encode() for name, value in headers.items()}
        request = Request(method, path, b"", named, body, self._clock.monotonic_s())

        async def asking() -> Response:
            answered: asyncio.Future[Response] = self.loop.create_future()
            (router or self.router).handle(request, answered.set_result)
            async with asyncio.timeout(10):
                return await answered

        return self.loop.run_until_complete(asking())

    def ask_together(self, path: str, *bodies: bytes) -> list[Response]:
        """Requests of one turn of the loop, which share a batch."""

        async def asking() -> list[Response]:
            waiting = []
            for body in bodies:
                answered: asyncio.Future[Response] = self.loop.create_future()
                request = Request("POST", path, b"", {}, body, self._clock.monotonic_s())
                self.router.handle(request, answered.set_result)
                waiting.append(answered)
            async with asyncio.timeout(10):
                return await asyncio.gather(*waiting)

        return self.loop.run_until_complete(asking())
