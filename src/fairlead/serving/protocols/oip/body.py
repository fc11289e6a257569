"""The bodies of REST: JSON, or JSON with the tensors' bytes after it, or bytes alone.

What a body is does not depend on its content type, which clients leave out or get wrong, but
on the header that tells how long its JSON is: without it all is JSON; where it says 0, all is
the bytes of the only input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fairlead.errors import InputError
from fairlead.serving.message import Request, Response
from fairlead.serving.protocols.oip.specs import TensorSpec
from fairlead.serving.protocols.oip.tensors import from_json, from_raw, to_json, to_raw
from fairlead.serving.protocols.oip.types import (
    BYTES,
    Answered,
    Asked,
    Parameter,
    Tensor,
    Wanted,
    called,
    datatype_named,
)
from fairlead.signature import UNREADABLE, parse_json

LENGTH_HEADER = b"inference-header-content-length"
BINARY = b"application/octet-stream"
NOT_SPOKEN = ("classification", "shared_memory_region", "sequence_id")


_NO_DATA = msgspec.Raw()


class _Input(msgspec.Struct, gc=False):
    name: str
    shape: list[int]
    datatype: str
    data: msgspec.Raw = _NO_DATA
    parameters: dict[str, Any] = {}


class _Output(msgspec.Struct, gc=False):
    name: str
    parameters: dict[str, Any] = {}


class _Body(msgspec.Struct):
    inputs: list[_Input]
    id: str | None = None
    outputs: list[_Output] | None = None
    parameters: dict[str, Parameter] = {}


_decode = msgspec.json.Decoder(_Body).decode


def read_body(request: Request, inputs: tuple[TensorSpec, ...]) -> Asked:
    """What a request asks for.

    Args:
        request: with its body decompressed.
        inputs: of the model.

    Raises:
        InputError: it is not of the protocol's form.
    """
    given = request.headers.get(LENGTH_HEADER)
    if given is None:
        head, blobs = request.body, memoryview(b"")
    else:
        length = int(given) if given.isdigit() and len(given) < 10 else -1
        if not 0 <= length <= len(request.body):
            raise InputError(
                f"The header {LENGTH_HEADER.decode()} is no number of bytes of this body.",
                hint="It is the length of the JSON, before the first tensor's bytes.",
            )
        if not length:
            return _raw(request.body, inputs)
        head, blobs = request.body[:length], memoryview(request.body)[length:]
    body = _parse(head)
    binary = _flag(body.parameters, "binary_data_output", otherwise=False)
    outputs = None
    if body.outputs is not None:
        outputs = [
            Wanted(o.name, _flag(_spoken(o.parameters), "binary_data", otherwise=binary))
            for o in body.outputs
        ]
    return Asked(body.id, _tensors(body.inputs, blobs), outputs, _spoken(body.parameters), binary)


def _parse(head: bytes) -> _Body:
    try:
        return _decode(head)
    except UNREADABLE as error:
        parse_json(head)  # says it if this is no JSON at all
        reason = str(error) if isinstance(error, msgspec.ValidationError) else "unreadable"
        raise InputError(
            f"The body is not of the protocol's form: {reason}.",
            hint='An input is {"name": ..., "shape": [...], "datatype": ..., "data": [...]}.',
        ) from None


def _spoken(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Parameters, unless one asks for what is not offered and cannot be passed over."""
    for name in NOT_SPOKEN:
        if parameters.get(name):
            raise InputError(
                f"The parameter '{name}' belongs to an extension that this server does not have.",
                hint="GET /v2 lists its extensions.",
            )
    return parameters


def _flag(parameters: Mapping[str, Any], name: str, *, otherwise: bool) -> bool:
    value = parameters.get(name, otherwise)
    if not isinstance(value, bool):
        raise InputError(f"The parameter '{name}' is neither true nor false.")
    return value


def _tensors(inputs: list[_Input], blobs: memoryview) -> list[Tensor]:
    """Every input, binary ones from the bytes in their order."""
    tensors = []
    for item in inputs:
        place = called(item.name)
        datatype = datatype_named(item.datatype, place)
        size = _spoken(item.parameters).get("binary_data_size") if item.parameters else None
        if size is None:
            if item.data is _NO_DATA:
                raise InputError(f"{place} has no data.")
            tensors.append(from_json(item.name, datatype, item.shape, item.data))
            continue
        if type(size) is not int or not 0 <= size <= len(blobs):
            raise InputError(
                f"{place} has a binary_data_size that is no number of the bytes there are.",
                hint=f"The bytes of the tensors come after the JSON, whose length "
                f"{LENGTH_HEADER.decode()} tells.",
            )
        if item.data is not _NO_DATA:
            raise InputError(f"{place} has both data and binary_data_size.")
        tensors.append(from_raw(item.name, datatype, item.shape, blobs[:size]))
        blobs = blobs[size:]
    if len(blobs):
        raise InputError(f"{len(blobs)} bytes follow that belong to no input.")
    return tensors


def _raw(body: bytes, inputs: tuple[TensorSpec, ...]) -> Asked:
    """A request that is nothing but the bytes of its only input."""
    if len(inputs) != 1:
        raise InputError(
            f"A raw request is for models of one input; this one has {len(inputs)}.",
            hint=f"Send JSON first, and its length in {LENGTH_HEADER.decode()}.",
        )
    (spec,) = inputs
    if sum(length == -1 for length in spec.shape) > 1:
        raise InputError("A raw request does not tell more than one varying dimension.")
    return Asked(None, [_raw_tensor(spec, memoryview(body))], binary=True)


def _raw_tensor(spec: TensorSpec, body: memoryview) -> Tensor:
    if spec.datatype is BYTES:
        element = len(body).to_bytes(4, "little") + bytes(body)
        return from_raw(spec.name, BYTES, [1], memoryview(element))
    row_bytes = spec.datatype.size_bytes
    for length in spec.shape[1:]:
        row_bytes *= length
    rows = len(body) // row_bytes if row_bytes else 0
    return from_raw(spec.name, spec.datatype, [rows, *spec.shape[1:]], body)


def write_body(answer: Answered) -> Response:
    """The reply: JSON, and after it the bytes of those outputs that shall be binary."""
    outputs, blobs = [], []
    for tensor, binary in zip(answer.tensors, answer.binary, strict=True):
        output: dict[str, Any] = {
            "name": tensor.name,
            "datatype": tensor.datatype.name,
            "shape": tensor.shape,
        }
        if binary:
            blobs.append(to_raw(tensor))
            output["parameters"] = {"binary_data_size": len(blobs[-1])}
        else:
            output["data"] = to_json(tensor)
        outputs.append(output)
    body: dict[str, Any] = {"model_name": answer.model, "model_version": answer.version}
    if answer.id is not None:
        body["id"] = answer.id
    body["parameters"] = {"prediction_id": answer.prediction_ids}
    body["outputs"] = outputs
    head = msgspec.json.encode(body)
    if not blobs:
        return Response(200, head)
    length = (LENGTH_HEADER, str(len(head)).encode())
    return Response(200, b"".join((head, *blobs)), BINARY, (length,))
