"""A platform that asks for keys: what opens it, who is kept out, and how it goes on."""

from __future__ import annotations

import re
import socket
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import fairlead
from fairlead.app.workspace import Workspace
from support.certificates import Certificate, make_certificate
from support.models import ROW, package_churn
from support.platform import Platform, ask
from support.platform import fairlead as run
from support.reply import Reply
from support.waiting import until

pytestmark = pytest.mark.slow

PREDICT = "/v1/endpoints/churn/predict"
ROWS = {"rows": [ROW]}
DATA_PLANE = ("/v1/endpoints", "/v1/endpoints/churn", "/metrics")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "ml.example")


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, certificate: Certificate
) -> Iterator[Platform]:
    """On all addresses of the machine, so with keys and TLS."""
    home = tmp_path_factory.mktemp("access") / ".fairlead"
    package_churn(home)
    package_churn(home, seed=8)
    options = (f"--tls-cert={certificate.cert}", f"--tls-key={certificate.key}")
    with Platform(home, "churn:1", "--workers=2", "--host=0.0.0.0", *options) as running:
        yield running


def make(platform: Platform, name: str, *options: str) -> str:
    """A key; every worker knows it once the command has returned."""
    secret = platform.run("keys", "create", name, *options).strip()
    assert re.fullmatch(r"fl_[0-9a-f]{12}_[0-9a-f]{64}", secret)
    return secret


def known(platform: Platform, secret: str) -> bool:
    """Whether several connections, which go to different workers, are not told 401."""
    asked = [platform.api(PREDICT, ROWS, headers=bearer(secret)).status for _ in range(12)]
    return 401 not in asked


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_nothing_but_health_is_answered_without_a_key(platform: Platform) -> None:
    assert platform.addresses.api.startswith("https://")
    for path in DATA_PLANE:
        refused = platform.api(path)
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert "key" in refused.error["message"]
    assert platform.api(PREDICT, ROWS).status == 401
    assert platform.api("/health/live").status == platform.api("/health/ready").status == 200
    for path in ("/", "/try/churn", "/docs", "/openapi.json", "/v1/models", "/v1/workers"):
        assert platform.control(path).status == 401
    assert platform.control("/v1/endpoints/churn/predict", ROWS).status == 401
    assert platform.control("/health/ready").status == 200


def test_a_key_opens_what_it_is_for(platform: Platform) -> None:
    secret = make(platform, "asker", "--scope=predict", "--endpoint=churn")
    answered = platform.api(PREDICT, ROWS, headers={"x-api-key": secret})
    assert answered.status == 200
    label = {"feedback": [{"id": answered.json["predictions"][0]["id"], "value": "left"}]}
    feedback = "/v1/endpoints/churn/feedback"
    assert platform.api(feedback, label, headers=bearer(secret)).status == 403
    assert platform.api("/v1/endpoints", headers=bearer(secret)).status == 403
    assert platform.api("/v1/endpoints/other/predict", ROWS, headers=bearer(secret)).status == 403
    assert platform.control("/v1/models", headers=bearer(secret)).status == 403
    teller = make(platform, "teller", "--scope=feedback", "--scope=predict")
    assert platform.api(feedback, label, headers=bearer(teller)).json == {"accepted": 1}


