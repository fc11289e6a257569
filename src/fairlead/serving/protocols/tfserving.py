"""TensorFlow Serving's REST: predict, classify, regress, status and metadata.

    {"instances": [{"age": 42, "plan": "pro"}]}   → {"predictions": [{"label": …, …}]}
    {"inputs": {"age": [42], "plan": ["pro"]}}    → {"outputs": {"label": […], …}}
    {"examples": [{"age": 42, "plan": "pro"}]}    → {"results": [[["left", 0.2], ["stayed", 0.8]]]}

A model here answers by its named outputs as tensors: probabilities are a list in the order of the
classes, which `:classify` names. One output alone drops its name. A missing number is NaN, as
TensorFlow writes it. A version is the number of one that the endpoint is routed to (0 is
whichever the route decides), a label the name of an arm. The one signature is `serving_default`.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import partial
from math import nan
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import UNSET

from fairlead.errors import FairleadError, InputError
from fairlead.nearest import nearest
from fairlead.serving.dataplane import Endpoint, arm_of
from fairlead.serving.front import Front, Reading
from fairlead.serving.message import Reply, Request, Response, json_response
from fairlead.serving.protocols.answers import columns_of, records_of
from fairlead.serving.protocols.instances import (
    INSTANCES_HINT,
    rows_of_inputs,
    rows_of_instances,
)
from fairlead.serving.protocols.lenient import decode_lenient, parse_lenient, write_lenient
from fairlead.serving.protocols.tfmetadata import metadata, status
from fairlead.serving.refusal import Refusal, refusal_of
from fairlead.serving.router import Door, Names
from fairlead.serving.types import Answer
from fairlead.signature import Batch, RowDecoder, Signature

PREFIXES = ("/v1/models/",)
SIGNATURES = ("", "serving_default")
FORMS = ("instances", "inputs")
PREDICT_KEYS = ("signature_name", *FORMS)
EXAMPLE_KEYS = ("signature_name", "context", "examples")
NO_ROWS = Batch(0, (), np.empty((0, 0)), {})

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
        self._envelopes: dict[str, _Envelope] = {}

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
        self._ask(request, reply, names, partial(read_examples, "classify"))

    def _regress(self, request: Request, reply: Reply, names: Names) -> None:
        self._ask(request, reply, names, partial(read_examples, "regress"))

    def _ask(
        self,
        request: Request,
        reply: Reply,
        names: Names,
        read: Callable[[Endpoint, Request, str], Reading],
    ) -> None:
        def read_version(endpoint: Endpoint, request: Request) -> Reading:
            return read(endpoint, request, version_in(endpoint, names))

        self._front.predict(request, reply, names["name"], read_version, tfserving_shape)

    def _read_predict(self, endpoint: Endpoint, request: Request, version: str) -> Reading:
        name = endpoint.route.endpoint
        envelope = self._envelopes.get(name)
        if envelope is None or envelope.rows is not endpoint.decoder:
            envelope = self._envelopes[name] = _Envelope(endpoint.decoder)
        batch, form = envelope.decode(request.body)
        return Reading(batch, partial(write, endpoint.route.signature, form), version=version)

    def _tell(
        self,
        describe: Callable[[Endpoint, str], object],
        _: Request,
        reply: Reply,
        names: Names,
    ) -> None:
        try:
            endpoint = self._front.plane.endpoint(names["name"])
            reply(json_response(describe(endpoint, version_in(endpoint, names))))
        except FairleadError as error:
            reply(tfserving_shape(refusal_of(error)))


def version_in(endpoint: Endpoint, names: Names) -> str:
    """The version that a path names; empty if the route is to decide.

    Raises:
        NotFoundError: no arm has this label or version.
    """
    if "label" in names:
        return endpoint.version_of(names["label"])
    version = names.get("version", "0")
    if version == "0":
        return ""
    arm_of(endpoint, version)
    return version


def write(signature: Signature, form: str, answer: Answer) -> Response:
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


def read_examples(method: Method, endpoint: Endpoint, request: Request, version: str) -> Reading:
    """Read a request to classify or to regress.

    Raises:
        InputError: it cannot be read, or the model does something else.
    """
    signature = endpoint.route.signature
    task = {"classify": "classification", "regress": "regression"}[method]
    if signature.task != task:
        raise InputError(f"This model does no {task}.", hint="Ask for ':predict'.")
    rows = _examples(parse_lenient(request.body))
    batch = endpoint.decoder.recover(rows_of_instances(signature, rows)) if rows else NO_ROWS
    return Reading(batch, partial(_write_results, method, signature), version=version)


def _examples(body: object) -> list[object]:
    """The examples of a body, each with what the context says of all."""
    if not isinstance(body, dict) or not isinstance(body.get("examples"), list):
        raise InputError(
            "The body is not an object with a list of 'examples'.",
            hint='Send {"examples": [{"<field>": <value>, ...}, ...]}.',
        )
    _check_keys(body, EXAMPLE_KEYS)
    context, examples = body.get("context", {}), body["examples"]
    if not isinstance(context, dict) or not all(isinstance(e, dict) for e in examples):
        raise InputError("'context' and each of the 'examples' are objects by field name.")
    return [{**context, **example} for example in examples]


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


class _Envelope:
    """Decodes one endpoint's bodies.

    Args:
        rows: decoder of the endpoint's rows.
    """

    def __init__(self, rows: RowDecoder) -> None:
        self.rows = rows
        instances: Any = types.GenericAlias(list, (rows.row_type,))
        body = msgspec.defstruct(
            "Predict",
            [
                ("signature_name", Literal[SIGNATURES], ""),
                ("instances", instances | msgspec.UnsetType, UNSET),
                ("inputs", Any, UNSET),
            ],
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(body)

    def decode(self, body: bytes) -> tuple[Batch, str]:
        """The rows of a body, and the form they had.

        Raises:
            InputError: it cannot be read.
        """
        found = decode_lenient(self._decoder.decode, body)
        if found is None or not found.instances or found.inputs is not UNSET:
            return self._exactly(body)
        return self.rows.gather(found.instances), "instances"

    def _exactly(self, body: bytes) -> tuple[Batch, str]:
        """Read what is by column, or not plainly right."""
        value = parse_lenient(body)
        if not isinstance(value, dict):
            raise InputError("The body is not an object.", hint=INSTANCES_HINT)
        _check_keys(value, PREDICT_KEYS)
        forms = [form for form in FORMS if form in value]
        if len(forms) != 1:
            raise InputError("The body must have 'instances' or 'inputs', and not both.")
        read = rows_of_instances if forms[0] == "instances" else rows_of_inputs
        rows = read(self.rows.signature, value[forms[0]])
        return self.rows.recover(rows) if rows else NO_ROWS, forms[0]


def _check_keys(body: dict[str, object], known: tuple[str, ...]) -> None:
    for key in body:
        if key not in known:
            close = nearest(key, known)
            raise InputError(
                f"The body has a key beside {', '.join(map(repr, known))}.",
                hint=f"Did you mean '{close}'?" if close else INSTANCES_HINT,
            )
    if body.get("signature_name", "") not in SIGNATURES:
        raise InputError("The one signature of a model here is 'serving_default'.")
