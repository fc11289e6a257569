"""Columns as bytes, between a worker and the process of a model that is Python code."""

from __future__ import annotations

import socket
import struct
import time
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
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes = b""
    values: list[Any] = []


class Message(msgspec.Struct, frozen=True):
    """A question or an answer.

    Args:
        columns: by name.
        error: why there is no answer.
    """

    columns: dict[str, Packed] = {}
    error: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


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


def unpack(message: Message) -> dict[str, Column]:
    """The columns of a message.

    Raises:
        ValueError: they are not whole.
    """
    return {name: _unpack(packed) for name, packed in message.columns.items()}


def _unpack(packed: Packed) -> Column:
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


def send(sock: socket.socket, raw: bytes, deadline_s: float | None = None) -> None:
    """Send what `encode` made.

    Args:
        sock: to the peer.
        raw: the message.
        deadline_s: on the monotonic clock; None to wait for ever.

    Raises:
        OSError: the peer is gone; TimeoutError if it does not take it in time.
    """
    sock.settimeout(_left_s(deadline_s))
    sock.sendall(raw)


def receive(sock: socket.socket, deadline_s: float | None = None) -> Message:
    """Receive a message whole.

    Args:
        sock: to the peer.
        deadline_s: on the monotonic clock; None to wait for ever.

    Raises:
        OSError: the peer is gone; TimeoutError if it does not send it all in time.
        ValueError: it is not a message.
    """
    size = HEADER.unpack(_exactly(sock, HEADER.size, deadline_s))[0]
    if size > MESSAGE_BYTES_MAX:
        raise ValueError("a message that is too long")
    return _decode(_exactly(sock, size, deadline_s))


def _left_s(deadline_s: float | None) -> float | None:
    """What is left of the time; a socket without any would not wait, but fail otherwise."""
    return None if deadline_s is None else max(1e-3, deadline_s - time.monotonic())


def _exactly(sock: socket.socket, size: int, deadline_s: float | None) -> bytes:
    raw = bytearray(size)
    view, done = memoryview(raw), 0
    while done < size:
        if deadline_s is not None and time.monotonic() > deadline_s:
            raise TimeoutError("the message is not whole in time")
        sock.settimeout(_left_s(deadline_s))
        got = sock.recv_into(view[done:])
        if got == 0:
            raise ConnectionError("the peer hung up")
        done += got
    return bytes(raw)
