"""A real platform in processes of its own, for tests to speak to over sockets."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

from fairlead.app.supervisor import Addresses
from fairlead.app.tls import own_context
from support.reply import Reply
from support.waiting import PATIENCE_S, until

STOP_S_MAX = 60.0
LOG_SHOWN = 20_000
"""Characters of it, where a test failed."""


def ask(
    url: str,
    path: str,
    body: bytes | object | None = None,
    method: str | None = None,
    headers: Mapping[str, str] = {},
    cert: str = "",
) -> Reply:
    """One request on a connection of its own; over TLS to who shows this certificate alone."""
    address = urlsplit(url)
    host, port = address.hostname or "", address.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=30, context=own_context(cert))
        if cert
        else http.client.HTTPConnection(host, port, timeout=30)
    )
    raw = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
    try:
        connection.request(method or ("GET" if raw is None else "POST"), path, raw, dict(headers))
        got = connection.getresponse()
        named = {name.lower(): value for name, value in got.headers.items()}
        return Reply(got.status, named, got.read())
    finally:
        connection.close()


def fairlead(home: Path, *arguments: str, status: int = 0) -> str:
    """Run a command and give what it printed; fails if it ends with another status."""
    finished = subprocess.run(
        [sys.executable, "-m", "fairlead", "--home", str(home), *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert finished.returncode == status, f"{finished.stdout}\n{finished.stderr}"
    return finished.stdout if status == 0 else finished.stderr


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parts = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parts[1]) == pid and parts[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def lives(pid: int) -> bool:
    """Whether a process has not ended; one that nobody has waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Platform:
    """`fairlead up` on a home, from before the first line until the last process is gone.

    Args:
        home: of the state.
        options: of `fairlead up`.
        before: what the command is started with, e.g. another program.
    """

    def __init__(self, home: Path, *options: str, before: Sequence[str] = ()) -> None:
        self.home = home
        self._log = home.parent / f"{home.name}.log"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "fairlead", "--home", str(home), "up",
                 "--port=0", "--control-port=0", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            self.addresses = until(self._addresses, "addresses")
            until(lambda: self.ready() and self._has_said_so(), "readiness")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            print(f"What the platform said last:\n{self.log[-LOG_SHOWN:]}")
        self.stop()

    def _has_said_so(self) -> bool:
        return "API " in self.log or '"event":"ready"' in self.log

    @property
    def log(self) -> str:
        """What the processes printed."""
        return self._log.read_text(errors="replace")

    def _addresses(self) -> Addresses | None:
        assert self.process.poll() is None, self.log
        try:
            raw = (self.home / "run" / "addresses.json").read_bytes()
        except FileNotFoundError:
            return None
        addresses = msgspec.json.decode(raw, type=Addresses)
        return addresses if addresses.pid == self.process.pid else None  # a killed one's

    def ready(self) -> bool:
        """Whether both planes say that they are ready."""
        assert self.process.poll() is None, self.log
        try:
            return (
                self.api("/health/ready").status == 200
                and self.control("/health/ready").status == 200
            )
        except OSError:
            return False

    def api(self, path: str, body: object | None = None, **more: Any) -> Reply:
        """Ask the data plane."""
        return ask(self.addresses.api, path, body, cert=self.addresses.tls_cert, **more)

    def control(self, path: str, body: object | None = None, **more: Any) -> Reply:
        """Ask the control plane."""
        return ask(self.addresses.control, path, body, cert=self.addresses.tls_cert, **more)

    def predict(self, endpoint: str, body: object) -> Reply:
        """Ask an endpoint, in native JSON."""
        return self.api(f"/v1/endpoints/{endpoint}/predict", body)

    def workers(self) -> list[dict[str, Any]]:
        """The workers, as the control plane knows them."""
        found: list[dict[str, Any]] = self.control("/v1/workers").json["workers"]
        return found

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run a command on this home."""
        return fairlead(self.home, *arguments, status=status)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command on this home, and do not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "fairlead", "--home", str(self.home), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def link(self) -> str:
        """A link that signs a browser in to the console, once."""
        return self.run("link").strip()

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and see that it ends in order."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                os.kill(self.process.pid, signal.SIGKILL)
                self.process.wait()
                raise AssertionError(f"it did not stop: {self.log}") from None
        assert self.process.returncode == 0, self.log
