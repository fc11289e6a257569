"""Processes under measurement: started on a core of their own, waited for, and accounted for."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")
START_S_MAX = 60.0
LOAD = Path(__file__).with_name("load.py")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def running(arguments: list[str], cores: set[int]) -> Iterator[int]:
    """A process, on some cores, until the end of the block; gives its id."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until_answered(port: int, raw: bytes) -> None:
    """Send a request until it is answered with 200."""
    deadline_s = time.monotonic() + START_S_MAX
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(raw)
            reply = sock.recv(1 << 16)
            if reply.startswith(b"HTTP/1.1 200"):
                return
            assert time.monotonic() < deadline_s, reply
        assert time.monotonic() < deadline_s, "nobody listens"
        time.sleep(0.05)


def request(path: str, body: bytes, headers: str = "content-type: application/json") -> bytes:
    """One request, as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def measure(
    port: int, raw: bytes, connections: int, seconds: float, pids: list[int], cores: set[int]
) -> dict[str, Any]:
    """Load a port from another core, and add what the server's processes used."""
    before = [cpu_s(pid) for pid in pids]
    finished = subprocess.run(
        [sys.executable, str(LOAD), str(port), str(connections), str(seconds)],
        input=raw,
        stdout=subprocess.PIPE,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    used_s = sum(cpu_s(pid) for pid in pids) - sum(before)
    found: dict[str, Any] = json.loads(finished.stdout)
    assert not found["failed"], f"{found['failed']} of {found['requests']} requests failed"
    found["cpu_us"] = used_s / found["requests"] * 1e6
    found["per_cpu_s"] = found["requests"] / used_s
    found["per_s"] = found["requests"] / found["seconds"]
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, all its threads, so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def children(pid: int) -> dict[str, list[int]]:
    """The children of a process, by module."""
    found: dict[str, list[int]] = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        arguments = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        found.setdefault(arguments[2].decode() if len(arguments) > 2 else "", []).append(int(child))
    return found
