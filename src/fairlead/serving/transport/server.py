"""What the connections of one HTTP server share: handler, limits, room, and the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Protocol

from fairlead.serving.message import Handler, Response
from fairlead.serving.refusal import Refusal
from fairlead.serving.transport.admission import Room, Rooms
from fairlead.serving.transport.head import split_target

SWEEP_S = 1.0
TARGETS_MAX = 1024
TARGET_LENGTH_MAX = 200
HOSTS_MAX = 64


class Peer(Protocol):
    """A connection, as its server sees it."""

    def end_if_late(self, now_s: float) -> None:
        """End it if it is silent for too long."""
        ...

    def close_if_idle(self) -> None:
        """Close it unless a request is under way; then its reply closes."""
        ...

    def abort(self) -> None:
        """Close it now."""
        ...


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one connection may ask of the server.

    Args:
        body_bytes_max: of one request.
        header_bytes_max: of the target and all headers of one request.
        read_timeout_s: from a request's first byte to its last.
        grace_s: for which a large body may come slowly while others wait for its room; from then on
            it has to come as fast as `read_timeout_s` asks.
        idle_timeout_s: between two requests.
        linger_s: for which a refused peer may go on sending before it is cut off.
        connections_max: at a time, of the whole server; more are told to come again.
        requests_max: under way at a time, to one path; more wait, undecoded. As many as a batch has
            rows: what is held beyond that costs memory and caches, and brings nothing.
        body_bytes_total_max: of all large bodies at a time; more wait, unread.
    """

    body_bytes_max: int
    header_bytes_max: int = 32 * 1024
    read_timeout_s: float = 30.0
    grace_s: float = 2.0
    idle_timeout_s: float = 75.0
    linger_s: float = 5.0
    connections_max: int = 4096
    requests_max: int = 256
    body_bytes_total_max: int = 256 << 20


class HttpServer:
    """Accepts connections and hands each request to one handler.

    Args:
        loop: that it runs on.
        handler: of every request.
        refuse: writes a refusal as clients of its path expect it.
        limits: of every connection.
        moved: is told each second how many bytes came in and went out.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        handler: Handler,
        refuse: Callable[[str, Refusal], Response],
        limits: HttpLimits,
        moved: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        self.loop = loop
        self.requests = Rooms(limits.requests_max)
        self.bodies = Room(limits.body_bytes_total_max)
        self.handler = handler
        self.refuse = refuse
        self.limits = limits
        self.connections: set[Peer] = set()
        self.draining = False
        self.received_bytes = self.sent_bytes = 0
        self._moved = moved
        self.date = b""
        self.hosts: set[bytes | None] = set()
        self._targets: dict[bytes, tuple[str, bytes]] = {}
        self._sweep()

    def _sweep(self) -> None:
        """Once a second: tell what passed and the date, and end what outstayed its time."""
        self._moved(self.received_bytes, self.sent_bytes)
        self.received_bytes = self.sent_bytes = 0
        self.date = b"date: " + formatdate(usegmt=True).encode() + b"\r\n"
        now_s = self.loop.time()
        for connection in list(self.connections):
            connection.end_if_late(now_s)
        self._timer = self.loop.call_later(SWEEP_S, self._sweep)

    def split(self, target: bytes, headers: Mapping[bytes, bytes]) -> tuple[str, bytes]:
        """The path, decoded, and the query of a request's target; those that recur are kept.

        Raises:
            ValueError: it is not a valid URL, or that of another host.
        """
        found = self._targets.get(target)
        if found is None:
            found = split_target(target, headers.get(b"host"))
            is_path = target.startswith(b"/")  # what else there is depends on the host
            if is_path and len(self._targets) < TARGETS_MAX and len(target) <= TARGET_LENGTH_MAX:
                self._targets[target] = found
        return found

    def keep_host(self, host: bytes) -> None:
        """Remember a host that was found to be one."""
        if len(self.hosts) < HOSTS_MAX:
            self.hosts.add(host)

    def drain(self) -> None:
        """Finish what is under way, and close every connection after it."""
        self.draining = True
        for connection in list(self.connections):
            connection.close_if_idle()

    def close(self) -> None:
        """Close every connection now."""
        self._timer.cancel()
        for connection in list(self.connections):
            connection.abort()
