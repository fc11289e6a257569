"""A closed-loop load on one port: every connection sends its next request when it has its reply.

    python benchmarks/support/load.py PORT CONNECTIONS SECONDS < request > result.json

The request, bytes of HTTP/1.1, comes on standard input and is sent as it is. Plain epoll and no
parser, so that the load costs less than what it measures.
"""

from __future__ import annotations

import json
import resource
import select
import socket
import sys
import time
from collections import Counter
from typing import Any


def main() -> None:
    port, connections, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    print(json.dumps(drive(port, sys.stdin.buffer.read(), connections, seconds)))


def drive(port: int, request: bytes, connections: int, seconds: float) -> dict[str, Any]:
    """Send for some seconds, and say how it went.

    Returns:
        How many `requests` were answered, with which `statuses`, in how many `seconds`; of those
        with status 200 the `p50_ms`, the `p99_ms` and the `max_ms`.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    epoll = select.epoll()
    peers = {}
    for _ in range(connections):
        sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peers[sock.fileno()] = [sock, 0.0, b""]
        epoll.register(sock, select.EPOLLIN)
    clock = time.perf_counter
    started = clock()
    end = started + seconds
    for peer in peers.values():
        peer[1] = clock()
        peer[0].sendall(request)
    took: list[float] = []
    statuses: Counter[str] = Counter()
    waiting = connections
    while waiting:
        for descriptor, _ in epoll.poll(15.0) or _stuck():
            peer = peers[descriptor]
            data = peer[0].recv(1 << 20)
            now = clock()
            if not data:
                raise SystemExit("the server hung up")
            if peer[2]:
                data = peer[2] + data
            if not _whole(data):
                peer[2] = data
                continue
            peer[2] = b""
            status = data[9:12].decode()
            statuses[status] += 1
            if status == "200":
                took.append(now - peer[1])
            if now < end:
                peer[1] = now
                peer[0].sendall(request)
            else:
                waiting -= 1
    lasted = clock() - started
    took.sort()
    return {
        "requests": statuses.total(),
        "statuses": statuses,
        "seconds": lasted,
        "p50_ms": took[len(took) // 2] * 1e3 if took else None,
        "p99_ms": took[int(len(took) * 0.99)] * 1e3 if took else None,
        "max_ms": took[-1] * 1e3 if took else None,
    }


def _stuck() -> list[tuple[int, int]]:
    raise SystemExit("no reply within 15 s")


def _whole(data: bytes) -> bool:
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return False
    found = data.lower().find(b"content-length:", 0, head)
    if found < 0:  # chunked
        return data.endswith(b"0\r\n\r\n")
    stop = data.index(b"\r", found)
    return len(data) >= head + 4 + int(data[found + 15 : stop])


if __name__ == "__main__":
    main()
