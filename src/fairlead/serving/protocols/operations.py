"""What operators and callers ask about the platform itself: endpoints, health, metrics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from fairlead.errors import FairleadError
from fairlead.routing import Route
from fairlead.serving.dataplane import DataPlane
from fairlead.serving.exposition import exposition
from fairlead.serving.features.follow import FeatureTables
from fairlead.serving.message import Reply, Request, json_response
from fairlead.serving.openapi import openapi
from fairlead.serving.refusal import native_shape, refusal_of
from fairlead.serving.router import Door, Names
from fairlead.telemetry import Sample


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of `/health/ready`.

    Args:
        ready: whether this worker answers every endpoint it should.
        problems: why not, or what else wants an eye.
    """

    ready: bool
    problems: tuple[str, ...] = ()


class Operations:
    """Tells what there is and how it is.

    Args:
        plane: knows the endpoints.
        health: tells how the worker is now.
        samples: reads what is told under `/metrics`.
        keys: whether callers need one.
        features: in which is looked up what requests leave out; None for nowhere.
    """

    def __init__(
        self,
        plane: DataPlane,
        health: Callable[[], Health],
        samples: Callable[[], list[Sample]],
        *,
        keys: bool,
        features: FeatureTables | None = None,
    ) -> None:
        self._plane = plane
        self._health = health
        self._samples = samples
        self._keys = keys
        self._features = features

    def doors(self) -> list[Door]:
        """Where one asks."""
        return [
            Door("GET", "/v1/endpoints/{name}/openapi.json", "predict", self._openapi),
            Door("GET", "/v1/endpoints/{name}", "predict", self._endpoint),
            Door("GET", "/v1/endpoints", "predict", self._endpoints),
            Door("GET", "/health/live", "open", self._live),
            Door("GET", "/health/ready", "open", self._ready),
            Door("GET", "/metrics", "operate", self._metrics),
        ]

    def _openapi(self, _: Request, reply: Reply, names: Names) -> None:
        name = names["name"]
        specs = () if self._features is None else self._features.of(name)
        by = tuple(spec.key for spec in specs)
        self._tell(reply, name, partial(openapi, keys=self._keys, by=by))

    def _endpoint(self, _: Request, reply: Reply, names: Names) -> None:
        self._tell(reply, names["name"], partial(self._describe, whole=True))

    def _tell(self, reply: Reply, name: str, describe: Callable[[Route], object]) -> None:
        try:
            reply(json_response(describe(self._plane.route(name))))
        except FairleadError as error:
            reply(native_shape(refusal_of(error)))

    def _endpoints(self, _: Request, reply: Reply, names: Names) -> None:  # noqa: ARG002
        routes = [endpoint.route for endpoint in self._plane.endpoints.values()]
        routes += self._plane.idle.values()
        reply(json_response({"endpoints": [self._describe(r, whole=False) for r in routes]}))

    def _live(self, _: Request, reply: Reply, names: Names) -> None:  # noqa: ARG002
        reply(json_response({"live": True}))

    def _ready(self, _: Request, reply: Reply, names: Names) -> None:  # noqa: ARG002
        health = self._health()
        reply(json_response(health, 200 if health.ready else 503))

    def _metrics(self, request: Request, reply: Reply, names: Names) -> None:  # noqa: ARG002
        reply(exposition(self._samples(), request.headers.get(b"accept")))

    def _describe(self, route: Route, *, whole: bool) -> dict[str, object]:
        """What callers may know of an endpoint."""
        described: dict[str, object] = {
            "name": route.endpoint,
            "revision": route.revision,
            "arms": [
                {"name": arm.name, "version": arm.version.name, "weight": arm.weight}
                for arm in route.arms
            ],
        }
        if route.automation.mode != "full":
            described["mode"] = route.automation.mode
        if route.endpoint in self._plane.idle:
            described["idle"] = True
        if whole:
            described["signature"] = route.signature
        return described
