"""What a platform asks of callers, by where it listens; and the key of its own home."""

from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

import msgspec
import pytest
from fastapi import FastAPI, Request

from fairlead.access import Gate, KeyBook
from fairlead.api.reply import address_of
from fairlead.app.control_process import configured
from fairlead.app.exposure import secured, sites_of
from fairlead.app.operator import operator_secret
from fairlead.app.settings import ServerSettings, load_settings
from fairlead.clock import ManualClock, SystemClock
from fairlead.errors import ConfigError
from fairlead.store import open_store
from fairlead.store.memory import MemoryStore
from support.certificates import Certificate, make_certificate
from support.guarded import ask

CONTEXT = multiprocessing.get_context("spawn")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "ml.example")


@pytest.mark.parametrize(
    ("host", "tls", "keys", "insecure", "asked"),
    [
        ("127.0.0.1", False, False, False, False),
        ("localhost", False, True, False, True),
        ("::1", True, False, False, False),
        ("127.0.0.1", False, False, True, False),
        ("0.0.0.0", False, False, False, None),
        ("192.168.1.7", False, True, False, None),
        ("0.0.0.0", True, False, False, True),
        ("0.0.0.0", True, True, False, True),
        ("0.0.0.0", False, False, True, False),
        ("0.0.0.0", False, True, True, True),
        ("::", True, False, True, False),
    ],
)
def test_keys_and_tls_are_needed_beyond_the_machine_unless_it_is_said_otherwise(
    certificate: Certificate, host: str, tls: bool, keys: bool, insecure: bool, asked: bool | None
) -> None:
    files = {"tls_cert": str(certificate.cert), "tls_key": str(certificate.key)} if tls else {}
    server = msgspec.structs.replace(ServerSettings(), host=host, keys=keys, **files)
    if asked is None:
        with pytest.raises(ConfigError, match="no TLS"):
            secured(server, insecure=insecure)
    else:
        assert secured(server, insecure=insecure) == msgspec.structs.replace(server, keys=asked)


def test_a_certificate_without_its_key_starts_nothing(certificate: Certificate) -> None:
    for given in ({"tls_cert": str(certificate.cert)}, {"tls_key": str(certificate.key)}):
        with pytest.raises(ConfigError, match="both"):
            secured(msgspec.structs.replace(ServerSettings(), **given), insecure=True)


@pytest.mark.parametrize(
    ("host", "hosts", "named"),
    [
        ("127.0.0.1", [], {"127.0.0.1", "::1", "localhost"}),
        ("127.0.0.1", ["ML.example"], {"127.0.0.1", "::1", "localhost", "ml.example"}),
        ("0.0.0.0", [], set()),
        ("0.0.0.0", ["ml.example"], {"127.0.0.1", "::1", "localhost", "0.0.0.0", "ml.example"}),
    ],
)
def test_names_are_looked_at_on_this_machine_and_where_some_are_listed(
    host: str, hosts: list[str], named: set[str]
) -> None:
    server = ServerSettings(host=host, hosts=hosts, cors_origins=["https://a.example"])
    assert sites_of(server, shared=True).hosts == named
    assert sites_of(server, shared=True).origins == {b"https://a.example"}
    assert sites_of(server, shared=False).origins == set()


@pytest.mark.parametrize(
    "origin", ["*", "https://a.example/", "a.example", "https://*.example", "null", "ftp://a", ""]
)
def test_what_no_browser_says_is_no_origin(tmp_path: Path, origin: str) -> None:
    file = tmp_path / "fairlead.toml"
    file.write_text(f'[server]\ncors_origins = ["{origin}"]\n')
    with pytest.raises(ConfigError, match="cors_origins"):
        load_settings(file)


def test_files_are_named_from_the_folder_of_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "fairlead.toml"
    file.write_text('[server]\ntls_cert = "a/cert.pem"\ntls_key = "/b/key.pem"\n')
    server = load_settings(file).server
    assert (server.tls_cert, server.tls_key) == (str(tmp_path / "a/cert.pem"), "/b/key.pem")