def test_the_commands_of_the_home_go_on_working(platform: Platform, tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    rows.write_bytes(msgspec.json.encode([ROW]))
    assert '"version":"churn:1"' in platform.run("predict", "churn", str(rows))
    assert "churn:2 answers" in platform.run("deploy", "churn:2")
    assert '"version":"churn:2"' in platform.run("predict", "churn", str(rows))
    platform.run("deploy", "churn:1")
    file = Workspace(platform.home).home.operator_file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_text()
    platform.run("keys", "revoke", "operator")
    assert not known(platform, before)
    next_one = Workspace(platform.home).operator_secret()
    assert next_one != before
    until(lambda: known(platform, next_one), "the next one is known")
    assert "churn:1" in platform.run("predict", "churn", str(rows))


def test_clients_know_the_server_and_show_their_key(
    platform: Platform, certificate: Certificate
) -> None:
    secret = make(platform, "client", "--scope=predict")
    url = platform.addresses.api.replace("0.0.0.0", "127.0.0.1")
    with pytest.raises(fairlead.UnavailableError, match="not trusted"):
        fairlead.Client(url, key=secret, retries=0).endpoints()
    with pytest.raises(fairlead.UnavailableError, match="not trusted"):
        # the authority is known, but the name is another's
        fairlead.Client(url, key=secret, ca=certificate.authority, retries=0).endpoints()
    context = ssl.create_default_context(cafile=str(certificate.authority))
    context.check_hostname = False
    with fairlead.Client(url, key=secret, ca=context) as client:
        assert client.predict("churn", ROW)["version"] == "churn:1"
        assert secret not in repr(client)
        with pytest.raises(fairlead.ForbiddenError, match="feedback"):
            client.feedback("churn", [{"id": "x", "value": 1}])
    with pytest.raises(fairlead.UnauthorizedError), fairlead.Client(url, ca=context) as nobody:
        nobody.predict("churn", ROW)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_of_tls_and_plain_requests_get_nothing(platform: Platform) -> None:
    port = int(platform.addresses.api.rpartition(":")[2])
    control_port = int(platform.addresses.control.rpartition(":")[2])
    for each in (port, control_port):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", each)) as sock,
            context.wrap_socket(sock) as secure,
        ):
            assert secure.version() == "TLSv1.3"
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", each)) as sock, pytest.raises(OSError):
            context.wrap_socket(sock)
        with socket.create_connection(("127.0.0.1", each), timeout=10) as sock:
            sock.sendall(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            assert b"HTTP/1.1 200" not in drained(sock)


def drained(sock: socket.socket) -> bytes:
    received = b""
    try:
        while data := sock.recv(1 << 16):
            received += data
    except ConnectionResetError:
        pass
    return received


def test_a_revoked_key_is_refused_on_connections_that_are_open(platform: Platform) -> None:
    secret = make(platform, "leaver", "--scope=predict")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    url = platform.addresses.api.replace("0.0.0.0", "127.0.0.1")
    with fairlead.Client(url, key=secret, ca=context) as client:
        client.predict("churn", ROW)
        platform.run("keys", "revoke", "leaver")
        with pytest.raises(fairlead.UnauthorizedError, match="revoked"):
            client.predict("churn", ROW)
    listed = platform.run("keys", "list")
    assert re.search(r"leaver\s.*revoked", listed)
    assert secret.rpartition("_")[2] not in listed


def login(platform: Platform, secret: str, then: str = "/try/churn") -> Reply:
    body = f"key={secret}&then={then}".encode()
    origin = {"Origin": platform.addresses.control}
    return platform.control("/login", body, headers={**FORM, **origin})


def test_a_person_logs_in_with_a_key_once(platform: Platform) -> None:
    secret = make(platform, "ann", "--scope=operate", "--scope=predict")
    wanted = {"Accept": "text/html,*/*"}
    sent = platform.control("/try/churn", headers=wanted)
    assert (sent.status, sent.headers["location"]) == (303, "/login?then=/try/churn")
    page = platform.control(sent.headers["location"], headers=wanted)
    assert page.status == 200
    assert page.headers["referrer-policy"] == "same-origin"
    assert b'value="/try/churn"' in page.body
    entered = login(platform, secret)
    assert (entered.status, entered.headers["location"]) == (303, "/try/churn")
    cookie = entered.headers["set-cookie"]
    for word in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/"):
        assert word in cookie
    assert secret.rpartition("_")[2] not in cookie
    session = {"Cookie": cookie.partition(";")[0]}
    shown = platform.control("/try/churn", headers=session)
    assert shown.status == 200
    found = re.search(rb'name="csrf" value="([0-9a-f]{64})"', shown.body)
    assert found is not None
    csrf = {"X-CSRF-Token": found[1].decode()}
    answered = platform.control("/v1/endpoints/churn/predict", ROWS, headers=session | csrf)
    assert answered.status == 200, answered.body
    assert platform.api(PREDICT, ROWS, headers=session).status == 401, "it is for pages alone"
    wanted = {"Content-Type": "application/json", **session}
    asked = platform.control("/v1/endpoints/churn/releases", {"version": "churn:1"}, headers=wanted)
    assert asked.status == 403, "no other site knows the word of the session"
    wanted |= csrf
    asked = platform.control("/v1/endpoints/churn/releases", {"version": "churn:1"}, headers=wanted)
    assert asked.status == 202
    events = Workspace(platform.home).store.events(subject="release/churn/")
    assert "ann" in {event.actor for event in events}
    forged = {"Cookie": session["Cookie"][:-1] + "x"}
    assert platform.control("/try/churn", headers=forged).status == 401
    platform.run("keys", "revoke", "ann")
    assert platform.control("/try/churn", headers=session).status == 401


def test_what_is_no_key_for_the_pages_opens_none(platform: Platform) -> None:
    secret = make(platform, "bob", "--scope=predict")
    tries = ((secret, b"view", 403), ("junk", b"not valid", 401), ("", b"needs a key", 401))
    for pasted, told, status in tries:
        refused = login(platform, pasted)
        assert refused.status == status
        assert told in refused.body
        assert "set-cookie" not in refused.headers
        assert secret.encode() not in refused.body


@pytest.mark.parametrize("then", ["//evil.example", "https://evil.example", "/%5Cevil", "%0d%0a"])
def test_a_login_leads_nowhere_else(platform: Platform, then: str) -> None:
    secret = Workspace(platform.home).operator_secret()
    assert login(platform, secret, then).headers["location"] == "/"


def test_other_sites_log_nobody_in_or_out(platform: Platform) -> None:
    for path in ("/login", "/logout"):
        for site in ("https://evil.example", "null"):
            sent = platform.control(path, b"key=x", headers={**FORM, "Origin": site})
            assert sent.status == 403


@pytest.mark.parametrize(
    "path",
    ["//v1/models", "/v1/models/", "/static/../v1/models", "/static/..%2f..%2fv1/models",
     "/static/x/../../v1/models", "/health/live/../../v1/models", "/V1/models", "/%2fv1/models",
     "/login/../v1/models", "/health/live%2f..%2f..%2fv1%2fmodels", "/v1/models;x", "/docs/churn"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE"])
def test_no_other_way_to_write_a_path_opens_the_control_plane(
    platform: Platform, path: str, method: str
) -> None:
    assert platform.control(path, method=method).status in (401, 404)


def test_secrets_stand_in_no_file_of_the_home_but_their_own(platform: Platform) -> None:
    secret = make(platform, "quiet", "--scope=predict")
    platform.api(PREDICT, ROWS, headers=bearer(secret[:-1] + "x"))
    random = secret.rpartition("_")[2][:-1].encode()
    files = [path for path in platform.home.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if random in path.read_bytes()] == []
    assert random.decode() not in platform.log
    own = Workspace(platform.home).operator_secret().rpartition("_")[2]
    assert [p.name for p in files if own.encode() in p.read_bytes()] == ["operator.key"]
    session_file = Workspace(platform.home).home.session_file
    assert stat.S_IMODE(session_file.stat().st_mode) == 0o600
    assert own not in platform.log


def test_what_is_made_and_revoked_stands_in_the_audit(platform: Platform) -> None:
    make(platform, "audited", "--scope=predict")
    platform.run("keys", "revoke", "audited")
    events = Workspace(platform.home).store.events(subject="key/")
    told = [e.action for e in events if e.detail.get("name") == "audited"]
    assert told == ["create_key", "revoke_key"]


def test_a_key_with_a_limit_is_told_when_to_come_again(platform: Platform) -> None:
    secret = make(platform, "keen", "--scope=predict", "--rate=0.01", "--burst=40")
    asked = [platform.api(PREDICT, ROWS, headers=bearer(secret)) for _ in range(50)]
    late = [reply for reply in asked if reply.status == 429]
    assert late
    assert all(int(reply.headers["retry-after"]) > 1 for reply in late)


def test_keys_are_asked_for_on_this_machine_if_that_is_set(tmp_path: Path) -> None:
    (tmp_path / "fairlead.toml").write_text(
        '[server]\nkeys = true\nworkers = 1\ncors_origins = ["https://app.example"]\n'
    )
    home = tmp_path / ".fairlead"
    package_churn(home)
    with Platform(home, "churn:1") as platform:
        assert platform.addresses.api.startswith("http://127.0.0.1")
        assert platform.api(PREDICT, ROWS).status == 401
        secret = make(platform, "shop", "--scope=predict")
        shown = {**bearer(secret), "Origin": "https://app.example"}
        shared = platform.api(PREDICT, ROWS, headers=shown)
        assert shared.headers["access-control-allow-origin"] == "https://app.example"
        assert platform.control("/", headers={"Origin": "https://app.example"}).status == 403


def test_nothing_is_asked_of_callers_on_this_machine_otherwise(tmp_path: Path) -> None:
    home = tmp_path / ".fairlead"
    package_churn(home)
    with Platform(home, "churn:1", "--workers=1") as platform:
        platform.run("keys", "create", "unused", "--scope=predict")
        assert platform.predict("churn", ROWS).status == 200
        assert platform.control("/v1/models").status == 200
        for planes in (platform.api, platform.control):
            assert planes("/health/live", headers={"Host": "evil.example"}).status == 421
            assert planes("/health/live", headers={"Origin": "https://evil.example"}).status == 403


def test_a_platform_listens_beyond_the_machine_only_with_tls_or_if_told_to(
    tmp_path: Path, certificate: Certificate
) -> None:
    home = tmp_path / ".fairlead"
    start = ("up", "--host=0.0.0.0", "--port=0", "--control-port=0")
    refused = run(home, *start, status=1)
    assert "--insecure" in refused
    assert "--tls-cert" in refused
    refused = run(home, *start, f"--tls-cert={certificate.cert}", status=1)
    assert "both" in refused
    wrong = (f"--tls-cert={certificate.cert}", f"--tls-key={certificate.cert}")
    assert "cannot be used" in run(home, *start, *wrong, status=1)
    locked = make_certificate(tmp_path / "locked", "ml.example", password=b"secret")
    options = (f"--tls-cert={locked.cert}", f"--tls-key={locked.key}")
    assert "encrypted" in run(home, *start, *options, status=1)


def test_a_detached_platform_with_tls_is_waited_for(
    tmp_path: Path, certificate: Certificate
) -> None:
    (tmp_path / "tls").mkdir()
    for file in (certificate.cert, certificate.key):
        (tmp_path / "tls" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "fairlead.toml").write_text(
        '[server]\nworkers = 1\ntls_cert = "tls/cert.pem"\ntls_key = "tls/key.pem"\n'
    )
    home = tmp_path / ".fairlead"
    package_churn(home)
    options = ("--detach", "--keys", "--port=0", "--control-port=0")
    try:
        said = run(home, "up", "churn:1", *options)
        assert "https://127.0.0.1" in said
        assert "Keys" in said
        url = Workspace(home).addresses().api
        assert ask(url, PREDICT, ROWS, cert=str(certificate.cert)).status == 401
        assert Workspace(home).client().predict("churn", ROW)["version"] == "churn:1"
    finally:
        run(home, "stop")
