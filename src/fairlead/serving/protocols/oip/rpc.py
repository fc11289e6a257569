"""The protocol over gRPC: its calls as doors, whose bodies are messages."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from fairlead.errors import FairleadError, InputError, NotFoundError
from fairlead.serving.dataplane import Endpoint
from fairlead.serving.front import Front, Reading
from fairlead.serving.message import TEXT, Reply, Request, Response
from fairlead.serving.protocols.oip import oip_pb2 as pb
from fairlead.serving.protocols.oip.infer import Models, reading
from fairlead.serving.protocols.oip.messages import read_message, write_message
from fairlead.serving.protocols.oip.repository import NO_LOADING, Repository
from fairlead.serving.protocols.oip.types import Answered
from fairlead.serving.refusal import Refusal, refusal_of
from fairlead.serving.router import Door, Names

SERVICE = "/inference.GRPCInferenceService/"
HEALTH = "/grpc.health.v1.Health/"
WATCH = HEALTH + "Watch"
PROTOBUF = b"application/grpc+proto"
INFERENCE = ("", SERVICE.strip("/"))
"""Names by which health checks call the whole server."""

M = TypeVar("M", bound=Message)


def rpc_shape(refused: Refusal) -> Response:
    """An error as its text alone; the transport makes a status of gRPC of it."""
    return Response(refused.status, str(refused).encode(), TEXT, refused.headers)


class OipRpc:
    """The calls of the protocol, and of the standard health check.

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
        of_server = {"ServerMetadata": self._server, "RepositoryIndex": self._index}
        of_model = {
            "ModelReady": self._model_ready,
            "ModelMetadata": self._model,
            "ModelConfig": self._config,
            "ModelStatistics": self._statistics,
        }
        return [
            Door("POST", HEALTH + "Check", "open", partial(_answer, self._health)),
            Door("POST", WATCH, "open", partial(_answer, self._watched)),
            Door("POST", SERVICE + "ServerLive", "open", partial(_answer, _live)),
            Door("POST", SERVICE + "ServerReady", "open", partial(_answer, self._server_ready)),
            Door("POST", SERVICE + "ModelInfer", "predict", self._infer, _asked_of),
            Door("POST", SERVICE + "RepositoryModelLoad", "operate", _refuse_loading),
            Door("POST", SERVICE + "RepositoryModelUnload", "operate", _refuse_loading),
            *(
                Door("POST", SERVICE + call, "predict", partial(_answer, tell))
                for call, tell in of_server.items()
            ),
            *(
                Door("POST", SERVICE + call, "predict", partial(_answer, tell), _told_of)
                for call, tell in of_model.items()
            ),
        ]

    def _infer(self, request: Request, reply: Reply, names: Names) -> None:  # noqa: ARG002
        try:
            message = _parsed(pb.ModelInferRequest, request)
        except InputError as error:
            self._front.refuse(error, reply, "", rpc_shape)
            return
        read = partial(self._read, message)
        self._front.predict(request, reply, message.model_name, read, rpc_shape)

    def _read(self, message: pb.ModelInferRequest, endpoint: Endpoint, _: Request) -> Reading:
        model = self._models.of(endpoint)
        return reading(model, read_message(message), message.model_version, _encode)

    def _health(self, request: Request) -> Message:
        service = _parsed(pb.HealthCheckRequest, request).service
        if service in INFERENCE:
            serving = self._repository.server_ready()
        else:
            serving = self._repository.model_ready(service, "")
        status = pb.HealthCheckResponse.SERVING if serving else pb.HealthCheckResponse.NOT_SERVING
        return pb.HealthCheckResponse(status=status)

    def _watched(self, request: Request) -> Message:
        """Of a service that there is not yet, too: it may come while the caller watches."""
        try:
            return self._health(request)
        except NotFoundError:
            return pb.HealthCheckResponse(status=pb.HealthCheckResponse.SERVICE_UNKNOWN)

    def _server_ready(self, _: Request) -> Message:
        return pb.ServerReadyResponse(ready=self._repository.server_ready())

    def _server(self, _: Request) -> Message:
        return _filled(pb.ServerMetadataResponse(), self._repository.server())

    def _model_ready(self, request: Request) -> Message:
        ready = self._repository.model_ready(*self._named(request))
        return pb.ModelReadyResponse(ready=ready)

    def _model(self, request: Request) -> Message:
        told = self._repository.model(*self._named(request))
        return _filled(pb.ModelMetadataResponse(), told)

    def _config(self, request: Request) -> Message:
        told = self._repository.config(*self._named(request))
        return _filled(pb.ModelConfigResponse(), {"config": told})

    def _statistics(self, request: Request) -> Message:
        told = self._repository.statistics(*self._named(request))
        return _filled(pb.ModelStatisticsResponse(), told)

    def _named(self, request: Request) -> tuple[str, str]:
        """The model and the version that a message names, if they are for its caller."""
        asked = _parsed(pb.ModelRequest, request)
        self._front.check_named(asked.name, asked.version, request.headers)
        return asked.name, asked.version

    def _index(self, request: Request) -> Message:
        ready = _parsed(pb.RepositoryIndexRequest, request).ready
        return _filled(
            pb.RepositoryIndexResponse(), {"models": self._repository.index(ready=ready)}
        )


def _live(_: Request) -> Message:
    return pb.ServerLiveResponse(live=True)


def _asked_of(request: Request) -> str:
    """Which model shall answer; none if the message cannot be read, which is told later."""
    with contextlib.suppress(InputError):
        return _parsed(pb.ModelInferRequest, request).model_name
    return ""


def _told_of(request: Request) -> str:
    """Which model is asked about."""
    with contextlib.suppress(InputError):
        return _parsed(pb.ModelRequest, request).name
    return ""


def _parsed(kind: type[M], request: Request) -> M:
    message: M = kind()
    try:
        message.ParseFromString(request.body)
    except DecodeError:
        raise InputError("The message is not of the protocol's form.") from None
    return message


def _filled(message: M, told: object) -> M:
    """A message with what REST tells as JSON, as far as it has fields for it."""
    json_format.Parse(msgspec.json.encode(told), message, ignore_unknown_fields=True)
    return message


def _encode(answer: Answered) -> Response:
    return Response(200, write_message(answer).SerializeToString(), PROTOBUF)


def _answer(
    tell: Callable[[Request], Message],
    request: Request,
    reply: Reply,
    names: Names,  # noqa: ARG001
) -> None:
    try:
        response = Response(200, tell(request).SerializeToString(), PROTOBUF)
    except FairleadError as error:
        response = rpc_shape(refusal_of(error))
    reply(response)


def _refuse_loading(_: Request, reply: Reply, names: Names) -> None:  # noqa: ARG001
    reply(rpc_shape(NO_LOADING))
