"""A server on a real socket that plays a script, one move for each request."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Move:
    """What the server does with a request: bytes to send, and whether to end the connection."""

    data: bytes = b""
    close: bool = False
    before: Callable[[], object] | None = None
    then: bytes = b""


DROP = Move(close=True)


def reply(body: object, status: int = 200, **headers: str) -> Move:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return Move("\r\n".join(lines).encode() + b"\r\n\r\n" + content, "connection" in headers)


def predictions(*rows: Mapping[str, object], first: int = 0) -> Move:
    answered = [
        {"id": f"id-{number}", "version": "m:1", "arm": "stable", **row}
        for number, row in enumerate(rows, first)
    ]
    return reply({"endpoint": "m", "revision": 1, "predictions": answered})


def refusal(status: int, code: str, message: str = "No.", **more: object) -> Move:
    return reply({"error": {"code": code, "message": message, **more}}, status)


@dataclass
class Server:
    moves: list[Move]
    context: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    closed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lines: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        scheme = "https" if self.context else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._lines.append(line)
            thread = threading.Thread(target=self._serve, args=(line,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, line: socket.socket) -> None:
        try:
            if self.context:
                line = self.context.wrap_socket(line, server_side=True)
            with line, line.makefile("rb") as stream:
                while (asked := _read(stream)) is not None:
                    move = self.moves.pop(0)
                    self.asked.append(asked)
                    line.sendall(move.data)
                    if move.before:
                        move.before()
                    line.sendall(move.then)
                    if move.close:
                        break
        except OSError:
            pass
        finally:
            line.close()
            self.closed.release()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self._lines:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(10)


def _read(stream: Any) -> Asked | None:
    start = stream.readline().decode()
    if not start:
        return None
    headers: dict[str, str] = {}
    while (line := stream.readline().decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    content = stream.read(int(headers.get("content-length", 0)))
    method, path, _ = start.split()
    return Asked(method, path, headers, json.loads(content) if content else None)


@contextmanager
def serving(*moves: Move, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(list(moves), context)
    try:
        yield server
    finally:
        server.stop()
