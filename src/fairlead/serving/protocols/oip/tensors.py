"""Tensors from and to their two forms on the wire: JSON data, and raw bytes.

Raw bytes are little-endian, row-major, without padding; each element of BYTES comes after its
length in four bytes. Sizes are checked against the shape before anything is allocated.
"""

from __future__ import annotations

import base64
import re
import struct
import types
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.errors import InputError
from fairlead.serving.protocols.oip.types import (
    BYTES,
    Datatype,
    Tensor,
    called,
    check_shape,
)
from fairlead.signature import UNREADABLE, parse_json

LENGTH_BYTES = 4
_NESTED = re.compile(rb"\s*\[\s*\[").match


def from_raw(name: str, datatype: Datatype, shape: Sequence[int], raw: memoryview) -> Tensor:
    """A tensor from its bytes.

    Raises:
        InputError: the bytes are not as many as the shape and datatype say.
    """
    place = called(name)
    count = check_shape(shape, place)
    if datatype is BYTES:
        return Tensor(name, datatype, _strings(raw, count, place).reshape(shape))
    if len(raw) != count * datatype.size_bytes:
        raise InputError(
            f"{place} has {len(raw)} bytes; its shape and datatype take "
            f"{count * datatype.size_bytes}.",
            hint="Send little-endian elements in row-major order, without padding.",
        )
    values: npt.NDArray[Any]
    if datatype.name == "BF16":
        values = _from_bfloat(np.frombuffer(raw, "<u2"))
    elif datatype.name == "BOOL":
        values = _from_flags(np.frombuffer(raw, np.uint8), place)
    else:
        values = np.frombuffer(raw, datatype.numpy)
    return Tensor(name, datatype, values.reshape(shape))


def to_raw(tensor: Tensor) -> bytes:
    """The bytes of a tensor."""
    if tensor.datatype is not BYTES:
        return tensor.values.astype(tensor.datatype.numpy, copy=False).tobytes()
    pieces: list[bytes] = []
    for value in tensor.values.ravel().tolist():
        raw = value.encode() if isinstance(value, str) else value or b""
        pieces += (struct.pack("<I", len(raw)), raw)
    return b"".join(pieces)


def _strings(raw: memoryview, count: int, place: str) -> npt.NDArray[np.object_]:
    torn = InputError(
        f"{place} has {len(raw)} bytes, which do not hold the {count} elements of its shape.",
        hint="Each element of BYTES is four bytes of its length, little-endian, and its bytes.",
    )
    if count * LENGTH_BYTES > len(raw):
        raise torn
    values = np.empty(count, dtype=object)
    start = 0
    for number in range(count):
        if start + LENGTH_BYTES > len(raw):
            raise torn
        end = start + LENGTH_BYTES + struct.unpack_from("<I", raw, start)[0]
        values[number] = bytes(raw[start + LENGTH_BYTES : end])
        start = end
    if start != len(raw):
        raise torn
    return values


