"""HTTP over TLS: the same connection, with what TLS does not have."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.app.tls import own_context, server_context
from fairlead.errors import ConfigError
from fairlead.serving.message import Reply, Request, Response
from fairlead.serving.transport.server import HttpLimits
from support.certificates import Certificate, make_certificate
from support.serving import HttpThread, receive, until_closed
from support.waiting import until

LIMITS = HttpLimits(body_bytes_max=1000, linger_s=0.2)
LARGE = b"x" * 3_000_000


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "ml.example")


held: list[Reply] = []


def handle(request: Request, reply: Reply) -> None:
    if request.path == "/later":
        held.append(reply)
        return
    reply(Response(200, LARGE if request.path == "/large" else request.path.encode()))


@pytest.fixture
def server(certificate: Certificate) -> Iterator[HttpThread]:
    held.clear()
    tls = server_context(str(certificate.cert), str(certificate.key))
    with HttpThread(handle, LIMITS, tls) as running:
        yield running


def connect(server: HttpThread, certificate: Certificate) -> ssl.SSLSocket:
    return own_context(str(certificate.cert)).wrap_socket(server.connect())


GET = b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n"


def test_requests_are_answered_in_order_also_large_ones(
    server: HttpThread, certificate: Certificate
) -> None:
    with connect(server, certificate) as sock:
        assert sock.version() == "TLSv1.3"
        sock.sendall(GET % b"/a" + GET % b"/large" + GET % b"/b")
        raw = receive(sock, until=b"\r\n\r\n/b")
        assert raw.index(b"/a") < raw.index(LARGE) < raw.index(b"/b")


def test_after_the_last_reply_the_peer_is_told_of_the_end_at_once(certificate: Certificate) -> None:
    tls = server_context(str(certificate.cert), str(certificate.key))
    patient = HttpLimits(body_bytes_max=1000, linger_s=600.0)
    with HttpThread(handle, patient, tls) as server, connect(server, certificate) as sock:
        sock.sendall(b"GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert until_closed(sock).endswith(b"/last")


def test_what_is_refused_is_told_and_the_connection_ends(
    server: HttpThread, certificate: Certificate
) -> None:
    with connect(server, certificate) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2000\r\n\r\n" + b"x" * 2000)
        assert b"HTTP/1.1 413" in receive(sock, until=b"bytes")
        until(lambda: not server.call(lambda: len(server.server.connections)), "the end")


def hang_up(sock: ssl.SSLSocket) -> None:
    """Tell the server, and hear whether it says the same."""
    with contextlib.suppress(OSError):
        sock.unwrap()


def test_a_peer_that_hangs_up_while_it_is_answered_does_no_harm(
    server: HttpThread, certificate: Certificate, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(server, certificate) as sock:
        sock.sendall(GET % b"/later")
        until(lambda: held, "the request")
        saying = threading.Thread(target=hang_up, args=(sock,))
        saying.start()
        until(lambda: not server.call(lambda: len(server.server.connections)), "the end")
        saying.join()
    server.call(lambda: held[0](Response(200, b"late")))
    assert caplog.records == []


@pytest.mark.parametrize(
    "junk", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05junk!", b"\0" * 100, b""]
)
def test_junk_instead_of_tls_ends_the_connection(server: HttpThread, junk: bytes) -> None:
    with server.connect() as sock:
        sock.sendall(junk)
        sock.shutdown(socket.SHUT_WR)
        try:
            said = until_closed(sock)
        except ConnectionResetError:
            said = b""
        assert b"HTTP" not in said


def test_the_home_knows_its_own_certificate_and_no_other(
    server: HttpThread, certificate: Certificate, tmp_path: Path
) -> None:
    with connect(server, certificate) as sock:
        sock.sendall(GET % b"/a")
        receive(sock, until=b"/a")
    other = make_certificate(tmp_path / "other", "ml.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        own_context(str(other.cert)).wrap_socket(server.connect())
    with pytest.raises(ConfigError, match="cannot be read"):
        own_context(str(tmp_path / "none.pem"))


def test_who_the_authority_of_the_certificate_also_signed_is_not_taken_for_the_platform(
    certificate: Certificate, tmp_path: Path
) -> None:
    """The file holds the authority, too; only its first certificate counts."""
    context = own_context(str(certificate.cert))
    assert len(context.get_ca_certs(binary_form=True)) <= 1
    assert context.cert_store_stats()["x509"] == 1


@pytest.mark.parametrize("damage", ["missing", "swapped", "of another", "empty"])
def test_files_that_are_of_no_use_are_told(
    certificate: Certificate, tmp_path: Path, damage: str
) -> None:
    other = make_certificate(tmp_path / "other", "ml.example")
    empty = tmp_path / "empty.pem"
    empty.touch()
    cert, key = {
        "missing": (certificate.cert, tmp_path / "none.pem"),
        "swapped": (certificate.key, certificate.cert),
        "of another": (certificate.cert, other.key),
        "empty": (empty, certificate.key),
    }[damage]
    with pytest.raises(ConfigError, match="cannot be used") as refused:
        server_context(str(cert), str(key))
    assert "PRIVATE" not in str(refused.value)
