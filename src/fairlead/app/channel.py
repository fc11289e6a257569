"""Messages over a socket pair: one JSON value a line; the end of it tells of the peer's death."""

from __future__ import annotations

import socket
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)

SEND_S_MAX = 1.0


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

    def send(self, value: msgspec.Struct) -> bool:
        """Send a value.

        Returns:
            False if the peer is gone or does not read; statuses are sent again, so nothing is
            kept back for it.
        """
        line = msgspec.json.encode(value) + b"\n"
        try:
            sent = self.sock.send(line)
            while sent < len(line):  # a line is never left half sent: the peer would misread all
                self.sock.settimeout(SEND_S_MAX)
                sent += self.sock.send(line[sent:])
        except OSError:
            return False
        finally:
            self.sock.setblocking(False)
        return True

    def receive(self) -> list[T] | None:
        """The values that have come in.

        Returns:
            What there is, perhaps nothing; None once the peer is gone.
        """
        try:
            while data := self.sock.recv(1 << 16):
                self._incoming += data
        except BlockingIOError:
            *lines, self._incoming = self._incoming.split(b"\n")
            return [self._decode(line) for line in lines]
        except OSError:
            return None
        return None

    def close(self) -> None:
        """Hang up."""
        self.sock.close()


class Order(msgspec.Struct, frozen=True):
    """What the supervisor tells a child."""

    order: str
