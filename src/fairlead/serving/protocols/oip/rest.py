"""The protocol over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from fairlead.errors import FairleadError, InputError
from fairlead.serving.content import decompressed
from fairlead.serving.dataplane import Endpoint
from fairlead.serving.front import Front, Reading
from fairlead.serving.message import Reply, Request, Response, json_response
from fairlead.serving.protocols.oip.body import read_body, write_body
from fairlead.serving.protocols.oip.infer import Models, reading
from fairlead.serving.protocols.oip.repository import NO_LOADING, Repository
from fairlead.serving.refusal import Refusal, refusal_of
from fairlead.serving.router import Door, Names
from fairlead.signature import UNREADABLE

STATUSES = {504: 503}
"""Where the protocol's clients know another status than ours: one of theirs for what is late."""


class _Index(msgspec.Struct):
    ready: bool = False


def oip_shape(refused: Refusal) -> Response:
    """An error as the protocol's clients read it: one text."""
    status = STATUSES.get(refused.status, refused.status)
    response = json_response({"error": str(refused)}, status)
    return Response(status, response.body, headers=refused.headers)


class OipRest:
    """The doors of the protocol.

    Args:
        front: takes requests to the data plane.
        repository: tells of the server and its models.
    """

    def __init__(self, front: Front, repository: Repository) -> None:
        self._front = front
        self._repository = repository
        self._models = Models()

    def doors(self) -> list[Door]:
        """Where they are."""
        model = "/v2/models/{name}"
        doors = [
            Door("GET", "/v2/health/live", "open", self._live),
            Door("GET", "/v2/health/ready", "open", self._ready),
            Door("GET", "/v2", "predict", self._server),
            Door("GET", "/v2/", "predict", self._server),
            Door("POST", "/v2/repository/index", "predict", self._index),
            Door("POST", "/v2/repository/models/{name}/load", "operate", _refuse_loading),
            Door("POST", "/v2/repository/models/{name}/unload", "operate", _refuse_loading),
            Door("GET", "/v2/models/stats", "predict", self._all_statistics),
        ]
        for path in (model + "/versions/{version}", model):
            doors += [
                Door("POST", path + "/infer", "predict", self._infer),
                Door("GET", path + "/ready", "predict", self._model_ready),
                Door("GET", path + "/stats", "predict", self._statistics),
                Door("GET", path + "/config", "predict", self._config),
                Door("GET", path, "predict", self._model),
            ]
        return doors

    def _infer(self, request: Request, reply: Reply, names: Names) -> None:
        read = partial(self._read, names.get("version", ""))
        self._front.predict(request, reply, names["name"], read, oip_shape)

    def _read(self, version: str, endpoint: Endpoint, request: Request) -> Reading:
        model = self._models.of(endpoint)
        return reading(model, read_body(request, model.inputs), version, write_body)

    def _live(self, _: Request, reply: Reply, names: Names) -> None:  # noqa: ARG002
        reply(json_response({"live": True}))

    def _ready(self, _: Request, reply: Reply, names: Names) -> None:  # noqa: ARG002
        ready = self._repository.server_ready()
        reply(json_response({"ready": ready}, 200 if ready else 503))

    def _server(self, _: Request, reply: Reply, names: Names) -> None:  # noqa: ARG002
        reply(json_response(self._repository.server()))

    def _model_ready(self, request: Request, reply: Reply, names: Names) -> None:
        def told() -> Response:
            name, version = self._named(request, names)
            ready = self._repository.model_ready(name, version)
            return json_response({"name": name, "ready": ready}, 200 if ready else 503)

        _answer(reply, told)

    def _model(self, request: Request, reply: Reply, names: Names) -> None:
        self._tell(request, reply, names, self._repository.model)

    def _config(self, request: Request, reply: Reply, names: Names) -> None:
        self._tell(request, reply, names, self._repository.config)

    def _statistics(self, request: Request, reply: Reply, names: Names) -> None:
        self._tell(request, reply, names, self._repository.statistics)

    def _all_statistics(self, request: Request, reply: Reply, names: Names) -> None:
        """Those of all models, unless one has just the name that stands in this path."""
        if self._repository.knows("stats"):
            self._model(request, reply, {"name": "stats"})
        else:
            self._tell(request, reply, {"name": "", **names}, self._repository.statistics)

    def _index(self, request: Request, reply: Reply, names: Names) -> None:  # noqa: ARG002
        _answer(reply, lambda: json_response(self._repository.index(ready=_only_ready(request))))

    def _tell(
        self, request: Request, reply: Reply, names: Names, tell: Callable[[str, str], object]
    ) -> None:
        _answer(reply, lambda: json_response(tell(*self._named(request, names))))

    def _named(self, request: Request, names: Names) -> tuple[str, str]:
        """The model and the version that a path names, if they are for its caller."""
        name, version = names["name"], names.get("version", "")
        self._front.check_named(name, version, request.headers)
        return name, version


def _answer(reply: Reply, make: Callable[[], Response]) -> None:
    try:
        response = make()
    except FairleadError as error:
        response = oip_shape(refusal_of(error))
    reply(response)


def _only_ready(request: Request) -> bool:
    """What the body of an index request says; most clients send none."""
    body = decompressed(request, 1024).body
    try:
        return bool(body.strip()) and msgspec.json.decode(body, type=_Index).ready
    except UNREADABLE:
        raise InputError(
            "The body is not of the protocol's form.", hint='Send none, or {"ready": true}.'
        ) from None


def _refuse_loading(_: Request, reply: Reply, names: Names) -> None:  # noqa: ARG001
    reply(oip_shape(NO_LOADING))
