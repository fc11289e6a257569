"""The line between a worker and the process of a model: messages, and segments of memory."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Mapping

import numpy as np

from fairlead.runners.shared import Incoming, Outgoing, is_shared
from fairlead.runners.wire import (
    HEADER,
    MESSAGE_BYTES_MAX,
    Message,
    Packed,
    decode,
    encode,
    pack,
    unpack,
)
from fairlead.signature import Column

DESCRIPTOR = struct.Struct("i")
_EXTRA_BYTES = socket.CMSG_SPACE(DESCRIPTOR.size)
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Link:
    """One end of it. Questions and answers take turns: a segment holds one message's columns.

    Args:
        sock: to the peer; closed with this.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._outgoing = Outgoing()
        self._incoming = Incoming()

    def encode(self, columns: Mapping[str, Column]) -> bytes:
        """Columns as they are sent next; the large ones are in memory that the peer maps.

        Raises:
            TypeError, ValueError, OverflowError: a value of them cannot be sent.
        """
        shared = {name: column for name, column in columns.items() if is_shared(column)}
        if not shared:
            return encode(pack(columns))
        self._outgoing.begin(shared.values())
        packed = {
            name: Packed(column.dtype.str, column.shape, at=self._outgoing.write(column))
            for name, column in shared.items()
        }
        packed |= pack({n: column for n, column in columns.items() if n not in shared}).columns
        return encode(Message({name: packed[name] for name in columns}))

    def columns(self, message: Message, *, copy: bool = True) -> dict[str, Column]:
        """The columns of the message that was received last.

        Args:
            message: from `receive`.
            copy: whether they are to outlast the next message.

        Raises:
            ValueError: they are not whole.
        """
        return {
            name: self._read(packed, copy) if packed.at >= 0 else unpack(packed)
            for name, packed in message.columns.items()
        }

    def _read(self, packed: Packed, copy: bool) -> Column:
        dtype = np.dtype(packed.dtype)
        if dtype.hasobject:
            raise ValueError("a column of objects")
        column = self._incoming.read(dtype, packed.shape, packed.at)
        return column.copy() if copy else column

    def send(self, raw: bytes, deadline_s: float | None = None) -> None:
        """Send what `encode` made.

        Args:
            raw: the message.
            deadline_s: on the monotonic clock; None to wait for ever.

        Raises:
            OSError: the peer is gone; TimeoutError if it does not take it in time.
        """
        self._sock.settimeout(_left_s(deadline_s))
        descriptor = self._outgoing.take_descriptor()
        if descriptor is not None:
            try:
                sent = socket.send_fds(self._sock, [raw], [descriptor])
            finally:
                os.close(descriptor)
            raw = raw[sent:]
        self._sock.sendall(raw)

    def receive(self, deadline_s: float | None = None) -> Message:
        """Receive a message whole.

        Args:
            deadline_s: on the monotonic clock; None to wait for ever.

        Raises:
            OSError: the peer is gone; TimeoutError if it does not send it all in time.
            ValueError: it is not a message.
        """
        self._sock.settimeout(_left_s(deadline_s))
        start, extra, _, _ = self._sock.recvmsg(HEADER.size, _EXTRA_BYTES, _CLOSE_ON_EXEC)
        for _, _, raw in extra:
            self._incoming.take(DESCRIPTOR.unpack(raw)[0])
        if not start:
            raise ConnectionError("the peer hung up")
        header = start + self._exactly(HEADER.size - len(start), deadline_s)
        size = HEADER.unpack(header)[0]
        if size > MESSAGE_BYTES_MAX:
            raise ValueError("a message that is too long")
        return decode(self._exactly(size, deadline_s))

    def _exactly(self, size: int, deadline_s: float | None) -> bytes:
        raw = bytearray(size)
        view, done = memoryview(raw), 0
        while done < size:
            if deadline_s is not None and time.monotonic() > deadline_s:
                raise TimeoutError("the message is not whole in time")
            self._sock.settimeout(_left_s(deadline_s))
            got = self._sock.recv_into(view[done:])
            if got == 0:
                raise ConnectionError("the peer hung up")
            done += got
        return bytes(raw)

    def close(self) -> None:
        """Hang up."""
        self._sock.close()
        self._outgoing.close()
        self._incoming.close()


def _left_s(deadline_s: float | None) -> float | None:
    """What is left of the time; a socket without any would not wait, but fail otherwise."""
    return None if deadline_s is None else max(1e-3, deadline_s - time.monotonic())