def test_the_operators_key_is_made_once_and_is_for_everything(tmp_path: Path) -> None:
    clock, file = ManualClock(), tmp_path / "operator.key"
    book = KeyBook(MemoryStore(), clock)
    secret = operator_secret(file, book, clock)
    assert operator_secret(file, book, clock) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    gate = Gate(book.get, clock, 1)
    for scope in ("predict", "feedback", "operate"):
        gate.admit({b"x-api-key": secret.encode()}, scope, "")
    assert [key.name for key in book.all_keys()] == ["operator"]
    assert [path.name for path in tmp_path.iterdir()] == ["operator.key"]


@pytest.mark.parametrize("content", ["", "junk", "fl_only", "\n"])
def test_an_operators_key_that_was_lost_or_damaged_is_made_anew(
    tmp_path: Path, content: str
) -> None:
    clock, file = ManualClock(), tmp_path / "operator.key"
    book = KeyBook(MemoryStore(), clock)
    file.write_text(content)
    secret = operator_secret(file, book, clock)
    assert secret.startswith("fl_")
    assert operator_secret(file, book, clock) == secret


def test_an_operators_key_is_anew_in_a_new_store_and_after_it_was_revoked(tmp_path: Path) -> None:
    clock, file = ManualClock(), tmp_path / "operator.key"
    first, second = KeyBook(MemoryStore(), clock), KeyBook(MemoryStore(), clock)
    secret = operator_secret(file, first, clock)
    assert operator_secret(file, second, clock) == secret
    assert len(second.all_keys()) == 1
    second.revoke("operator")
    other = operator_secret(file, second, clock)
    assert other != secret
    file.write_text(secret[:-1] + "x")
    third = operator_secret(file, first, clock)
    assert third not in (secret, other)


def make_at_once(home: str) -> str:
    folder = Path(home)
    book = KeyBook(open_store(f"sqlite://{folder}/store.db"), SystemClock())
    return operator_secret(folder / "operator.key", book, SystemClock())


def test_processes_that_make_it_at_the_same_moment_agree(tmp_path: Path) -> None:
    with CONTEXT.Pool(3) as pool:
        made = pool.map(make_at_once, [str(tmp_path)] * 6)
    assert len(set(made)) == 1
    book = KeyBook(open_store(f"sqlite://{tmp_path}/store.db"), SystemClock())
    assert [key.name for key in book.all_keys()] == ["operator"]


CLAIM = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}


@pytest.mark.parametrize(
    ("proxies", "address", "seen"),
    [
        ([], "127.0.0.1", ("127.0.0.1", "http")),
        ([], "192.0.2.7", ("192.0.2.7", "http")),
        (["127.0.0.1"], "127.0.0.1", ("203.0.113.9", "https")),
        (["127.0.0.1"], "192.0.2.7", ("192.0.2.7", "http")),
        (["192.0.2.0/24"], "192.0.2.7", ("203.0.113.9", "https")),
        (["192.0.2.0/24"], "127.0.0.1", ("127.0.0.1", "http")),
    ],
)
def test_who_asks_is_told_by_proxies_that_are_set_alone(
    monkeypatch: pytest.MonkeyPatch, proxies: list[str], address: str, seen: tuple[str, str]
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # which the server would take by itself
    app = FastAPI()

    @app.get("/")
    def who(request: Request) -> tuple[str, str]:
        return address_of(request), request.url.scheme

    served = configured(app, ServerSettings(proxies=proxies)).loaded_app
    told = ask(served, "GET", "/", ("host", "localhost"), *CLAIM.items(), address=address)
    assert tuple(told.json) == seen


@pytest.mark.parametrize("proxy", ["*", "", "proxy.example", "127.0.0.1:80", "10.0.0.1/8"])
def test_a_proxy_that_is_no_address_is_refused(tmp_path: Path, proxy: str) -> None:
    file = tmp_path / "fairlead.toml"
    file.write_text(f'[server]\nproxies = ["{proxy}"]\n')
    with pytest.raises(ConfigError, match="no address"):
        load_settings(file)
