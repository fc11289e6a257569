"""From tensors to a batch: one tensor for each field, or one matrix by position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import InputError
from fairlead.serving.protocols.oip.types import BYTES, Tensor, called
from fairlead.signature import (
    NUMERIC,
    ArrayReader,
    Batch,
    Field,
    Signature,
    families,
    fits_shape,
)

Values = npt.NDArray[Any]


class InputReader:
    """Reads the tensors of requests to one signature.

    Args:
        signature: what the rows must fit.
    """

    def __init__(self, signature: Signature) -> None:
        self._fields = {field.name: field for field in signature.inputs}
        self._arrays = ArrayReader(signature)
        self._all_numeric = all(field.kind in NUMERIC for field in signature.inputs)
        self._all_text = all(map(_is_text, signature.inputs))

    def read(self, tensors: Sequence[Tensor]) -> Batch:
        """Make a batch of what a request brings.

        Args:
            tensors: one for each field, of shape [n] or [n, 1], or [n, ...] for a tensor; or a
                single one of shape [n, fields] whose columns are the fields in the signature's
                order, where all fields are numbers, or all are text.

        Raises:
            InputError: something is wrong; names the input, or every row and field.
        """
        if not tensors:
            raise InputError("There are no inputs.", hint="Send one tensor for each field.")
        if self._is_matrix(tensors):
            return self._read_matrix(tensors[0])
        columns: dict[str, Values] = {}
        for tensor in tensors:
            if tensor.name in columns:
                raise InputError(f"{called(tensor.name)} comes twice.", hint="Send it once.")
            field = self._fields.get(tensor.name)
            columns[tensor.name] = tensor.values if field is None else _column(field, tensor)
            if len(tensor.values) != len(tensors[0].values):
                raise InputError(
                    f"{called(tensor.name)} has {len(tensor.values)} rows, the first input "
                    f"{len(tensors[0].values)}.",
                    hint="The first dimension of every input is the rows.",
                )
        return self._arrays.columns(len(tensors[0].values), columns)

    def _is_matrix(self, tensors: Sequence[Tensor]) -> bool:
        """Whether one tensor stands for all fields, by position."""
        if len(tensors) != 1 or tensors[0].values.ndim != 2:
            return False
        field = self._fields.get(tensors[0].name)
        return field is None or (field.kind != "tensor" and tensors[0].shape[1] != 1)

    def _read_matrix(self, tensor: Tensor) -> Batch:
        text = tensor.datatype is BYTES
        if not (self._all_text if text else self._all_numeric):
            kind = "text" if text else "numbers"
            raise InputError(
                f"{called(tensor.name)} stands for all fields, but not all of them are {kind}.",
                hint=f"Send one input for each field: {', '.join(self._fields)}.",
            )
        values = _as_text(tensor) if text else tensor.values
        return self._arrays.matrix(values)


def _is_text(field: Field) -> bool:
    return field.kind == "text" or (field.kind == "category" and families(field) == {"text"})


def _column(field: Field, tensor: Tensor) -> Values:
    """A field's values as the signature reads them, in the tensor's shape less a last 1."""
    if field.kind in NUMERIC and tensor.values.ndim == 1 and tensor.datatype is not BYTES:
        return tensor.values
    if field.kind == "tensor":
        if not fits_shape(tensor.shape[1:], field.shape):
            raise _wrong_shape(tensor, "n, " + ", ".join(map(str, field.shape)))
        return _as_text(tensor) if tensor.datatype is BYTES else tensor.values
    if tensor.values.ndim != 1 and tensor.shape[1:] != (1,):
        raise _wrong_shape(tensor, "n] or [n, 1")
    flat = Tensor(tensor.name, tensor.datatype, tensor.values.reshape(-1))
    if field.kind == "timestamp" and flat.datatype is not BYTES:
        return _as_times(flat)
    if flat.datatype is BYTES and field.kind not in ("image", "audio"):
        return _as_text(flat)
    return flat.values


def _wrong_shape(tensor: Tensor, expected: str) -> InputError:
    shape = ", ".join(map(str, tensor.shape))
    return InputError(f"{called(tensor.name)} has shape [{shape}]; expected [{expected}].")


def _as_text(tensor: Tensor) -> Values:
    """Elements of BYTES as text; those of JSON are text already."""
    texts = np.empty(tensor.values.size, dtype=object)
    try:
        texts[:] = [
            value.decode() if isinstance(value, bytes) else value
            for value in tensor.values.ravel().tolist()
        ]
    except UnicodeDecodeError:
        raise InputError(
            f"{called(tensor.name)} has an element that is not UTF-8.",
            hint="Encode text as UTF-8.",
        ) from None
    return texts.reshape(tensor.shape)


def _as_times(tensor: Tensor) -> Values:
    if tensor.datatype.name != "INT64":
        raise InputError(
            f"{called(tensor.name)} is a time; {tensor.datatype.name} does not say which.",
            hint="Send BYTES in ISO 8601, or INT64 microseconds since 1970.",
        )
    if tensor.values.dtype.kind != "O":
        return tensor.values.astype(np.int64).view("datetime64[us]")
    missing = np.iinfo(np.int64).min
    times = [missing if value is None else value for value in tensor.values.tolist()]
    try:
        return np.array(times, dtype=np.int64).view("datetime64[us]")
    except OverflowError:
        raise InputError(f"{called(tensor.name)} has numbers beyond the range of INT64.") from None
