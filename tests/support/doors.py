"""All doors of the data plane over real endpoints with made runners, asked without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
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
from fairlead.signature import Batch, Field, Signature
from fairlead.telemetry import MetricsFile
from support.routes import FakeRunner, version

ROWS_MAX = 100
ANSWER_S_MAX = 30.0
ROLES: tuple[Role, ...] = ("stable", "candidate")
BODY_BYTES_MAX = 4 << 20

LEFT = ("left", "stayed")
CHURN = Signature(
    inputs=(
        Field(name="age", kind="number", low=18, high=90),
        Field(name="visits", kind="integer", missing="allow", nullable=True),
        Field(
            name="plan", kind="category", dtype="str", categories=("free", "pro"),
            missing="allow", nullable=True,
        ),
    ),
    outputs=(
        Field(name="label", kind="category", dtype="str", categories=LEFT),
        Field(name="probabilities", kind="tensor", shape=(2,), categories=LEFT),
    ),
    task="classification",
)  # fmt: skip
PRICE = Signature(
    inputs=(Field(name="rooms", kind="number"), Field(name="area", kind="number")),
    outputs=(Field(name="prediction", kind="number"),),
    task="regression",
)
TENSOR = Signature(
    inputs=(Field(name="x", kind="tensor", dtype="float32", shape=(2,)),),
    outputs=(Field(name="y", kind="tensor", dtype="float64", shape=(2,)),),
)
PICTURE = Signature(
    inputs=(Field(name="image", kind="image"), Field(name="note", kind="text", missing="allow")),
    outputs=(
        Field(name="size", kind="integer", dtype="int64"),
        Field(name="note", kind="text", dtype="str"),
    ),
)


def churn(batch: Batch) -> Batch:
    """Older customers leave, and those whose visits are not known may."""
    age, visits = batch.numbers.T
    stays = np.where(np.isnan(visits), 0.5, np.where(age > 50, 0.25, 0.75))
    label = np.where(stays < 0.5, "left", "stayed").astype(object)
    outputs = {"label": label, "probabilities": np.column_stack([1 - stays, stays])}
    return Batch(batch.rows, (), np.empty((batch.rows, 0)), outputs)


def price(batch: Batch) -> Batch:
    """The product of a row; none for a house without an area."""
    product = batch.numbers.prod(axis=1)
    value = np.where(product == 0, np.nan, product)
    return Batch(batch.rows, ("prediction",), value.reshape(-1, 1), {})


def twice(batch: Batch) -> Batch:
    """Twice each tensor."""
    return Batch(
        batch.rows, (), np.empty((batch.rows, 0)), {"y": np.multiply(batch.columns["x"], 2.0)}
    )


def measured(batch: Batch) -> Batch:
    """The length of each picture, and its note."""
    sizes = np.array([[float(len(image))] for image in batch.columns["image"]])
    return Batch(batch.rows, ("size",), sizes, {"note": batch.columns["note"]})


class Doors:
    """What the data plane answers, without a socket.

    Args:
        folder: for its files.
        default: setting of that name.
    """

    def __init__(self, folder: Path, default: str = "") -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = SystemClock()
        self.frames: list[PredictionFrame] = []
        self.health = Health(ready=True)
        self.plane = DataPlane(self.clock)
        self._counters = Counters(MetricsFile(folder / "a.metrics"))
        self._journal = JournalWriter(folder, "w", self.clock)
        self._sink = _Sink(self._journal, "continue", {}, self._counters)
        self._sink.frames = self.frames
        self._front = Front(
            self.plane, self._counters, deadline_s=10.0, rows_max=ROWS_MAX,
            body_bytes_max=BODY_BYTES_MAX,
        )  # fmt: skip
        self._router = make_router(
            self.plane, self._front, self._sink, self._counters, lambda: self.health, list,
            self.clock, OPEN, default_endpoint=default, body_bytes_max=BODY_BYTES_MAX,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._front.close()
        self._journal.close()
        self.loop.close()

    def add(
        self, name: str, signature: Signature, *answers: Callable[[Batch], Batch], first: int = 1
    ) -> None:
        """Serve an endpoint: arms `stable` and `candidate`, with half of the requests each."""
        share = SLOTS // len(answers)
        arms = tuple(
            Arm(role, version(place + first, name), role, ((place * share, (place + 1) * share),))
            for place, role in enumerate(ROLES[: len(answers)])
        )
        route = Route(name, 1, signature, arms)
        live = tuple(
            LiveArm(
                self.loop, route, arm,
                LoadedVersion(arm.version, signature.outputs, FakeRunner(answer), None),
                self._sink, self._counters.arm(name, arm.version.name, arm.name),
                ArmLimits(64, 1000), self.clock,
            )
            for arm, answer in zip(arms, answers, strict=True)
        )  # fmt: skip
        self.plane.endpoints = {**self.plane.endpoints, name: Endpoint.of(route, live)}

    def ask(
        self, path: str, body: object = None, method: str = "", headers: Mapping[str, str] = {}
    ) -> Got:
        """Ask, and wait for the reply."""
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        named = {name.lower().encode(): value.encode() for name, value in headers.items()}
        verb = method or ("GET" if body is None else "POST")
        request = Request(verb, path, b"", named, raw, self.clock.monotonic_s())
        return Got(self.loop.run_until_complete(self._answer(request)))

    async def _answer(self, request: Request) -> Response:
        answered: asyncio.Future[Response] = self.loop.create_future()
        self._router.handle(request, answered.set_result)
        return await asyncio.wait_for(answered, ANSWER_S_MAX)


class Got:
    """A reply."""

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.body = response.body
        self.type = response.content_type
        self.headers = dict(response.headers)

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class _Sink(LogSink):
    """A log that notes its frames."""

    frames: list[PredictionFrame]

    def predictions(self, frame: PredictionFrame) -> None:
        self.frames.append(frame)
        super().predictions(frame)
