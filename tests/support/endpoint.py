"""One endpoint of the data plane in this process, asked without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np

from fairlead.clock import SystemClock
from fairlead.predictionlog import JournalWriter, PredictionFrame
from fairlead.routing import SLOTS, Arm, Role, Route
from fairlead.serving.arm import ArmLimits, LiveArm
from fairlead.serving.counters import Counters
from fairlead.serving.dataplane import DataPlane, Endpoint
from fairlead.serving.doors import make_router
from fairlead.serving.entry import OPEN
from fairlead.serving.front import Front
from fairlead.serving.loading.versions import LoadedVersion
from fairlead.serving.message import Request, Response
from fairlead.serving.protocols.operations import Health
from fairlead.serving.sink import LogSink
from fairlead.serving.tracing import Tracing
from fairlead.signature import Batch, Signature
from fairlead.telemetry import MetricsFile
from support.routes import FakeRunner, version

ROWS_MAX = 1000
ROLES: tuple[Role, ...] = ("stable", "candidate")

Answer = Callable[[Batch], Batch]


class Got:
    """A reply."""

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.type = response.content_type.decode()
        self.headers = {n.decode(): v.decode() for n, v in response.headers}
        self.body = response.body

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json["error"]
        return found


class AskedEndpoint:
    """An endpoint `m` with up to two arms, which share its requests.

    Args:
        folder: for its files.
        signature: of the endpoint.
        answers: of the arms.
        tracing: begins spans.

    Attributes:
        frames: what was put on the log.
    """

    def __init__(
        self,
        folder: Path,
        signature: Signature,
        *answers: Answer,
        tracing: Tracing | None = None,
    ) -> None:
        self.loop = asyncio.new_event_loop()
        self.frames: list[PredictionFrame] = []
        self.plane = DataPlane(SystemClock())
        self._metrics = MetricsFile(folder / "a.metrics")
        self._counters = Counters(self._metrics)
        self._journal = JournalWriter(folder, "w", SystemClock())
        self._sink = _Sink(self._journal, "continue", {}, self._counters)
        self._sink.frames = self.frames
        self.front = Front(
            self.plane, self._counters, deadline_s=20.0, rows_max=ROWS_MAX,
            body_bytes_max=4 << 20, tracing=tracing,
        )  # fmt: skip
        self.router = make_router(
            self.plane, self.front, self._sink, self._counters, lambda: Health(ready=True), list,
            SystemClock(), OPEN,
        )  # fmt: skip
        self.put(signature, *answers)

    def put(self, signature: Signature, *answers: Answer) -> None:
        """Put another revision of the route in force."""
        share = SLOTS // len(answers)
        arms = tuple(
            Arm(role, version(place + 1), role, ((place * share, (place + 1) * share),))
            for place, role in enumerate(ROLES[: len(answers)])
        )
        route = Route("m", 1, signature, arms)
        live = tuple(
            LiveArm(
                self.loop, route, arm,
                LoadedVersion(arm.version, signature.outputs, FakeRunner(answer), None),
                self._sink, self._counters.arm("m", arm.version.name, arm.name),
                ArmLimits(64, 10_000), SystemClock(),
            )
            for arm, answer in zip(arms, answers, strict=True)
        )  # fmt: skip
        self.plane.endpoints = {"m": Endpoint.of(route, live)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.front.close()
        self.loop.close()
        self._journal.close()
        self._metrics.close()

    def ask(self, body: object, content_type: str = "", query: str = "", **headers: str) -> Got:
        """Ask for predictions, and wait for the reply.

        Args:
            body: bytes, or a value to be sent as JSON.
            content_type: of the body; none is sent if it is empty.
            query: after the question mark.
            headers: further ones, with underscores for dashes.
        """
        return Got(self.loop.run_until_complete(self.asking(body, content_type, query, **headers)))

    async def asking(
        self, body: object, content_type: str = "", query: str = "", **headers: str
    ) -> Response:
        """As `ask`, on the loop."""
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        named = {n.replace("_", "-").encode(): v.encode() for n, v in headers.items()}
        if content_type:
            named[b"content-type"] = content_type.encode()
        path = "/v1/endpoints/m/predict"
        request = Request("POST", path, query.encode(), named, raw, self.loop.time())
        answered: asyncio.Future[Response] = self.loop.create_future()
        self.router.handle(request, answered.set_result)
        async with asyncio.timeout(60):
            return await answered


def echo(batch: Batch) -> Batch:
    """The values that a model was asked with."""
    return batch


def nothing(batch: Batch) -> Batch:
    """Zero for each row."""
    return Batch(batch.rows, ("prediction",), np.zeros((batch.rows, 1)), {})


class _Sink(LogSink):
    """A log that notes its frames."""

    frames: list[PredictionFrame]

    def predictions(self, frame: PredictionFrame) -> None:
        self.frames.append(frame)
        super().predictions(frame)