def _from_bfloat(halves: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """BF16 is the upper half of FP32."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


def _from_flags(raw: npt.NDArray[np.uint8], place: str) -> npt.NDArray[np.bool_]:
    if (raw > 1).any():
        raise InputError(f"{place} has bytes other than 0 and 1, which BOOL does not know.")
    return raw.view(np.bool_)


def from_json(name: str, datatype: Datatype, shape: Sequence[int], data: msgspec.Raw) -> Tensor:
    """A tensor from its JSON data, nested as its shape or flat; null stands for missing.

    Raises:
        InputError: the data is not of this datatype or shape.
    """
    place = called(name)
    count = check_shape(shape, place)
    if not datatype.in_json:
        raise InputError(
            f"{place} is {datatype.name}, which the protocol has no JSON for.",
            hint="Send it as binary data, or as FP32.",
        )
    flat, nesting, plain = _decoded(datatype, memoryview(data), len(shape), place)
    if len(flat) != count or (nesting and nesting != tuple(shape)):
        found = " x ".join(map(str, nesting)) if nesting else f"{len(flat)} elements"
        raise InputError(
            f"{place} has data of {found}; its shape takes {' x '.join(map(str, shape))}.",
            hint="Nest the lists as the shape says, or send one flat list in row-major order.",
        )
    values = (_typed if plain else _checked)(datatype, flat, place)
    return Tensor(name, datatype, values if len(shape) == 1 else values.reshape(shape))


def to_json(tensor: Tensor) -> list[Any]:
    """The data of a tensor as one flat list, fit for JSON.

    Raises:
        InputError: the protocol has no JSON for its datatype.
    """
    if not tensor.datatype.in_json:
        raise InputError(
            f"Output '{tensor.name}' is {tensor.datatype.name}, which the protocol has no JSON "
            "for.",
            hint="Ask for it with binary_data.",
        )
    values: list[Any] = tensor.values.ravel().tolist()
    if tensor.datatype is BYTES:
        return [base64.b64encode(v).decode() if isinstance(v, bytes) else v for v in values]
    return values


def _decoded(
    datatype: Datatype, data: memoryview, dimensions: int, place: str
) -> tuple[list[Any], tuple[int, ...], bool]:
    """The elements in one list; how they were nested, () if not; and whether all have the type."""
    depth = dimensions if _NESTED(data) else 1
    plain = True
    try:
        value = _decoder(datatype.numpy.kind, depth).decode(data)
    except UNREADABLE:
        value, plain = parse_json(bytes(data)), False
        if not isinstance(value, list):
            raise InputError(f"{place} has data that is no list.") from None
    nesting: tuple[int, ...] = ()
    if value and isinstance(value[0], list):
        nesting = (len(value),)
        while value and isinstance(value[0], list):
            width = len(value[0])
            if any(not isinstance(inner, list) or len(inner) != width for inner in value):
                raise InputError(f"{place} has a list of lists of unequal lengths.")
            value = [element for inner in value for element in inner]
            nesting = (*nesting, width)
    return value, nesting, plain


@cache
def _decoder(kind: str, depth: int) -> msgspec.json.Decoder[Any]:
    """What reads data that is plainly right; the rest is read again as plain JSON."""
    nested: Any = {"b": bool, "f": float, "i": int, "u": int, "O": str}[kind]
    for _ in range(depth):
        nested = types.GenericAlias(list, (nested,))
    return msgspec.json.Decoder(nested)


_ELEMENTS: dict[str, tuple[tuple[type, ...], str]] = {
    "b": ((bool,), "true or false"),
    "i": ((int,), "whole numbers"),
    "u": ((int,), "whole numbers above or at 0"),
    "f": ((int, float), "numbers"),
    "O": ((str,), "text"),
}


def _checked(datatype: Datatype, flat: list[Any], place: str) -> npt.NDArray[Any]:
    """Elements of any JSON as an array of their datatype; of objects where some are missing."""
    allowed, words = _ELEMENTS[datatype.numpy.kind]
    kinds = set(map(type, flat))
    if not kinds <= {*allowed, type(None)}:
        raise InputError(f"{place} has data that {datatype.name} does not hold: it takes {words}.")
    return _objects(flat) if type(None) in kinds else _typed(datatype, flat, place)


def _typed(datatype: Datatype, flat: list[Any], place: str) -> npt.NDArray[Any]:
    """Elements of the right type as an array of their datatype."""
    if datatype is BYTES:
        return _objects(flat)
    try:
        if datatype.numpy.kind == "f":  # packing takes half of what NumPy takes
            packed = struct.pack(f"<{len(flat)}{datatype.numpy.char}", *flat)
            return np.frombuffer(packed, datatype.numpy)
        return np.array(flat, dtype=datatype.numpy)
    except OverflowError:
        raise InputError(f"{place} has numbers beyond the range of {datatype.name}.") from None


def _objects(flat: list[Any]) -> npt.NDArray[np.object_]:
    values = np.empty(len(flat), dtype=object)
    values[:] = flat
    return values
