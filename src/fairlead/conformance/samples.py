"""Inputs that a model should take, from what its metadata tells, and their forms on the wire."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from fairlead.conformance.types import Json, Skipped

FORMATS = {
    "BOOL": "?", "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q",
    "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q",
    "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip
BINARY_ONLY = ("FP16", "BF16")
OF_KIND = {
    "timestamp": b"2024-05-01T12:00:00Z",
    "image": b"\x89PNG\r\n\x1a\n",
    "audio": b"fLaC\0\0\0\0",
}
"""Values for inputs of which metadata tells more than the protocol asks."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One input with values.

    Args:
        name: of the input.
        datatype: of its elements.
        shape: without free dimensions.
        values: in row-major order; bytes for BYTES.
        media: whether the bytes are no text, and stand in JSON as base64.
    """

    name: str
    datatype: str
    shape: list[int]
    values: list[Any]
    media: bool = False

    def as_json(self, *, nested: bool = False) -> Json:
        """The input with its data."""
        if self.datatype in BINARY_ONLY:
            raise Skipped(f"{self.datatype} has no form in JSON")
        data = [self._text(v) if isinstance(v, bytes) else v for v in self.values]
        return {**self._head(), "data": nest(data, self.shape) if nested else data}

    def as_binary(self) -> tuple[Json, bytes]:
        """The input without its data, and its bytes."""
        raw = encode(self.datatype, self.values)
        return {**self._head(), "parameters": {"binary_data_size": len(raw)}}, raw

    def times(self, count: int) -> Sample:
        """The same rows over and over."""
        shape = [count * self.shape[0], *self.shape[1:]]
        return Sample(self.name, self.datatype, shape, self.values * count, self.media)

    def _head(self) -> Json:
        return {"name": self.name, "datatype": self.datatype, "shape": self.shape}

    def _text(self, value: bytes) -> str:
        return base64.b64encode(value).decode() if self.media else value.decode()


def sample_of(tensor: Json) -> Sample:
    """Values for an input of a model's metadata: one row of ones, or what it tells of itself."""
    shape = [1 if length < 1 else length for length in tensor["shape"]] or [1]
    datatype, told = tensor["datatype"], tensor.get("parameters") or {}
    kind = str(told.get("kind"))
    value: Any = _one(datatype)
    if told.get("categories"):
        value = told["categories"][0]
        value = value.encode() if isinstance(value, str) else value
    elif datatype == "BYTES":
        value = OF_KIND.get(kind, value)
    media = kind in ("image", "audio")
    return Sample(tensor["name"], datatype, shape, [value] * prod(shape), media)


def _one(datatype: str) -> Any:
    if datatype == "BYTES":
        return b"a"
    if datatype == "BOOL":
        return True
    return 1.0 if datatype.startswith(("FP", "BF")) else 1


def given_sample(given: Json) -> Sample:
    """An input as a person wrote it into a file, in JSON."""
    shape = [int(length) for length in given["shape"]]
    values = flat(given["data"])
    if given["datatype"] == "BYTES":
        values = [value.encode() for value in values]
    return Sample(given["name"], given["datatype"], shape, values)


def flat(data: Any) -> list[Any]:
    """Nested lists as one."""
    return [x for inner in data for x in flat(inner)] if isinstance(data, list) else [data]


def nest(values: list[Any], shape: Sequence[int]) -> list[Any]:
    """A list as lists nested by a shape.

    Example:
        >>> nest([1, 2, 3, 4], [2, 2])
        [[1, 2], [3, 4]]
    """
    if len(shape) < 2:
        return values
    width = prod(shape[1:])
    return [nest(values[i * width : (i + 1) * width], shape[1:]) for i in range(shape[0])]


def encode(datatype: str, values: list[Any]) -> bytes:
    """Values in the protocol's binary form."""
    if datatype == "BYTES":
        return b"".join(struct.pack("<I", len(value)) + value for value in values)
    if datatype == "BF16":
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return struct.pack(f"<{len(values)}{FORMATS[datatype]}", *values)


def decode(datatype: str, raw: bytes) -> list[Any]:
    """Values from the protocol's binary form.

    Raises:
        struct.error: they are torn.
    """
    if datatype == "BF16":
        return [struct.unpack("<f", b"\0\0" + raw[i : i + 2])[0] for i in range(0, len(raw), 2)]
    if datatype != "BYTES":
        code = FORMATS[datatype]
        return list(struct.unpack(f"<{len(raw) // struct.calcsize('<' + code)}{code}", raw))
    values, start = [], 0
    while start < len(raw):
        (length,) = struct.unpack_from("<I", raw, start)
        values.append(raw[start + 4 : start + 4 + length])
        start += 4 + length
    return values
