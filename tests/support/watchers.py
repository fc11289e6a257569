"""A real Prometheus, a real Alertmanager and a webhook, each in a folder of its own."""

from __future__ import annotations

import http.server
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import msgspec

from support.platform import ask
from support.waiting import until

END_S_MAX = 20.0


def free_port() -> int:
    """One that nobody has at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def _running(folder: Path, name: str, port: int, *options: str) -> Iterator[str]:
    """A program that answers `/-/ready`, until it is no longer needed; gives its URL."""
    url = f"http://127.0.0.1:{port}"
    log = folder / f"{name}.log"
    program = shutil.which(name)
    assert program is not None
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, f"--web.listen-address=127.0.0.1:{port}", *options],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip

    def is_ready() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return ask(url, "/-/ready").status == 200
        except OSError:
            return False

    try:
        until(is_ready, f"{name} to be ready")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def prometheus(config: Path) -> Iterator[str]:
    """Prometheus with a configuration; gives its URL."""
    data = config.parent / "prometheus"
    options = (f"--config.file={config}", f"--storage.tsdb.path={data}", "--log.level=warn")
    with _running(config.parent, "prometheus", free_port(), *options) as url:
        yield url


@contextmanager
def alertmanager(config: Path, port: int) -> Iterator[str]:
    """Alertmanager with a configuration, alone; gives its URL."""
    data = config.parent / "alertmanager"
    options = (f"--config.file={config}", f"--storage.path={data}", "--cluster.listen-address=")
    with _running(config.parent, "prometheus-alertmanager", port, *options) as url:
        yield url


def query(url: str, expr: str) -> list[dict[str, Any]]:
    """What Prometheus gives for an expression now."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode({"query": expr}).encode()
    reply = ask(url, "/api/v1/query", body, headers=form).json
    assert reply["status"] == "success", reply
    found: list[dict[str, Any]] = reply["data"]["result"]
    return found


class Webhook:
    """Takes posted JSON, on loopback.

    Attributes:
        got: what was posted, in order.
    """

    def __init__(self) -> None:
        got: list[dict[str, Any]] = []
        self.got = got

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def targets(url: str) -> dict[str, str]:
    """How each job's scrape went last, by its name."""
    reply = msgspec.json.decode(ask(url, "/api/v1/targets").body)
    return {
        one["labels"]["job"]: f"{one['health']} {one['lastError']}".strip()
        for one in reply["data"]["activeTargets"]
    }
