"""The data plane in this process, over made routes and runners, asked without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from fairlead.access import Gate, Sites
from fairlead.batching import Lane
from fairlead.clock import Clock, SystemClock
from fairlead.predictionlog import JournalWriter, PredictionFrame
from fairlead.routing import SLOTS, Arm, Automation, Role, Route
from fairlead.serving.arm import ArmLimits, LiveArm
from fairlead.serving.cache.response import ResponseCache
from fairlead.serving.cache.types import CacheLimits
from fairlead.serving.counters import Counters
from fairlead.serving.dataplane import DataPlane, Endpoint
from fairlead.serving.doors import make_router
from fairlead.serving.entry import OPEN, Entry
from fairlead.serving.features.follow import FeatureTables
from fairlead.serving.front import Front
from fairlead.serving.held import Holder
from fairlead.serving.ladder.climb import Ladders
from fairlead.serving.ladder.stored import Stored
from fairlead.serving.ladder.types import Ladder
from fairlead.serving.loading.versions import LoadedVersion
from fairlead.serving.lookup.follow import Followed
from fairlead.serving.lookup.predictions import PrecomputedTables
from fairlead.serving.message import Request, Response
from fairlead.serving.protocols.decisions import Find
from fairlead.serving.protocols.operations import Health
from fairlead.serving.router import Router
from fairlead.serving.sink import LogSink
from fairlead.serving.tracing import Tracing
from fairlead.serving.watcher import PREVIOUS
from fairlead.signature import Batch, Field, Signature
from fairlead.telemetry import MetricsFile, read
from support.reply import Reply
from support.routes import FakeRunner, version

BODY_BYTES_MAX = 1 << 20
ROWS_MAX = 1000
ANSWER_S_MAX = 60.0
ROLES: tuple[Role, ...] = ("stable", "candidate")
FULL = Automation()
LIMITS = ArmLimits(batch_rows_max=256, queue_rows_max=10 * ROWS_MAX)


class PlaneInProcess:
    """Answers requests on a loop of its own; every endpoint is answered by fake runners.

    Args:
        folder: of its journal and counters.
        loop: to answer on; one of its own if there is none.
        default: setting of that name.
        tracing: begins spans.
        gate: asks for keys.
        sites: that browsers may ask from.
        features: in which is looked up what requests leave out.
        followed: the look-up tables; predictions are looked up in them.
        ladders: who answers, by endpoint, where that is not the model alone.
        caches: limits of each endpoint's cache that has one.
        clock: the machine's if there is none.
        find: the task of a prediction's id.

    Attributes:
        ready: as it tells who asks for its health.
        frames: what was put on the log.
    """

    def __init__(
        self,
        folder: Path,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        default: str = "",
        tracing: Tracing | None = None,
        gate: Gate | None = None,
        sites: Sites = OPEN.sites,
        features: FeatureTables | None = None,
        followed: Followed | None = None,
        ladders: Mapping[str, Ladder] = {},
        caches: Mapping[str, CacheLimits] = {},
        clock: Clock | None = None,
        find: Find | None = None,
        body_bytes_max: int = BODY_BYTES_MAX,
    ) -> None:
        self.clock = clock or SystemClock()
        self.loop = loop or asyncio.new_event_loop()
        self.ready = True
        self.frames: list[PredictionFrame] = []
        self._metrics = MetricsFile(folder / "worker.metrics")
        self._counters = Counters(self._metrics)
        self.caches = {
            name: ResponseCache(limits, self.clock, self._counters.cache(name), b"secret")
            for name, limits in caches.items()
        }
        self._journal = JournalWriter(folder, "w", self.clock)
        self.sink = _Sink(self._journal, "continue", {}, self._counters)
        self.sink.frames = self.frames
        holder = Holder(self.sink, self._counters, self.clock)
        self.plane = DataPlane(self.clock, caches=self.caches, holder=holder)
        by_key = [name for name, each in ladders.items() if each.has("precomputed")]
        tables = PrecomputedTables(followed, by_key) if followed else None
        self.stored = Stored(self.sink, self._counters, self.clock, self.caches)
        self._ladders = ladders
        self.front = Front(
            self.plane, self._counters, deadline_s=20.0, rows_max=ROWS_MAX,
            body_bytes_max=body_bytes_max, tracing=tracing, gate=gate,
            ladders=Ladders(self.plane, self.stored, self.clock, ladders),
        )  # fmt: skip
        self.router = make_router(
            self.plane, self.front, self.sink, self._counters, self.health,
            lambda: read(folder), self.clock, Entry(sites, gate, self.front.count),
            features=features, tables=tables, by_key=frozenset(by_key),
            default_endpoint=default, body_bytes_max=body_bytes_max, find=find,
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
        *answers: Callable[[Batch], Batch],
        numbers: tuple[int, ...] = (1, 2),
        candidate: float = 0.5,
        fields: tuple[Field, ...] = (),
        lane: Lane | None = None,
        shadow: Callable[[Batch], Batch] | None = None,
        seen: float = 1.0,
        automation: Automation = FULL,
        role: Role = "stable",
        previous: Callable[[Batch], Batch] | None = None,
    ) -> None:
        """Let one model answer an endpoint, or two: the arms `stable` and `candidate`.

        Args:
            name: of the endpoint.
            signature: of the endpoint.
            answers: of one model or two.
            numbers: of their versions.
            candidate: share of the requests that the second one takes.
            fields: of their answers, if they are not those of the signature.
            lane: that they run in; None for the loop.
            shadow: a model that sees a share of the requests and answers nobody.
            seen: that share.
            automation: who decides, the models or people.
            role: of the first model's arm; a shadow's in a release beside a person.
            previous: the model that was stable before.
        """
        taken = int(SLOTS * candidate) if len(answers) > 1 else 0
        ranges = (0, SLOTS - taken), (SLOTS - taken, SLOTS)
        shares = [(some,) if some[0] < some[1] else () for some in ranges]
        arms = tuple(
            Arm(role, version(numbers[place], name), role, shares[place])
            for place, role in enumerate((role, *ROLES[1:])[: len(answers)])
        )
        shown = Arm("shadow", version(9, name), "shadow", ((0, int(SLOTS * seen)),))
        route = Route(
            name, 1, signature, arms, shadows=(shown,) if shadow else (), automation=automation
        )

        before = Arm(PREVIOUS, version(8, name), "stable", ())

        def live(arm: Arm, answer: Callable[[Batch], Batch]) -> LiveArm:
            loaded = LoadedVersion(
                arm.version, fields or signature.outputs, FakeRunner(answer), lane or Lane()
            )
            counters = self._counters.arm(name, arm.version.name, arm.name)
            rung: Literal["live", "previous"] = "previous" if arm is before else "live"
            return LiveArm(
                self.loop, route, arm, loaded, self.sink, counters, LIMITS, self.clock,
                rung=rung if name in self._ladders else None,
            )  # fmt: skip

        living = tuple(live(arm, answer) for arm, answer in zip(arms, answers, strict=True))
        shadows = (live(shown, shadow),) if shadow else ()
        back = live(before, previous) if previous else None
        endpoint = Endpoint.of(route, living, shadows, previous=back)
        self.plane.endpoints = {**self.plane.endpoints, name: endpoint}

    def ask(
        self,
        path: str,
        body: object = None,
        headers: Mapping[str, str] = {},
        **more: Any,
    ) -> Reply:
        """Ask as `asking` does, and wait for the reply."""
        return self.loop.run_until_complete(self.asking(path, body, headers, **more))

    async def asking(
        self,
        path: str,
        body: object = None,
        headers: Mapping[str, str] = {},
        *,
        method: str = "",
        router: Router | None = None,
    ) -> Reply:
        """Ask on the loop; those who ask in one turn share a batch.

        Args:
            path: with its query.
            body: bytes, or a value to be sent as JSON; None for no body.
            headers: of the request.
            method: GET without a body and POST with one, if it is not named.
            router: another than that of HTTP.
        """
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        )
        named = {name.lower().encode(): value.encode() for name, value in headers.items()}
        verb = method or ("GET" if body is None else "POST")
        path, _, query = path.partition("?")
        request = Request(verb, path, query.encode(), named, raw, self.clock.monotonic_s())
        answered: asyncio.Future[Response] = self.loop.create_future()
        (router or self.router).handle(request, answered.set_result)
        async with asyncio.timeout(ANSWER_S_MAX):
            return reply(await answered)

    def predict(self, body: object, content_type: str = "", query: str = "", **more: str) -> Reply:
        """Ask the endpoint `m` in the native protocol.

        Args:
            body: as of `ask`.
            content_type: of the body; none is sent if it is empty.
            query: after the question mark.
            more: further headers, with underscores for dashes.
        """
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        if content_type:
            headers["content-type"] = content_type
        return self.ask(f"/v1/endpoints/m/predict?{query}", body, headers)


def reply(response: Response) -> Reply:
    """A response as its caller sees it."""
    headers = {name.decode(): value.decode() for name, value in response.headers}
    kind = {"content-type": response.content_type.decode()}
    return Reply(response.status, kind | headers, response.body)


class _Sink(LogSink):
    """A log that notes its frames."""

    frames: list[PredictionFrame]

    def predictions(self, frame: PredictionFrame) -> None:
        super().predictions(frame)
        self.frames.append(frame)
