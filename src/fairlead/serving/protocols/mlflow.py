"""The doors of MLflow's scoring server, without the name of an endpoint in their paths.

SageMaker's container contract shares `/ping` and `/invocations` with them. Errors have MLflow's
`error_code` and `message`, and nothing of what was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import msgspec

from fairlead.errors import FairleadError
from fairlead.serving.dataplane import DataPlane
from fairlead.serving.front import Front
from fairlead.serving.message import TEXT, Reply, Request, Response, json_response
from fairlead.serving.protocols.operations import Health
from fairlead.serving.protocols.scoring.invocations import Invocations
from fairlead.serving.refusal import Refusal, refusal, refusal_of
from fairlead.serving.router import Door, Names

PREFIXES = ("/invocations", "/ping", "/version")
ERROR_CODES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def mlflow_shape(refused: Refusal) -> Response:
    """`{"error_code", "message"}`, with the codes of MLflow."""
    otherwise = "INTERNAL_ERROR" if refused.status >= 500 else "BAD_REQUEST"
    code = ERROR_CODES.get(refused.status, otherwise)
    response = json_response({"error_code": code, "message": str(refused)}, refused.status)
    return Response(response.status, response.body, headers=refused.headers)


class MLflow:
    """Answers as a scoring server of MLflow does.

    Args:
        front: takes what is read to the data plane.
        invocations: reads bodies, and knows which endpoint is meant.
        health: tells how the worker is now.
    """

    def __init__(
        self, front: Front, invocations: Invocations, health: Callable[[], Health]
    ) -> None:
        self._front = front
        self._plane: DataPlane = front.plane
        self._invocations = invocations
        self._health = health
        self._version = version("fairlead").encode()

    def doors(self) -> list[Door]:
        """Where MLflow's clients ask."""
        return [
            Door("POST", "/invocations", "predict", self._invoke, self._invocations.about),
            Door("GET", "/ping", "open", lambda _, reply, __: self._ping(reply, b"")),
            Door("GET", "/health", "open", lambda _, reply, __: self._ping(reply, b"\n")),
            Door("GET", "/version", "open", self._tell_version),
        ]

    def _invoke(self, request: Request, reply: Reply, names: Names) -> None:  # noqa: ARG002
        try:
            name = self._invocations.endpoint_name()
        except FairleadError as error:
            self._front.refuse(error, reply, "", mlflow_shape)
            return
        read, slow = self._invocations.read, self._invocations.is_slow(request)
        self._front.predict(request, reply, name, read, mlflow_shape, slow=slow)

    def _ping(self, reply: Reply, body: bytes) -> None:
        """Whether `/invocations` would be answered now; names no endpoints to whom may ask none."""
        try:
            self._plane.route(self._invocations.endpoint_name())
        except FairleadError as error:
            reply(mlflow_shape(msgspec.structs.replace(refusal_of(error), hint="")))
            return
        health = self._health()
        if health.ready:
            reply(Response(200, body, TEXT))
        else:
            reply(mlflow_shape(refusal(503, "The server is not ready.")))

    def _tell_version(self, request: Request, reply: Reply, names: Names) -> None:  # noqa: ARG002
        reply(Response(200, self._version, TEXT))
