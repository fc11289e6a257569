"""TensorFlow Serving's REST: predict, classify, regress, status and metadata.

    {"instances": [{"age": 42, "plan": "pro"}]}   → {"predictions": [{"label": …, …}]}
    {"inputs": {"age": [42], "plan": ["pro"]}}    → {"outputs": {"label": […], …}}
    {"examples": [{"age": 42, "plan": "pro"}]}    → {"results": [[["left", 0.2], ["stayed", 0.8]]]}

A model here answers by its named outputs as tensors: probabilities are a list in the order of the
classes, which `:classify` names. One output alone drops its name. A missing number is NaN, as
TensorFlow writes it. A version is a number (0 is whichever the route decides), a label the name of
an arm, which those may name who operate the endpoint. The one signature is `serving_default`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import nan
from typing import Any, Literal

from msgspec.structs import replace

from fairlead.errors import FairleadError, InputError
from fairlead.routing import Route, number_of
from fairlead.serving.dataplane import Endpoint, arm_named, route_arm
from fairlead.serving.front import Front, Reading
from fairlead.serving.message import Reply, Request, Response, json_response
from fairlead.serving.protocols.scoring.answers import columns_of, records_of, with_ids
from fairlead.serving.protocols.scoring.instances import from_instances
from fairlead.serving.protocols.scoring.lenient import write_lenient
from fairlead.serving.protocols.scoring.tf_body import Form, PredictBody, examples_of
from fairlead.serving.protocols.scoring.tf_metadata import metadata, status
from fairlead.serving.refusal import Refusal, refusal_of
from fairlead.serving.router import Door, Names
from fairlead.serving.types import Answer
from fairlead.signature import Signature

PREFIXES = ("/v1/models/",)
Method = Literal["classify", "regress"]


def tfserving_shape(refused: Refusal) -> Response:
    """`{"error": "…"}`."""
    response = json_response({"error": str(refused)}, refused.status)
    return Response(response.status, response.body, headers=refused.headers)


class TFServing:
    """Answers as TensorFlow Serving does.

    Args:
        front: takes what is read to the data plane.
    """

    def __init__(self, front: Front) -> None:
        self._front = front
        self._bodies: dict[str, PredictBody] = {}

    def doors(self) -> list[Door]:
        """Where its clients ask; what names a version or label before what does not."""
        places = ("/versions/{version}", "/labels/{label}", "")
        doors = [
            Door("POST", f"/v1/models/{{name}}{place}:{method}", "predict", handler)
            for place in places
            for method, handler in (
                ("predict", self._predict),
                ("classify", self._classify),
                ("regress", self._regress),
            )
        ]
        for place in places:
            path = f"/v1/models/{{name}}{place}"
            doors.append(Door("GET", f"{path}/metadata", "predict", partial(self._tell, metadata)))
            doors.append(Door("GET", path, "predict", partial(self._tell, status)))
        return doors

    def _predict(self, request: Request, reply: Reply, names: Names) -> None:
        self._ask(request, reply, names, self._read_predict)

    def _classify(self, request: Request, reply: Reply, names: Names) -> None:
        self._ask(request, reply, names, partial(self._read_examples, "classify"))

    def _regress(self, request: Request, reply: Reply, names: Names) -> None:
        self._ask(request, reply, names, partial(self._read_examples, "regress"))

    def _ask(
        self,
        request: Request,
        reply: Reply,
        names: Names,
        read: Callable[[Endpoint, Request], Reading],
    ) -> None:
        def read_named(endpoint: Endpoint, request: Request) -> Reading:
            reading = read(endpoint, request)
            return replace(reading, version=_version_in(names), arm=names.get("label", ""))

        named = read_named if "version" in names or "label" in names else read
        self._front.predict(request, reply, names["name"], named, tfserving_shape)

    def _read_predict(self, endpoint: Endpoint, request: Request) -> Reading:
        name = endpoint.route.endpoint
        body = self._bodies.get(name)
        if body is None or body.rows is not endpoint.decoder:
            body = self._bodies[name] = PredictBody(endpoint.decoder, self._front.rows_max)
        batch, form = body.decode(request.body)
        return Reading(batch, with_ids(partial(write, endpoint.route.signature, form)))

    def _read_examples(self, method: Method, endpoint: Endpoint, request: Request) -> Reading:
        signature = endpoint.route.signature
        task = {"classify": "classification", "regress": "regression"}[method]
        if signature.task != task:
            raise InputError(f"This model does no {task}.", hint="Ask for ':predict'.")
        batch = from_instances(signature, examples_of(request.body), self._front.rows_max)
        return Reading(batch, with_ids(partial(_write_results, method, signature)))

    def _tell(
        self,
        describe: Callable[[Route, str, bool], object],
        request: Request,
        reply: Reply,
        names: Names,
    ) -> None:
        try:
            route = self._front.plane.route(names["name"])
            endpoint = self._front.plane.endpoints.get(names["name"])
            version = self._told_of(route, endpoint, request, names)
            reply(json_response(describe(route, version, endpoint is not None)))
        except FairleadError as error:
            reply(tfserving_shape(refusal_of(error)))

    def _told_of(
        self, route: Route, endpoint: Endpoint | None, request: Request, names: Names
    ) -> str:
        """The version that is asked about; empty for all."""
        if "label" in names:
            return number_of(arm_named(route, names["label"]).version.name)
        version = _version_in(names)
        if not version:
            return ""
        self._front.check_named(names["name"], version, request.headers)
        arm = endpoint.version(version).arm if endpoint else route_arm(route, version)
        return number_of(arm.version.name)


def _version_in(names: Names) -> str:
    """The version that a path names; empty if the route is to decide."""
    version = names.get("version", "0")
    return "" if version == "0" else version


def write(signature: Signature, form: Form, answer: Answer) -> Response:
    """Tensors by row, or by column where the request had columns.

    Args:
        signature: of the endpoint.
        form: `instances` or `inputs`.
        answer: of the data plane.
    """
    columns = _tensors(signature, columns_of(answer, signature))
    key = "predictions" if form == "instances" else "outputs"
    found: object = columns
    if len(columns) == 1:
        found = next(iter(columns.values()))
    elif form == "instances":
        found = records_of(columns)
    return Response(200, write_lenient({key: found}))


def _write_results(method: Method, signature: Signature, answer: Answer) -> Response:
    columns = _tensors(signature, columns_of(answer, signature))
    results: list[Any]
    if method == "regress":
        results = next(iter(columns.values()))
    elif "probabilities" in columns:
        names = _classes(signature, "probabilities")
        results = [
            [list(pair) for pair in zip(names, row, strict=True)]
            for row in columns["probabilities"]
        ]
    else:
        results = [[[str(label), 1.0]] for label in columns["label"]]
    return Response(200, write_lenient({"results": results}))


def _tensors(signature: Signature, columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Outputs as TensorFlow has them: no names along an axis, and NaN for no number."""
    for field in signature.outputs:
        if field.kind == "tensor" and field.categories:
            names = _classes(signature, field.name)
            columns[field.name] = [_listed(names, value) for value in columns[field.name]]
        elif field.kind in ("number", "integer") and None in columns[field.name]:
            columns[field.name] = [nan if v is None else v for v in columns[field.name]]
    return columns


def _classes(signature: Signature, output: str) -> list[str]:
    field = next(field for field in signature.outputs if field.name == output)
    return [str(name) for name in field.categories or ()]


def _listed(names: list[str], value: Any) -> Any:
    if isinstance(value, dict):
        return [value.get(name, nan) for name in names]
    return [_listed(names, inner) for inner in value]
