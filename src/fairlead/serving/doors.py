"""What the data plane answers, and where: the list of its doors and what stands behind each."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from functools import partial

import msgspec

from fairlead.clock import Clock
from fairlead.errors import FairleadError, UnavailableError
from fairlead.serving.counters import Counters
from fairlead.serving.dataplane import DataPlane, Endpoint
from fairlead.serving.message import (
    TEXT,
    Handler,
    Reply,
    Request,
    Response,
    json_response,
)
from fairlead.serving.openapi import openapi
from fairlead.serving.protocols.feedback import read_feedback
from fairlead.serving.protocols.native import NativeProtocol
from fairlead.serving.router import Door, Router
from fairlead.serving.sink import LogSink
from fairlead.serving.status import error_response
from fairlead.serving.types import Answer


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of `/health/ready`.

    Args:
        ready: whether this worker answers every endpoint it should.
        problems: why not, or what else wants an eye.
    """

    ready: bool
    problems: tuple[str, ...] = ()


class Doors:
    """Everything the data plane answers.

    Args:
        plane: answers rows.
        sink: takes feedback.
        counters: of the worker.
        health: tells how the worker is now.
        exposition: makes the text of `/metrics`, of all workers.
        clock: for times.
        deadline_s: when a request without a deadline of its own is given up.
        rows_max: of one request.
    """

    def __init__(
        self,
        plane: DataPlane,
        sink: LogSink,
        counters: Counters,
        health: Callable[[], Health],
        exposition: Callable[[], str],
        clock: Clock,
        *,
        deadline_s: float,
        rows_max: int,
    ) -> None:
        self._plane = plane
        self._sink = sink
        self._counters = counters
        self._health = health
        self._exposition = exposition
        self._clock = clock
        self._deadline_s = deadline_s
        self._native = NativeProtocol(rows_max)

    def handler(self) -> Handler:
        """The one handler of every request."""
        return Router(
            [
                Door("POST", "/v1/endpoints/{name}/predict", self._predict),
                Door("POST", "/v1/endpoints/{name}/feedback", self._feedback),
                Door("GET", "/v1/endpoints/{name}/openapi.json", self._openapi),
                Door("GET", "/v1/endpoints/{name}", self._endpoint),
                Door("GET", "/v1/endpoints", self._endpoints),
                Door("GET", "/health/live", self._live),
                Door("GET", "/health/ready", self._ready),
                Door("GET", "/metrics", self._metrics),
            ]
        ).handle

    def _predict(self, request: Request, reply: Reply, name: str) -> None:
        deadline_s = request.received_s + self._deadline_s
        try:
            endpoint = self._plane.endpoint(name)
            ask = self._native.ask(endpoint, request.body, request.received_s, deadline_s)
        except FairleadError as error:
            self._refuse(error, reply, name)
            return
        self._plane.predict(endpoint, ask, partial(self._answered, reply, name))

    def _answered(self, reply: Reply, name: str, answer: Answer | FairleadError) -> None:
        if isinstance(answer, UnavailableError):
            self._refuse(answer, reply, name)
            return
        if isinstance(answer, FairleadError):
            reply(error_response(answer))
            return
        try:
            response = self._native.response(answer)
        except Exception as error:  # an answer that JSON cannot hold
            traceback.print_exception(error, file=sys.stderr)
            response = error_response(error)
        reply(response)

    def _refuse(self, error: FairleadError, reply: Reply, name: str) -> None:
        """Answer what never became a record; names that do not exist share one counter."""
        known = name if name in self._plane.endpoints else ""
        self._counters.refused(known, error.code)
        reply(error_response(error))

    def _feedback(self, request: Request, reply: Reply, name: str) -> None:
        try:
            self._plane.endpoint(name)
            frame = read_feedback(name, request.body, self._clock.now_us())
            self._sink.feedback(frame)
        except FairleadError as error:
            self._refuse(error, reply, name)
            return
        self._counters.feedback(len(frame.ids))
        reply(json_response({"accepted": len(frame.ids)}))

    def _openapi(self, _: Request, reply: Reply, name: str) -> None:
        try:
            reply(json_response(openapi(self._plane.endpoint(name).route)))
        except FairleadError as error:
            reply(error_response(error))

    def _endpoint(self, _: Request, reply: Reply, name: str) -> None:
        try:
            reply(json_response(_describe(self._plane.endpoint(name), whole=True)))
        except FairleadError as error:
            reply(error_response(error))

    def _endpoints(self, _: Request, reply: Reply, name: str) -> None:  # noqa: ARG002
        endpoints = self._plane.endpoints.values()
        reply(json_response({"endpoints": [_describe(e, whole=False) for e in endpoints]}))

    def _live(self, _: Request, reply: Reply, name: str) -> None:  # noqa: ARG002
        reply(json_response({"live": True}))

    def _ready(self, _: Request, reply: Reply, name: str) -> None:  # noqa: ARG002
        health = self._health()
        reply(json_response(health, 200 if health.ready else 503))

    def _metrics(self, _: Request, reply: Reply, name: str) -> None:  # noqa: ARG002
        content_type = TEXT.replace(b"plain;", b"plain; version=0.0.4;")
        reply(Response(200, self._exposition().encode(), content_type))


def _describe(endpoint: Endpoint, *, whole: bool) -> dict[str, object]:
    """What callers may know of an endpoint."""
    route = endpoint.route
    described: dict[str, object] = {
        "name": route.endpoint,
        "revision": route.revision,
        "arms": [
            {"name": arm.name, "version": arm.version.name, "weight": arm.weight}
            for arm in route.arms
        ],
    }
    if whole:
        described["signature"] = route.signature
    return described
