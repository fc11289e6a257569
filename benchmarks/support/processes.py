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
START_S_MAX = 180.0
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # neither ours nor the rivals' asks the network
LOAD = Path(__file__).with_name("load.py")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def running(
    arguments: list[str], cores: set[int], python: str = sys.executable
) -> Iterator[subprocess.Popen[bytes]]:
    """A process, on some cores, until the end of the block; its children end with it.

    Args:
        arguments: of the interpreter.
        cores: that it may use.
        python: the interpreter.
    """
    process = subprocess.Popen(
        [python, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        yield process
    finally:
        family = tree(process.pid)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pid in family[1:]:  # some servers leave theirs behind
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def until_answered(server: subprocess.Popen[bytes], port: int, raw: bytes) -> None:
    """Send a request until it is answered with 200."""
    deadline_s = time.monotonic() + START_S_MAX
    while True:
        reply = b"nobody listens"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(raw)
            reply = sock.recv(1 << 16)
            if reply.startswith(b"HTTP/1.1 200"):
                return
        assert server.poll() is None, f"the server ended: {server.returncode}"
        assert time.monotonic() < deadline_s, reply
        time.sleep(0.05)


def request(path: str, body: bytes, headers: str = "content-type: application/json") -> bytes:
    """One request, as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def measure(
    port: int, raw: bytes, connections: int, seconds: float, pids: list[int], cores: set[int]
) -> dict[str, Any]:
    """Load a port from another core, and add what the server's processes used."""
    before_s = sum(map(cpu_s, pids))
    finished = subprocess.run(
        [sys.executable, str(LOAD), str(port), str(connections), str(seconds)],
        input=raw,
        stdout=subprocess.PIPE,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    used_s = sum(map(cpu_s, pids)) - before_s
    found: dict[str, Any] = json.loads(finished.stdout)
    good = found["statuses"].get("200", 0)
    found["good_per_s"] = good / found["seconds"]
    found["good_share"] = good / found["requests"]
    found["cpu_us"] = used_s / found["requests"] * 1e6
    found["per_cpu_s"] = good / used_s
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, all its threads, so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def children(pid: int) -> list[int]:
    """The children of a process, of all its threads."""
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for each in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, each.read_text().split())
    return found


def tree(pid: int) -> list[int]:
    """A process and all that it started, directly or not."""
    return [pid, *(below for child in children(pid) for below in tree(child))]


def runs(pid: int, module: str) -> bool:
    """Whether a process was started as `python -m <module>`."""
    return module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
