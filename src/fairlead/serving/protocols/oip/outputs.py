"""From answers to tensors: one for each output field that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from fairlead.errors import InputError, ModelError
from fairlead.ids import text
from fairlead.nearest import nearest
from fairlead.routing import number_of
from fairlead.serving.protocols.oip.specs import spec_of
from fairlead.serving.protocols.oip.types import BYTES, NAME_SHOWN, Answered, Asked, Tensor, Wanted
from fairlead.serving.types import Answer
from fairlead.signature import Batch, Field, Signature

Values = npt.NDArray[Any]


def wanted_outputs(signature: Signature, asked: Asked) -> Sequence[Wanted]:
    """The outputs that a request gets: those it names, or all.

    Raises:
        InputError: it names one that there is not, or one twice.
    """
    names = [field.name for field in signature.outputs]
    if not asked.outputs:
        return [Wanted(name, asked.binary) for name in names]
    seen: set[str] = set()
    for output in asked.outputs:
        if output.name not in names:
            shown = output.name[:NAME_SHOWN]
            close = nearest(shown, names)
            raise InputError(
                f"There is no output '{shown}'.",
                hint=f"Did you mean '{close}'?" if close else f"There are {', '.join(names)}.",
            )
        if output.name in seen:
            raise InputError(f"Output '{output.name}' is asked for twice.")
        seen.add(output.name)
    return asked.outputs


def answered(
    signature: Signature, asked: Asked, wanted: Sequence[Wanted], answer: Answer
) -> Answered:
    """What a request is answered, in tensors.

    Args:
        signature: of the endpoint; its order of classes holds for every version.
        asked: the request.
        wanted: the outputs.
        answer: of the data plane; of one arm, since all rows of a request have one unit.

    Raises:
        ModelError: an answer does not fit its own tensor.
    """
    (part,) = answer.parts
    fields = {field.name: field for field in part.fields}
    declared = {field.name: field for field in signature.outputs}
    return Answered(
        model=answer.endpoint,
        version=number_of(part.version),
        id=asked.id,
        prediction_ids=",".join(map(text, part.ids)),
        tensors=[
            output_tensor(fields[output.name], declared[output.name], part.outputs)
            for output in wanted
        ],
        binary=[output.binary for output in wanted],
    )


def output_tensor(field: Field, declared: Field, batch: Batch) -> Tensor:
    """One output as a tensor.

    Args:
        field: as the version answers it.
        declared: as the endpoint declares it.
        batch: the answers.

    Raises:
        ModelError: an answer has none of the datatype's values.
    """
    spec = spec_of(declared)
    values = batch.column(field.name)
    if field.kind == "tensor":
        values = _in_order(field, declared, values)
    elif field.kind == "timestamp":
        written = np.datetime_as_string(cast(Any, values), unit="us").tolist()
        values = _objects([None if time == "NaT" else time + "Z" for time in written])
    if spec.datatype is BYTES:
        return Tensor(field.name, BYTES, _texts(values))
    return Tensor(field.name, spec.datatype, _numbers(field, spec.datatype.numpy, values))


def _in_order(field: Field, declared: Field, values: Values) -> Values:
    """Classes in the order that metadata tells, whatever order a version has them in."""
    own, wanted = field.categories or (), declared.categories or ()
    if own == wanted or set(own) != set(wanted):
        return values
    return values[..., [own.index(name) for name in wanted]]


def _numbers(field: Field, dtype: np.dtype[Any], values: Values) -> Values:
    if values.dtype.kind == "O":
        values = np.array(values.tolist(), dtype=np.float64)  # None becomes NaN
    if dtype.kind != "f" and values.dtype.kind == "f" and np.isnan(values).any():
        raise ModelError(f"The model left '{field.name}' of some rows without a value.")
    return values.astype(dtype)


def _texts(values: Values) -> Values:
    """Text and bytes as they are, other values as text."""
    flat = [v if v is None or isinstance(v, bytes) else str(v) for v in values.ravel().tolist()]
    return _objects(flat).reshape(values.shape)


def _objects(values: list[Any]) -> Values:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
