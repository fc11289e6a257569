"""Servers that are gone, drop, stall and lie: what is sent again, and what is not."""

from __future__ import annotations

import datetime as dt
import os
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from email.utils import format_datetime
from pathlib import Path

import pytest
from scripted import DROP, Move, predictions, refusal, reply, serving

from fairlead.client import Client
from fairlead.clock import ManualClock
from fairlead.errors import DeadlineError, FairleadError, StorageError, UnavailableError

ANSWER = predictions({"label": "yes"})
ACCEPTED = reply({"accepted": 1})
ITEM = [{"id": "a", "value": 1}]
BUSY = reply(
    {"error": {"code": "unavailable", "message": "Draining."}},
    503,
    retry_after="2",
    connection="close",
)


class Pauses(list[float]):
    """Notes how long the client would have slept, and lets that time pass at once."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()

    def __call__(self, seconds: float) -> None:
        self.append(seconds)
        self.clock.advance(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


def client_of(url: str, pauses: Pauses, timeout_s: float = 30.0) -> Client:
    return Client(url, timeout_s=timeout_s, clock=pauses.clock, sleep=pauses)


@pytest.fixture
def nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def test_a_refused_connection_is_tried_again_with_growing_pauses(
    nobody: str, pauses: Pauses
) -> None:
    with pytest.raises(UnavailableError, match="refuses connections") as caught:
        client_of(nobody, pauses).predict("m", {"a": 1})
    assert "may have been answered" not in str(caught.value)
    assert len(pauses) == 3
    for pause_s, most_s in zip(pauses, (0.1, 0.2, 0.4), strict=True):
        assert most_s / 2 <= pause_s <= most_s


def test_a_server_that_comes_up_meanwhile_is_reached(nobody: str, pauses: Pauses) -> None:
    host, port = nobody.removeprefix("http://").split(":")
    started: list[socket.socket] = []

    def start(_: float) -> None:
        if not started:
            started.append(socket.create_server((host, int(port))))
            threading.Thread(target=answer).start()

    def answer() -> None:
        line, _ = started[0].accept()
        with line:
            line.recv(65536)
            line.sendall(ANSWER.data)

    with Client(nobody, sleep=start) as client:
        assert client.predict("m", {"a": 1})["label"] == "yes"
    started[0].close()


def test_503_with_retry_after_is_tried_again_as_late_as_asked(pauses: Pauses) -> None:
    with serving(BUSY, BUSY, ANSWER) as server, client_of(server.url, pauses) as client:
        assert client.predict("m", {"a": 1})["label"] == "yes"
    assert [2.0 <= pause_s <= 2.3 for pause_s in pauses] == [True, True]


def test_retry_after_may_be_a_date(pauses: Pauses) -> None:
    now = dt.datetime.fromtimestamp(pauses.clock.now_us() / 1e6, dt.UTC)
    for asked_s in (10, -10):
        at = format_datetime(now + dt.timedelta(seconds=asked_s), usegmt=True)
        busy = reply(b"busy", 503, retry_after=at, connection="close")
        with serving(busy, ANSWER) as server, client_of(server.url, pauses) as client:
            client.predict("m", {"a": 1})
        now = dt.datetime.fromtimestamp(pauses.clock.now_us() / 1e6, dt.UTC)
    assert 10.0 <= pauses[0] <= 10.2
    assert pauses[1] <= 0.1


def test_a_pause_longer_than_the_time_left_is_not_begun(pauses: Pauses) -> None:
    with (
        serving(BUSY) as server,
        client_of(server.url, pauses, timeout_s=2.0) as client,
        pytest.raises(UnavailableError, match="Draining") as caught,
    ):
        client.predict("m", {"a": 1})
    assert caught.value.retry_after_s == 2.0
    assert pauses == []


def test_rows_are_not_sent_again_once_they_may_have_been_answered(pauses: Pauses) -> None:
    half = Move(ANSWER.data[:-10], close=True)
    chunked = Move(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"pre", close=True
    )  # fmt: skip
    for move in (DROP, half, chunked, Move(b"\x00\xff" * 20, close=True)):
        with serving(move) as server, client_of(server.url, pauses) as client:
            with pytest.raises(UnavailableError, match="may have been answered"):
                client.predict("m", {"a": 1})
            assert len(server.asked) == 1
    assert pauses == []


def test_questions_and_feedback_are_sent_again(pauses: Pauses) -> None:
    half = Move(ACCEPTED.data[:-3], close=True)
    bad_gateway = reply(b"<html>", 502)
    with (
        serving(DROP, half, bad_gateway, ACCEPTED) as server,
        client_of(server.url, pauses) as client,
    ):
        assert client.feedback("m", ITEM) == 1
        assert len(server.asked) == 4
    with serving(DROP, reply({"endpoints": []})) as server, client_of(server.url, pauses) as client:
        assert client.endpoints() == []


def test_503_that_promises_nothing_is_final_for_rows(pauses: Pauses) -> None:
    full = refusal(503, "storage_failed", "The disk is full.")
    with serving(full, full, ACCEPTED) as server, client_of(server.url, pauses) as client:
        with pytest.raises(StorageError):
            client.predict("m", {"a": 1})
        assert client.feedback("m", ITEM) == 1


def test_a_connection_that_the_server_ended_meanwhile_is_not_used(pauses: Pauses) -> None:
    ends = Move(ANSWER.data, close=True)  # without saying so
    with serving(ends, ANSWER) as server, client_of(server.url, pauses) as client:
        client.predict("m", {"a": 1})
        assert server.closed.acquire(timeout=10)
        assert client.predict("m", {"a": 1})["label"] == "yes"
        assert server.connections == 2
    assert pauses == []


def test_silence_ends_in_time_and_says_what_is_unknown() -> None:
    over = threading.Event()
    with serving(Move(before=over.wait)) as server, Client(server.url, timeout_s=0.2) as client:
        with pytest.raises(DeadlineError, match="may have been answered"):
            client.predict("m", {"a": 1})
        over.set()


def test_a_reply_that_drips_ends_in_time_all_the_same(pauses: Pauses) -> None:
    drip = Move(ANSWER.data[:-5], before=lambda: pauses.clock.advance(31.0), then=ANSWER.data[-5:])
    with (
        serving(drip) as server,
        client_of(server.url, pauses) as client,
        pytest.raises(DeadlineError),
    ):
        client.predict("m", {"a": 1})


@pytest.mark.parametrize(
    "move",
    [
        reply(b"<html>Welcome to nginx</html>"),
        reply(b""),
        reply(b"\xff\xfe{}"),
        reply(b"[" * 100_000),
        reply({"predictions": "none"}),
        reply({"predictions": []}),
        reply(b"<html>", 404),
        reply(b"", 301, location="http://elsewhere.test/"),
        reply({"error": "no"}, 500),
        Move(b"HTTP/1.1 200 OK\r\ncontent-le", close=True),
    ],
)
def test_a_reply_of_someone_else_names_host_and_status(move: Move, pauses: Pauses) -> None:
    status = move.data.split()[1].decode()
    with serving(move) as server, client_of(server.url, pauses) as client:
        with pytest.raises(UnavailableError, match="not one of Fairlead's") as caught:
            client.predict("m", {"a": 1})
        assert server.url in str(caught.value)
        assert f"status {status}" in str(caught.value)
        assert "nginx" not in str(caught.value)


def test_readiness_is_asked_once_and_never_raises(nobody: str, pauses: Pauses) -> None:
    assert client_of(nobody, pauses).ready() is False
    for move in (DROP, reply(b"garbage"), reply({"ready": False}, 503)):
        with serving(move) as server, client_of(server.url, pauses) as client:
            assert client.ready() is False
    assert pauses == []


def test_threads_share_a_client_and_none_gets_anothers_answer() -> None:
    with serving(*[ANSWER] * 40) as server, Client(server.url) as client:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda n: client.predict("m", {"n": n}), range(40)))
        assert len(answers) == 40
        assert sorted(asked.body["rows"][0]["n"] for asked in server.asked) == list(range(40))
        assert server.connections <= 4


def test_a_forked_process_does_not_talk_on_its_parents_connections() -> None:
    with serving(ANSWER, ANSWER, ANSWER) as server, Client(server.url) as client:
        client.predict("m", {"a": 1})
        transport = client._transport
        transport._process = os.getpid() + 1  # as a child would find it
        client.predict("m", {"a": 1})
        assert server.connections == 2


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_https_is_spoken_with_servers_that_are_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, pauses: Pauses
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(ANSWER, ANSWER, context=context) as server:
        with pytest.raises(UnavailableError, match="certificate"):
            client_of(server.url, pauses).predict("m", {"a": 1})
        assert (pauses, server.asked) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with client_of(server.url, pauses) as client:
            client.predict("m", {"a": 1})
            assert client.predict("m", {"a": 1})["label"] == "yes"
        assert server.connections == 2


def test_an_unknown_name_is_told(pauses: Pauses) -> None:
    with pytest.raises(FairleadError, match="not reached"):
        client_of("http://no-such-host.invalid", pauses).endpoints()
