"""A connection to an address that was looked at, which ends when its time is up, come what may."""

from __future__ import annotations

import contextlib
import http.client
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from email.message import EmailMessage

from fairlead.alerts.address import Target, resolve
from fairlead.errors import DeadlineError, UnavailableError


@contextlib.contextmanager
def connected(
    host: str, port: int, timeout_s: float, *, allow_private: bool
) -> Iterator[socket.socket]:
    """Connect, and cut the connection when the time is up: a receiver may be slow at every byte.

    Raises:
        UnavailableError: nobody takes the connection.
        DeadlineError: the time was up.
    """
    begun_s = time.monotonic()
    sock = _dial(host, port, timeout_s, allow_private=allow_private)
    sock.settimeout(None)  # the timer below ends all of it, which one wait's own limit does not
    twin = sock.dup()  # whatever becomes of the first, e.g. under TLS, this reaches the connection
    late = threading.Event()

    def cut() -> None:
        late.set()
        with contextlib.suppress(OSError):
            twin.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, timeout_s - (time.monotonic() - begun_s)), cut)
    timer.daemon = True
    timer.start()
    try:
        yield sock
    except (OSError, http.client.HTTPException):
        if late.is_set():
            raise DeadlineError(f"'{host}' did not answer within {timeout_s:g} s.") from None
        raise
    finally:
        timer.cancel()
        twin.close()
        sock.close()


def _dial(host: str, port: int, timeout_s: float, *, allow_private: bool) -> socket.socket:
    addresses = resolve(host, port, allow_private=allow_private)
    for address in addresses:
        with contextlib.suppress(OSError):
            return socket.create_connection(address, timeout_s / len(addresses))
    raise UnavailableError(f"'{host}' takes no connection on port {port}.")


def post(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    allow_private: bool,
    tls: ssl.SSLContext | None,
) -> int:
    """Send one POST. Redirects are not followed, and proxies of the environment not used.

    Args:
        target: where to.
        body: JSON.
        headers: beside those of every request.
        timeout_s: for all of it.
        allow_private: whether this machine and private networks are meant.
        tls: for https.

    Returns:
        The status of the answer.
    """
    with connected(target.host, target.port, timeout_s, allow_private=allow_private) as sock:
        if target.scheme == "https":
            context = tls or ssl.create_default_context()
            sock = context.wrap_socket(sock, server_hostname=target.host)
        connection = http.client.HTTPConnection(target.host, target.port, timeout=timeout_s)
        connection.sock = sock
        try:
            fixed = {"content-type": "application/json", "user-agent": "fairlead"}
            connection.request("POST", target.path, body, {**fixed, **headers})
            return connection.getresponse().status
        finally:
            connection.close()


class _Smtp(smtplib.SMTP):
    """Speaks over a connection that is there already."""

    def __init__(self, host: str, sock: socket.socket, timeout_s: float) -> None:
        self._ready = sock
        address = sock.getsockname()[0]
        own = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
        super().__init__(host, 25, own, timeout_s)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002
        return self._ready


def mail(
    message: EmailMessage,
    host: str,
    port: int,
    *,
    login: tuple[str, str] | None,
    starttls: bool,
    timeout_s: float,
    allow_private: bool,
    tls: ssl.SSLContext | None,
) -> None:
    """Hand one message to a mail server.

    Args:
        message: with sender and recipients.
        host: of the server.
        port: of the server.
        login: user and password, if one must log in.
        starttls: whether the connection must become TLS first.
        timeout_s: for all of it.
        allow_private: whether this machine and private networks are meant.
        tls: for STARTTLS.
    """
    with connected(host, port, timeout_s, allow_private=allow_private) as sock:
        server = _Smtp(host, sock, timeout_s)
        try:
            if starttls:
                server.starttls(context=tls or ssl.create_default_context())
            if login is not None:
                server.login(*login)
            server.send_message(message)
            server.quit()
        finally:
            server.close()
