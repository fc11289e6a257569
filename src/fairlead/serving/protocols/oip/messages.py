"""Tensors from and to the messages of gRPC: as raw bytes, or element by element in typed fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fairlead.errors import InputError
from fairlead.serving.protocols.oip import oip_pb2 as pb
from fairlead.serving.protocols.oip.tensors import from_raw, to_raw
from fairlead.serving.protocols.oip.types import (
    BYTES,
    Answered,
    Asked,
    Datatype,
    Parameter,
    Tensor,
    Wanted,
    called,
    check_shape,
    datatype_named,
)

_CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def read_message(message: pb.ModelInferRequest) -> Asked:
    """What a request asks for.

    Raises:
        InputError: its tensors are not as they say.
    """
    raw = list(message.raw_input_contents)
    if raw and len(raw) != len(message.inputs):
        raise InputError(
            f"There are raw contents for {len(raw)} of {len(message.inputs)} inputs.",
            hint="Where one input is raw all are, in the order of the inputs.",
        )
    outputs = [Wanted(output.name, bool(raw)) for output in message.outputs]
    return Asked(
        id=message.id or None,
        tensors=[
            _tensor(item, raw[place] if raw else None) for place, item in enumerate(message.inputs)
        ],
        outputs=outputs or None,
        parameters=_parameters(message.parameters),
        binary=bool(raw),
    )


def _parameters(given: Mapping[str, pb.InferParameter]) -> dict[str, Parameter]:
    chosen = {name: (value, value.WhichOneof("parameter_choice")) for name, value in given.items()}
    return {name: getattr(value, field) for name, (value, field) in chosen.items() if field}


def _tensor(item: pb.ModelInferRequest.InferInputTensor, raw: bytes | None) -> Tensor:
    place = called(item.name)
    datatype = datatype_named(item.datatype, place)
    if raw is None:
        return _typed(item, datatype, place)
    if item.HasField("contents"):
        raise InputError(f"{place} has both raw and typed contents.", hint="Send one of them.")
    return from_raw(item.name, datatype, item.shape, memoryview(raw))


def _typed(item: pb.ModelInferRequest.InferInputTensor, datatype: Datatype, place: str) -> Tensor:
    count = check_shape(item.shape, place)
    if datatype.name not in _CONTENTS:
        raise InputError(
            f"{place} is {datatype.name}, which has no typed contents.",
            hint="Send it in raw_input_contents.",
        )
    given = getattr(item.contents, _CONTENTS[datatype.name])
    if len(given) != count:
        raise InputError(
            f"{place} has {len(given)} elements in {_CONTENTS[datatype.name]}; "
            f"its shape takes {count}."
        )
    values: Any = np.empty(count, datatype.numpy)
    try:
        values[:] = given
    except OverflowError:
        raise InputError(f"{place} has numbers beyond the range of {datatype.name}.") from None
    return Tensor(item.name, datatype, values.reshape(item.shape))


def write_message(answer: Answered) -> pb.ModelInferResponse:
    """The reply: outputs in the form in which the inputs came."""
    message = pb.ModelInferResponse(
        model_name=answer.model, model_version=answer.version, id=answer.id or ""
    )
    message.parameters["prediction_id"].string_param = answer.prediction_ids
    for tensor, raw in zip(answer.tensors, answer.binary, strict=True):
        output = message.outputs.add(
            name=tensor.name, datatype=tensor.datatype.name, shape=tensor.shape
        )
        if raw:
            message.raw_output_contents.append(to_raw(tensor))
        else:
            contents = getattr(output.contents, _CONTENTS[tensor.datatype.name])
            contents.extend(_elements(tensor))
    return message


def _elements(tensor: Tensor) -> list[Any]:
    values: list[Any] = tensor.values.ravel().tolist()
    if tensor.datatype is not BYTES:
        return values
    return [value.encode() if isinstance(value, str) else value or b"" for value in values]
