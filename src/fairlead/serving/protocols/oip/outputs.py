"""From answers to tensors: one for each output field that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from fairlead.errors import InputError, ModelError
from fairlead.nearest import nearest
from fairlead.routing import number_of
from fairlead.serving.protocols.oip.specs import spec_of
from fairlead.serving.protocols.oip.types import BYTES, NAME_SHOWN, Answered, Asked, Tensor, Wanted
from fairlead.serving.types import Answer, Outputs, Part
from fairlead.signature import Batch, Field, Signature

Values = npt.NDArray[Any]


class OutputWriter:
    """Makes the tensors of answers to requests to one signature.

    Args:
        signature: of the endpoint. Its datatypes and its order of classes hold for every
            version that answers.
    """

    def __init__(self, signature: Signature) -> None:
        self._fields = {field.name: field for field in signature.outputs}
        self._specs = {field.name: spec_of(field) for field in signature.outputs}

    def wanted(self, asked: Asked) -> Sequence[Wanted]:
        """The outputs that a request gets: those it names, or all.

        Raises:
            InputError: it names one that there is not, or one twice.
        """
        if not asked.outputs:
            return [Wanted(name, asked.binary) for name in self._specs]
        seen: set[str] = set()
        for output in asked.outputs:
            if output.name not in self._specs:
                shown = output.name[:NAME_SHOWN]
                close = nearest(shown, self._specs)
                there = f"There are {', '.join(self._specs)}."
                raise InputError(
                    f"There is no output '{shown}'.",
                    hint=f"Did you mean '{close}'?" if close else there,
                )
            if output.name in seen:
                raise InputError(f"Output '{output.name}' is asked for twice.")
            seen.add(output.name)
        return asked.outputs

    def answered(self, asked: Asked, wanted: Sequence[Wanted], answer: Answer) -> Answered:
        """What a request is answered.

        Args:
            asked: the request.
            wanted: the outputs.
            answer: of the data plane; of one arm, since all rows of a request have one unit.

        Raises:
            ModelError: an answer has none of its datatype's values.
        """
        (part,) = answer.parts
        return Answered(
            model=answer.endpoint,
            version=number_of(part.source.version),
            id=asked.id,
            prediction_ids=",".join(part.ids.texts()),
            tensors=self._tensors(wanted, part),
            binary=[output.binary for output in wanted],
        )

    def _tensors(self, wanted: Sequence[Wanted], part: Part) -> list[Tensor]:
        """The wanted outputs of a request, out of those of all that ran together, made once."""
        outputs, start, rows = part.answered.outputs, part.answered.start, part.ids.count
        try:
            whole = outputs.view(self._whole)
        except ModelError:  # of others' rows, or of what this request does not want
            fields = {field.name: field for field in part.fields}
            return [self._tensor(fields[output.name], part.outputs) for output in wanted]
        if rows == outputs.batch.rows:
            return [whole[output.name] for output in wanted]
        return [whole[output.name].take(start, start + rows) for output in wanted]

    def _whole(self, outputs: Outputs) -> dict[str, Tensor]:
        wanted = [field for field in outputs.fields if field.name in self._specs]
        return {field.name: self._tensor(field, outputs.batch) for field in wanted}

    def _tensor(self, field: Field, batch: Batch) -> Tensor:
        """One output, as a version answered it, as the endpoint declares it."""
        values, datatype = batch.column(field.name), self._specs[field.name].datatype
        if field.kind == "tensor":
            values = _in_order(field, self._fields[field.name], values)
        elif field.kind == "timestamp":
            written = np.datetime_as_string(cast(Any, values), unit="us").tolist()
            values = _objects([None if time == "NaT" else time + "Z" for time in written])
        if datatype is BYTES:
            return Tensor(field.name, BYTES, _texts(values))
        return Tensor(field.name, datatype, _numbers(field, datatype.numpy, values))


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
