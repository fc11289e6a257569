"""What a platform must bear: crowds, nonsense, requests that stop halfway, kills and freezes."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from random import Random
from typing import Any
from urllib.parse import urlsplit

from support.platform import Platform, children
from support.soak.callers import BUSY, Book, Stage
from support.soak.doors import DOORS, judge
from support.soak.oracle import Oracle
from support.waiting import POLL_S, until

CROWD, ROUNDS = 400, 2
TIMEOUTS_MS = (5, 50, 5000)
HALVES = 40
FROZEN_ANSWERS, FROZEN_S = 200, 1.0
PREDICT = "/v1/endpoints/churn/predict"


def _post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "host: localhost",
        f"content-length: {len(body)}",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


NONSENSE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 nobody speaks TLS here \r\n\r\n",
    b"GET\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 40_000 + b"\r\n\r\n",
    b"GET /%ff HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"GET /nowhere HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"DELETE " + PREDICT.encode() + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999\r\n\r\n",
    _post(PREDICT, b""),
    _post(PREDICT, b"{"),
    _post(PREDICT, b"\xff\xfe"),
    _post(PREDICT, b"[" * 50_000),
    _post(PREDICT, b'{"rows": [{"age": "old", "visits": 1, "plan": "pro"}]}'),
    _post(PREDICT, b'{"rows": [{"age": 1e999, "visits": 1, "plan": "pro"}]}'),
    _post(PREDICT, b'{"rows": [' + b'{"age":1,"visits":1,"plan":"pro"},' * 20_000 + b"{}]}"),
    _post(PREDICT, b"not gzip", "content-encoding: gzip"),
    _post(PREDICT, b"PAR1", "content-type: application/vnd.apache.parquet"),
    _post(PREDICT, b"--x--", "content-type: multipart/form-data; boundary=x"),
    _post(PREDICT, b"a,b\n1,2,3\n", "content-type: text/csv"),
    _post("/v1/endpoints/chrun/predict", b"{}"),
    _post("/v2/models/churn/infer", b'{"inputs": [{"name": "age"}]}'),
    _post("/v2/models/churn/infer", b"{}", "inference-header-content-length: 99"),
    _post("/v2/models/churn/versions/9/infer", b'{"inputs": []}'),
    _post("/invocations", b'{"dataframe_split": {"columns": ["age"], "data": [[1, 2]]}}'),
    _post("/v1/models/churn:predict", b'{"instances": 7}'),
)


class Torment:
    """Does one bad thing at a time, and says when it is over.

    Args:
        platform: that bears it.
        oracle: knows the answers.
        stage: knows who may answer.
        book: of what was heard.
        answers: how many were given so far to all callers.
        seed: of its choices.
    """

    def __init__(
        self,
        platform: Platform,
        oracle: Oracle,
        stage: Stage,
        book: Book,
        answers: Callable[[], int],
        seed: int,
    ) -> None:
        self._platform, self._oracle, self._stage, self._book = platform, oracle, stage, book
        self._answers = answers
        self._random = Random(seed)
        self._version = "churn:1"
        address = urlsplit(platform.addresses.api)
        self._address = (address.hostname or "", address.port or 0)
        self.kills = 0

    def gentle(self) -> tuple[Callable[[], None], ...]:
        """What must break nothing at all."""
        return (self.swap, self.swap, self.crowd, self.nonsense, self.halves, self.freeze)

    def harsh(self) -> tuple[Callable[[], None], ...]:
        """What may break connections to the process that is killed."""
        return (*self.gentle(), self.kill, self.kill, self.kill_while_swapping)

    def swap(self) -> None:
        """Release the other version."""
        self._begin_swap()
        self._platform.run("deploy", self._version, "--strategy=now")
        self._stage.move(self._version)

    def _begin_swap(self) -> None:
        self._version = {"churn:1": "churn:2", "churn:2": "churn:1"}[self._version]
        self._stage.move("churn:1", "churn:2")

    def kill_while_swapping(self) -> None:
        """Kill a process in the middle of a release, which may fail, and release again."""
        self._begin_swap()
        with self._platform.start("deploy", self._version, "--strategy=now") as command:
            before = self._answers()
            step = self._random.randrange(600)
            until(
                lambda: self._answers() > before + step or command.poll() is not None, "the moment"
            )
            self.kill()
            command.wait(120)
        self._platform.run("deploy", self._version, "--strategy=now")
        self._stage.move(self._version)

    def kill(self) -> None:
        """Kill a worker or the controller, and wait until there is another."""
        platform = self._platform
        old = children(platform.process.pid)
        victim = self._random.choice(old)
        os.kill(victim, signal.SIGKILL)
        self.kills += 1

        def whole() -> bool:
            now = children(platform.process.pid)
            if len(now) < len(old) or victim in now or not platform.ready():
                return False
            workers = platform.workers()
            return len(workers) == len(old) - 1 and all(worker["ready"] for worker in workers)

        until(whole, "a whole platform")

    def freeze(self) -> None:
        """Stop a worker until others were answered, or for about a second."""
        pid = self._random.choice(self._platform.workers())["pid"]
        before = self._answers()
        os.kill(pid, signal.SIGSTOP)
        thawed_s = time.monotonic() + FROZEN_S  # all callers may be its own
        try:
            while self._answers() <= before + FROZEN_ANSWERS and time.monotonic() < thawed_s:
                time.sleep(POLL_S)
        finally:
            os.kill(pid, signal.SIGCONT)

    def nonsense(self) -> None:
        """Say what makes no sense; it is refused, as the caller's own fault."""
        for raw in self._random.sample(NONSENSE, 8):
            status, body = self._say(raw)
            self._book.statuses["nonsense", status] += 1
            if not 400 <= status < 500 and status not in BUSY:
                self._book.wrong.append(f"nonsense {raw[:60]!r}: {status} {body[:200]!r}")

    def halves(self) -> None:
        """Send the first parts of requests, and hang up once others were answered meanwhile."""
        raw = self._question()[0]
        with ExitStack() as opened:
            for _ in range(HALVES):
                sock = opened.enter_context(socket.create_connection(self._address, 30))
                sock.sendall(raw[: self._random.randrange(1, len(raw))])
            before = self._answers()
            until(lambda: self._answers() > before + 20, "answers beside halves")

    def crowd(self) -> None:
        """Come by the hundreds at once; who is answered is answered right."""
        with ExitStack() as opened:
            socks = [
                opened.enter_context(socket.create_connection(self._address, 30))
                for _ in range(CROWD)
            ]
            for _ in range(ROUNDS):
                since, asked = self._stage.now, []
                for sock in socks:
                    raw, places = self._question()
                    sock.sendall(raw)
                    asked.append((sock, places))
                for sock, places in asked:
                    self._hear(sock, places, since)

    def _question(self) -> tuple[bytes, list[int]]:
        places = self._random.sample(range(len(self._oracle.rows)), 2)
        question = DOORS[0].ask([self._oracle.rows[place] for place in places])
        timeout_ms = self._random.choice(TIMEOUTS_MS)
        raw = _post(question.path, question.body, f"fairlead-timeout-ms: {timeout_ms}")
        return raw, places

    def _hear(
        self, sock: socket.socket, places: list[int], since: tuple[int, frozenset[str]]
    ) -> None:
        try:
            status, raw = _reply(sock)
        except (OSError, http.client.HTTPException) as error:
            self._book.broken[f"crowd: {type(error).__name__}"] += 1
            return
        self._book.statuses["crowd", status] += 1
        if status == 200:
            told = DOORS[0].read(raw, {})
            right = judge(self._oracle, places, told)
            self._book.note("crowd", told, right, self._stage.allowed(since))
        elif status not in BUSY:
            self._book.wrong.append(f"crowd: {status} {raw[:200]!r}")

    def _say(self, raw: bytes) -> tuple[int, bytes]:
        with socket.create_connection(self._address, 30) as sock:
            sock.sendall(raw)
            return _reply(sock)


def _reply(sock: socket.socket) -> tuple[int, bytes]:
    reply = http.client.HTTPResponse(sock)
    reply.begin()
    return reply.status, reply.read()


def rounds(random: Random, deeds: Iterable[Any]) -> Iterable[Any]:
    """All deeds in another order each time, without end."""
    while True:
        chosen = list(deeds)
        random.shuffle(chosen)
        yield from chosen
