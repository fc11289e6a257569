"""HTTP over connections that are kept: one request at a time on each, and retries where safe."""

from __future__ import annotations

import os
import random
import select
import socket
import ssl
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from fairlead.client.policy import Failure, Reply, may_repeat, wait_s
from fairlead.clock import Clock
from fairlead.errors import ConfigError, DeadlineError, UnavailableError

CHUNK_BYTES = 64 * 1024
HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/json",
    "User-Agent": "fairlead",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is.

    Args:
        secure: whether it speaks TLS.
        host: its name or IP address.
        port: its TCP port.
        prefix: of every path, without a slash at the end.
    """

    secure: bool
    host: str
    port: int
    prefix: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"


def read_address(url: str) -> Address:
    """Take a URL apart.

    Raises:
        ConfigError: it is not the address of a server.

    Example:
        >>> str(read_address("http://localhost:8080/")), read_address("https://ml.test/a/").prefix
        ('http://localhost:8080', '/a')
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.username is not None
        or parts.query
        or parts.fragment
        or not parts.path.isascii()
        or not url.isprintable()
        or " " in url
    ):
        raise ConfigError(
            "The address of the server cannot be used.",
            hint="Give one like http://127.0.0.1:8080, without a user name, query or fragment.",
        )
    secure = parts.scheme == "https"
    default = 443 if secure else 80
    prefix = parts.path.rstrip("/")
    return Address(secure, parts.hostname, default if port is None else port, prefix)


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key.

    Raises:
        ConfigError: it is not written as a key is.
    """
    if not key.isascii() or not key.isprintable() or " " in key or not key:
        raise ConfigError("The key is not one that 'fairlead keys create' has printed.")
    return {"Authorization": f"Bearer {key}"}


def tls(address: Address, ca: Path | str | ssl.SSLContext | None) -> ssl.SSLContext | None:
    """How a server is known to be the one that is meant; None for a plain address.

    Raises:
        ConfigError: the file of certificates cannot be used, or is for nothing.
    """
    if not address.secure:
        if ca is not None:
            raise ConfigError("`ca` is for addresses that begin with https.")
        return None
    if isinstance(ca, ssl.SSLContext):
        return ca
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ValueError):
        raise ConfigError(f"{ca} cannot be read as a file of certificates.") from None


class Transport:
    """Sends requests to one server.

    Any number of threads may use it: each takes an idle connection, or opens one.

    Args:
        address: of the server.
        timeout_s: of a request, from its start to the end of its reply, retries included.
        retries: how often a request is sent again at most.
        clock: for what is left of the time.
        sleep: waits some seconds.
        headers: of every request, beside those that are always the same.
        context: of TLS; None for a plain address.
    """

    def __init__(
        self,
        address: Address,
        timeout_s: float,
        retries: int,
        clock: Clock,
        sleep: Callable[[float], None],
        headers: Mapping[str, str],
        context: ssl.SSLContext | None,
    ) -> None:
        self.address = address
        self._timeout_s = timeout_s
        self._retries = retries
        self._clock = clock
        self._sleep = sleep
        self._headers = {**HEADERS, **headers}
        self._tls = context
        self._idle: deque[HTTPConnection] = deque()
        self._process = os.getpid()
        weakref.finalize(self, _close_all, self._idle)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        repeatable: bool,
        retries: int | None = None,
    ) -> Reply:
        """Send a request until there is a reply that counts.

        Args:
            method: of HTTP.
            path: under the address.
            body: JSON.
            repeatable: whether it does no harm if the server acts on the request twice.
            retries: at most; those of the transport if not given.

        Raises:
            UnavailableError: no reply came, even if sent again.
            DeadlineError: no reply came in time.
        """
        most = self._retries if retries is None else retries
        deadline_s = self._clock.monotonic_s() + self._timeout_s
        attempt = 0
        while True:
            outcome = self._attempt(method, self.address.prefix + path, body, deadline_s)
            if attempt == most or not may_repeat(outcome, repeatable=repeatable):
                break
            share = random.random()  # noqa: S311  # no secret hangs on it
            pause_s = wait_s(attempt, outcome, share, self._clock.now_us())
            if self._clock.monotonic_s() + pause_s >= deadline_s:
                break
            self._sleep(pause_s)
            attempt += 1
        if isinstance(outcome, Failure):
            raise self._error(outcome, repeatable=repeatable)
        return outcome

    def _error(self, failure: Failure, *, repeatable: bool) -> UnavailableError | DeadlineError:
        message = f"The server at {self.address} {failure.reason}."
        hint = "Look whether it runs, and whether the address is right."
        if failure.sent and not repeatable:
            message = f"{message} The request may have been answered nevertheless."
            hint = "It was not sent again, since its rows would then be answered and logged twice."
        kind = DeadlineError if failure.timed_out and failure.sent else UnavailableError
        return kind(message, hint=hint)

    def _attempt(
        self, method: str, path: str, body: bytes | None, deadline_s: float
    ) -> Reply | Failure:
        try:
            connection = self._take() or self._connect(deadline_s)
        except ssl.SSLCertVerificationError:
            return Failure("has a certificate that is not trusted", sent=False, final=True)
        except (OSError, UnicodeError) as error:
            late = isinstance(error, TimeoutError)
            return Failure(f"is not reached: {_in_words(error)}", sent=False, timed_out=late)
        kept = False
        try:
            reply, kept = self._exchange(connection, method, path, body, deadline_s)
        except TimeoutError:
            return Failure("did not answer in time", sent=True, timed_out=True)
        except (OSError, HTTPException) as error:
            return Failure(f"broke off: {_in_words(error)}", sent=True)
        finally:
            if kept:
                self._idle.append(connection)
            else:
                connection.close()
        return reply

    def _exchange(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        deadline_s: float,
    ) -> tuple[Reply, bool]:
        """One request and its reply, and whether the connection can be used again."""
        connection.sock.settimeout(self._left_s(deadline_s))
        whole = True
        try:
            connection.request(method, path, body, self._headers)
        except (BrokenPipeError, ConnectionResetError):
            whole = False  # it may have refused the request before it had read all of it
        line = connection.sock
        with connection.getresponse() as response:
            content = bytearray()
            while chunk := response.read1(CHUNK_BYTES):
                content += chunk
                line.settimeout(self._left_s(deadline_s))
            _refuse_half(response, len(content))
            kept = whole and not response.will_close
            return Reply(response.status, response.headers, bytes(content)), kept

    def _connect(self, deadline_s: float) -> HTTPConnection:
        address, left_s = self.address, self._left_s(deadline_s)
        connection = (
            HTTPConnection(address.host, address.port, timeout=left_s)
            if self._tls is None
            else HTTPSConnection(address.host, address.port, timeout=left_s, context=self._tls)
        )
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        return connection

    def _take(self) -> HTTPConnection | None:
        """An idle connection that the server has not ended."""
        if self._process != os.getpid():  # forked: these are the parent's
            self._process = os.getpid()
            _close_all(self._idle)
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if not _is_readable(connection.sock):
                return connection
            connection.close()

    def _left_s(self, deadline_s: float) -> float:
        left_s = deadline_s - self._clock.monotonic_s()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def close(self) -> None:
        """End the idle connections; the next request opens one again."""
        _close_all(self._idle)


def _close_all(idle: deque[HTTPConnection]) -> None:
    while idle:
        idle.pop().close()


def _refuse_half(response: HTTPResponse, received: int) -> None:
    """Tell a reply that ended early from a whole one."""
    length = response.headers.get("content-length", "")
    if length.isdigit() and "transfer-encoding" not in response.headers and received < int(length):
        raise HTTPException("the reply ended early")


def _is_readable(line: socket.socket) -> bool:
    """Whether something waits on an idle connection, which can only be its end."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(line, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([line], [], [], 0)[0])


def _in_words(error: Exception) -> str:
    """Why a connection failed, without what a server may have written."""
    match error:
        case ConnectionRefusedError():
            return "it refuses connections"
        case TimeoutError():
            return "it does not accept a connection in time"
        case socket.gaierror() | UnicodeError():
            return "its name is not known"
        case ssl.SSLError():
            return "it does not speak TLS as expected"
        case ConnectionError():  # RemoteDisconnected, too
            return "it ended the connection"
        case OSError() if error.strerror:
            return error.strerror.lower()
        case _:
            return "its reply is not whole"
