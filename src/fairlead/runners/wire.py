"""Columns as bytes, between a worker and the process of a model that is Python code."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from fairlead.signature import Column

HEADER = struct.Struct("<Q")
MESSAGE_BYTES_MAX = 1 << 31


class Packed(msgspec.Struct, frozen=True):
    """One column.

    Args:
        dtype: NumPy's name of it; `object` for a list of values.
        shape: of the array.
        data: of the array, C order; empty for a list.
        values: of the list.
        at: where it is in the sender's segment of shared memory; -1 if it is in none.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes = b""
    values: list[Any] = []
    at: int = -1


class Message(msgspec.Struct, frozen=True):
    """A question or an answer.

    Args:
        columns: by name.
        error: why there is no answer.
    """

    columns: dict[str, Packed] = {}
    error: str = ""


_encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Message).decode


def pack(columns: Mapping[str, Column]) -> Message:
    """Make a message of columns.

    Raises:
        TypeError: a column holds what no field of a signature can hold.
    """
    return Message({name: _pack(column) for name, column in columns.items()})


def _pack(column: Column) -> Packed:
    if column.dtype.kind in "biufM":
        array = np.ascontiguousarray(column)
        return Packed(column.dtype.str, column.shape, array.view(np.uint8).tobytes())
    if column.dtype.kind in "OU":
        return Packed("object", column.shape, values=column.ravel().tolist())
    raise TypeError(f"a column of type {column.dtype}")


def unpack(packed: Packed) -> Column:
    """A column that is in no segment.

    Raises:
        ValueError: it is not whole.
    """
    if packed.dtype == "object":
        column = np.empty(len(packed.values), dtype=object)
        column[:] = packed.values
        return column.reshape(packed.shape)
    dtype = np.dtype(packed.dtype)
    if dtype.hasobject:
        raise ValueError("a column of objects")
    return np.frombuffer(packed.data, dtype).reshape(packed.shape).copy()


def encode(message: Message) -> bytes:
    """A message as it is sent.

    Raises:
        TypeError, ValueError, OverflowError: a value of it cannot be sent.
    """
    raw = _encode(message)
    return HEADER.pack(len(raw)) + raw
