"""Receivers of notifications, over real sockets: one speaks HTTP, one takes mail."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import msgspec

from support.certificates import Certificate

HANG = 0
"""In place of a status: take the request, and answer nothing."""

TRICKLE = 1
"""In place of a status: answer, but one byte at a time."""


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class HttpReceiver:
    """Takes what is posted, and answers as it is told to.

    Args:
        statuses: of the answers, in order; the last one from then on.
        certificate: to speak TLS with.
    """

    def __init__(self, *statuses: int, certificate: Certificate | None = None) -> None:
        self.received: list[Received] = []
        self.statuses = list(statuses) or [200]
        self._over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.cert, certificate.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def _handler(self) -> Callable[..., BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
                status = receiver._next()
                if status == TRICKLE:
                    self._trickle()
                if status in (HANG, TRICKLE):
                    receiver._over.wait()
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("location", f"http://127.0.0.1:{receiver.port}/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def _trickle(self) -> None:
                try:
                    while not receiver._over.wait(0.05):
                        self.wfile.write(b"H")
                except OSError:
                    return

            def log_message(self, *_: object) -> None:
                return

        return Handler

    def _next(self) -> int:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@dataclass
class Mail:
    """One message, as it came."""

    sender: str = ""
    to: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    tls: bool = False
    login: str = ""


class MailReceiver:
    """A mail server: EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA.

    Args:
        certificate: to offer STARTTLS with.
        refuse: recipients' status instead of 250.
    """

    def __init__(self, certificate: Certificate | None = None, refuse: int = 250) -> None:
        self.received: list[Mail] = []
        self._certificate = certificate
        self._refuse = refuse
        receiver = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                receiver._talk(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _talk(self, sock: socket.socket) -> None:
        try:
            sock.sendall(b"220 here\r\n")
            self._answer(sock, Mail())
        except OSError:
            return

    def _answer(self, sock: socket.socket, mail: Mail) -> None:
        lines = sock.makefile("rb")
        while line := lines.readline():
            text = line.decode().rstrip()
            verb = text[:4].upper()
            if verb == "STAR":
                sock.sendall(b"220 go on\r\n")
                lines.close()
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                assert self._certificate is not None
                context.load_cert_chain(self._certificate.cert, self._certificate.key)
                with context.wrap_socket(sock, server_side=True) as wrapped:
                    self._answer(wrapped, Mail(tls=True))
                return
            if verb == "QUIT":
                sock.sendall(b"221 bye\r\n")
                return
            sock.sendall(self._reply(verb, text, mail))
            if verb == "DATA":
                mail.lines = [
                    part.decode().rstrip("\r\n") for part in iter(lines.readline, b".\r\n")
                ]
                self.received.append(mail)
                sock.sendall(b"250 taken\r\n")

    def _reply(self, verb: str, text: str, mail: Mail) -> bytes:
        match verb:
            case "EHLO":
                offered = b"250-STARTTLS\r\n" if self._certificate and not mail.tls else b""
                return b"250-here\r\n" + offered + b"250 AUTH PLAIN\r\n"
            case "AUTH":
                mail.login = text.split()[-1]
                return b"235 welcome\r\n"
            case "MAIL":
                mail.sender = text.partition("<")[2].partition(">")[0]
            case "RCPT":
                mail.to.append(text.partition("<")[2].partition(">")[0])
                return b"%d so be it\r\n" % self._refuse
            case "DATA":
                return b"354 go on\r\n"
        return b"250 fine\r\n"
