"""Messages over a socket pair: one JSON value a line; the end of it tells of the peer's death."""

from __future__ import annotations

import contextlib
import socket
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


class Channel(Generic[T]):
    """One end of a pair, that receives values of one type.

    Args:
        sock: connected; made non-blocking here.
        receives: the type of incoming values.
    """

    def __init__(self, sock: socket.socket, receives: type[T]) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._decode = msgspec.json.Decoder(receives).decode
        self._incoming = b""
        self._outgoing = b""

    def send(self, value: msgspec.Struct) -> bool:
        """Send a value, without waiting.

        While the peer does not read, values are dropped, since statuses are sent again; but what
        was begun of one goes out before the next, or the peer would misread all that follow.

        Returns:
            False once the peer is gone.
        """
        try:
            self._flush()
            if not self._outgoing:
                self._outgoing = msgspec.json.encode(value) + b"\n"
                self._flush()
        except OSError:
            return False
        return True

    def _flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._outgoing:
                self._outgoing = self._outgoing[self.sock.send(self._outgoing) :]

    def receive(self) -> list[T] | None:
        """The values that have come in.

        Returns:
            What there is, perhaps nothing; None once the peer is gone or talks nonsense.
        """
        try:
            while data := self.sock.recv(1 << 16):
                self._incoming += data
        except BlockingIOError:
            *lines, self._incoming = self._incoming.split(b"\n")
            with contextlib.suppress(msgspec.DecodeError):  # it is not what it should be
                return [self._decode(line) for line in lines]
            return None
        except OSError:
            return None
        return None

    def close(self) -> None:
        """Hang up."""
        self.sock.close()


class Order(msgspec.Struct, frozen=True):
    """What the supervisor tells a child."""

    order: str
