"""Nobody gets past the one place where a key and a site are asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.access import Gate, KeyBook, Scope, Sites
from fairlead.clock import ManualClock
from fairlead.serving.entry import Entry
from fairlead.serving.message import Request, Response, json_response
from fairlead.serving.refusal import Refusal, native_shape
from fairlead.serving.router import Dialect, Door, Router
from fairlead.serving.transport.server import HttpLimits
from fairlead.store.memory import MemoryStore
from fairlead.telemetry import expose, read
from support.plane import PlaneInProcess
from support.serving import HttpThread, receive, until_closed

LOCAL = Sites(frozenset({"localhost"}), frozenset({b"https://app.example"}))
SCOPES: tuple[Scope, ...] = ("predict", "feedback", "operate")
HOST = (b"host", b"localhost:8080")


class World:
    """A router whose doors note who came through, and keys for it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.book = KeyBook(MemoryStore(), self.clock)
        self.through: list[tuple[str, str]] = []
        self.refused: list[tuple[str, str]] = []
        doors = [
            Door("POST", "/v1/endpoints/{name}/predict", "predict", self.note("predict")),
            Door("POST", "/v1/endpoints/{name}/feedback", "feedback", self.note("feedback")),
            Door("GET", "/v1/endpoints", "predict", self.note("list")),
            Door("GET", "/metrics", "operate", self.note("metrics")),
            Door("GET", "/health/live", "open", self.note("live")),
        ]
        gate = Gate(self.book.get, self.clock, 1)
        self.router = Router([Dialect(doors, native_shape, ())], Entry(LOCAL, gate, self.count))

    def note(self, what: str) -> Callable[..., None]:
        def handler(_: Request, reply: Callable[[Response], None], names: dict[str, str]) -> None:
            self.through.append((what, names.get("name", "")))
            reply(json_response({}))

        return handler

    def count(self, refused: Refusal, name: str) -> None:
        self.refused.append((refused.code, name))

    def ask(self, method: str, path: str, secret: str = "", *more: tuple[bytes, bytes]) -> Response:
        shown = [(b"authorization", f"Bearer {secret}".encode())] if secret else []
        return handle(self.router, method, path, dict([HOST, *shown, *more]))


def handle(router: Router, method: str, path: str, headers: dict[bytes, bytes]) -> Response:
    """What a router replies at once."""
    replies: list[Response] = []
    router.handle(Request(method, path, b"", headers, b"", 0.0), replies.append)
    assert len(replies) == 1
    return replies[0]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def plane_router(tmp_path: Path) -> Iterator[tuple[Router, Path]]:
    """The router that workers have, with keys needed and none made."""
    gate = Gate(lambda _: None, ManualClock(), 1)
    with PlaneInProcess(tmp_path, gate=gate, sites=LOCAL, find=lambda _: None) as plane:
        yield plane.router, tmp_path


def every_door(router: Router) -> list[Door]:
    return [door for door, _ in router._doors]


def test_every_door_of_the_data_plane_is_shut_without_a_key(
    plane_router: tuple[Router, Path],
) -> None:
    router, folder = plane_router
    doors = every_door(router)
    assert {door.path for door in doors if door.scope == "open"} == {
        "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready",
        "/ping", "/health", "/version", "/execution-parameters",
    }  # fmt: skip
    for door in doors:
        path = re.sub(r"\{\w+\}", "churn", door.path)
        headers = dict([HOST])
        replied = handle(router, door.method, path, headers).status
        assert (replied == 401) == (door.scope != "open"), door
        if door.method == "GET" and door.scope != "open":
            assert handle(router, "HEAD", path, headers).status == 401
    counted = expose(read(folder))
    shut = sum(1 + (door.method == "GET") for door in doors if door.scope != "open")
    line = f'fairlead_refused_requests_total{{code="unauthorized",endpoint=""}} {shut}'
    assert line in counted.splitlines()


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_opens_the_doors_of_its_scope_and_no_other(world: World, scope: Scope) -> None:
    _, secret = world.book.create("a", [scope])
    for door in every_door(world.router):
        reply = world.ask(door.method, door.path.replace("{name}", "churn"), secret)
        assert reply.status == (200 if door.scope in (scope, "open") else 403), door


def test_a_key_for_some_endpoints_opens_nothing_of_others(world: World) -> None:
    _, secret = world.book.create("a", ["predict"], endpoints=["churn"])
    assert world.ask("POST", "/v1/endpoints/churn/predict", secret).status == 200
    assert world.ask("POST", "/v1/endpoints/price/predict", secret).status == 403
    assert world.ask("GET", "/v1/endpoints", secret).status == 403
    assert world.through == [("predict", "churn")]
    assert world.refused == [("forbidden", "price"), ("forbidden", "")]


@pytest.mark.parametrize(
    "path",
    [
        "//v1/endpoints/churn/predict",
        "/v1//endpoints/churn/predict",
        "/v1/endpoints/churn/predict/",
        "/v1/endpoints/churn/PREDICT",
        "/V1/ENDPOINTS/churn/predict",
        "/v1/endpoints/./churn/predict",
        "/v1/x/../endpoints/churn/predict",
        "/health/../v1/endpoints/churn/predict",
        "/health/live/../../v1/endpoints/churn/predict",
        "/v1/endpoints/churn/predict;x=1",
        "/v1/endpoints/churn/predict\0",
        "/v1/endpoints/churn/predict ",
        "/v1/endpoints/churn/predict\n",
        "/v1/endpoints/a/churn/predict",
        "v1/endpoints/churn/predict",
        "",
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "post"])
def test_no_other_way_to_write_a_path_leads_in(world: World, method: str, path: str) -> None:
    assert world.ask(method, path).status in (401, 404, 405)
    assert world.through == []


@given(path=st.text(max_size=60), method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS"]))
def test_no_path_at_all_leads_in_without_a_key(path: str, method: str) -> None:
    world = World()
    for start in ("/", "/v1/endpoints/", "/health/live"):
        world.ask(method, start + path)
    assert {what for what, _ in world.through} <= {"live"}


def test_what_was_found_for_one_caller_is_asked_for_again_of_the_next(world: World) -> None:
    _, secret = world.book.create("a", ["predict"])
    path = "/v1/endpoints/churn/predict"
    for shown, status in ((secret, 200), ("", 401), (secret, 200), (secret + "0", 401)):
        assert world.ask("POST", path, shown).status == status


def test_refusals_tell_what_to_do_in_headers_too(world: World) -> None:
    _, secret = world.book.create("a", ["predict"], rate=0.25, burst=1)
    path = "/v1/endpoints/churn/predict"
    nobody = world.ask("POST", path)
    assert (b"www-authenticate", b'Bearer realm="fairlead"') in nobody.headers
    assert world.ask("POST", path, secret).status == 200
    late = world.ask("POST", path, secret)
    assert late.status == 429
    assert (b"retry-after", b"4") in late.headers
    world.clock.advance(4)
    assert world.ask("POST", path, secret).status == 200
    assert world.refused == [("unauthorized", "churn"), ("too_many_requests", "churn")]


def test_a_key_ends_when_it_expires_or_is_revoked(world: World) -> None:
    _, secret = world.book.create("a", ["operate"], days=1 / 86_400)
    _, other = world.book.create("b", ["operate"])
    assert world.ask("GET", "/metrics", secret).status == 200
    world.clock.advance(1)
    assert world.ask("GET", "/metrics", secret).status == 401
    assert world.ask("GET", "/metrics", other).status == 200
    world.book.revoke("b")
    assert world.ask("GET", "/metrics", other).status == 401


def test_no_refusal_repeats_a_secret(world: World) -> None:
    _, secret = world.book.create("a", ["predict"], rate=1, burst=1)
    random = secret.rpartition("_")[2].encode()
    wrong = secret[:-1] + "x"
    said = [
        world.ask(method, path, shown)
        for shown in (secret, wrong)
        for method, path in (
            ("POST", "/v1/endpoints/churn/predict"),
            ("POST", "/v1/endpoints/churn/predict"),
            ("GET", "/metrics"),
            ("GET", f"/{secret}"),
        )
    ]
    for response in said:
        assert random[:-1] not in response.body + b"".join(map(b"".join, response.headers))


def origin(text: str) -> tuple[bytes, bytes]:
    return (b"origin", text.encode())


WANTS_POST = (b"access-control-request-method", b"POST")


@pytest.mark.parametrize("path", ["/health/live", "/v1/endpoints/churn/predict", "/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
def test_pages_of_other_sites_reach_nothing(world: World, method: str, path: str) -> None:
    _, secret = world.book.create("a", SCOPES)
    for site in ("https://evil.example", "null", "http://localhost:8081", "https://localhost"):
        reply = world.ask(method, path, secret, origin(site), WANTS_POST)
        assert reply.status == 403
        assert not [name for name, _ in reply.headers if name.startswith(b"access-control")]
    assert world.through == []
    assert {code for code, _ in world.refused} == {"forbidden"}


def test_a_name_that_was_turned_to_this_machine_reaches_nothing(world: World) -> None:
    for host in (b"evil.example", b"evil.example:8080", b"localhost.evil.example"):
        assert world.ask("GET", "/health/live", "", (b"host", host)).status == 421
    assert world.ask("GET", "/health/live").status == 200
    assert world.ask("GET", "/health/live", "", (b"host", b"evil.example")).status == 421


def test_pages_of_this_server_and_of_sites_that_are_set_get_in(world: World) -> None:
    _, secret = world.book.create("a", ["predict"])
    path = "/v1/endpoints/churn/predict"
    own = world.ask("POST", path, secret, origin("http://localhost:8080"))
    assert (own.status, own.headers) == (200, ())
    shared = world.ask("POST", path, secret, origin("https://app.example"))
    assert shared.status == 200
    assert (b"access-control-allow-origin", b"https://app.example") in shared.headers
    assert (b"vary", b"origin") in shared.headers
    shut = world.ask("POST", path, "", origin("https://app.example"))
    assert shut.status == 401, "a site that is set needs a key like anyone else"
    assert (b"access-control-allow-origin", b"https://app.example") in shut.headers


def test_a_browser_that_asks_before_it_sends_is_told(world: World) -> None:
    path, site = "/v1/endpoints/churn/predict", origin("https://app.example")
    told = dict(world.ask("OPTIONS", path, "", site, WANTS_POST).headers)
    assert told[b"access-control-allow-methods"] == b"POST"
    assert b"authorization" in told[b"access-control-allow-headers"]
    assert told[b"access-control-allow-origin"] == b"https://app.example"
    assert b"access-control-allow-credentials" not in told
    assert world.ask("OPTIONS", "/nothing", "", site, WANTS_POST).status == 404
    assert world.ask("OPTIONS", path, "", site).status == 405
    assert world.ask("OPTIONS", path).status == 405
    assert world.through == []


def test_the_hosts_that_are_remembered_are_bounded(world: World) -> None:
    for port in range(1000):
        world.ask("GET", "/health/live", "", (b"host", b"localhost:%d" % port))
    assert len(world.router._hosts) <= 64
    assert world.ask("GET", "/health/live", "", (b"host", b"localhost:999")).status == 200


LIMITS = HttpLimits(body_bytes_max=1000)


def over_socket(world: World, raw: bytes) -> bytes:
    with HttpThread(world.router.handle, LIMITS) as server, server.connect() as sock:
        sock.sendall(raw)
        return until_closed(sock)


def test_pipelined_requests_are_each_asked_for_their_key(world: World) -> None:
    _, secret = world.book.create("a", ["predict"])
    key = f"x-api-key: {secret}\r\n".encode()
    one = b"POST /v1/endpoints/churn/predict HTTP/1.1\r\nhost: localhost\r\n%bcontent-length: 0\r\n"
    raw = b"".join(one % shown + b"\r\n" for shown in (key, b"", key))
    raw += one % b"" + b"connection: close\r\n\r\n"
    statuses = re.findall(rb"HTTP/1.1 (\d+)", over_socket(world, raw))
    assert statuses == [b"200", b"401", b"200", b"401"]
    assert len(world.through) == 2


@pytest.mark.parametrize(
    "target",
    [
        b"/v1%2fendpoints/churn/predict",
        b"/v1/endpoints%2Fchurn/predict",
        b"/v1/endpoints/churn%2fpredict",
        b"/%76%31/endpoints/churn/predict",
        b"//v1/endpoints/churn/predict",
        b"/v1/endpoints/churn/predict?x",
        b"/v1/endpoints/churn/predict#x",
        b"http://localhost/v1/endpoints/churn/predict",
        b"/health/live/..%2f..%2fv1/endpoints/churn/predict",
    ],
)
def test_no_encoding_of_a_path_leads_in(world: World, target: bytes) -> None:
    raw = b"POST %b HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    status = over_socket(world, raw % target)[9:12]
    assert status in (b"400", b"401", b"404")
    assert world.through == []


def test_a_key_is_for_the_endpoint_that_the_decoded_path_names(world: World) -> None:
    _, secret = world.book.create("a", ["predict"], endpoints=["churn"])
    raw = (
        b"POST /v1/endpoints/%b/predict HTTP/1.1\r\nhost: localhost\r\nx-api-key: %b\r\n"
        b"content-length: 0\r\nconnection: close\r\n\r\n"
    )
    for name, status in ((b"%63hurn", b"200"), (b"pric%65", b"403"), (b"churn%00", b"400")):
        assert over_socket(world, raw % (name, secret.encode()))[9:12] == status
    assert world.through == [("predict", "churn")]


def test_an_upgrade_is_asked_for_its_key_too(world: World) -> None:
    raw = (
        b"POST /v1/endpoints/churn/predict HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n"
        b"upgrade: h2c\r\ncontent-length: 0\r\n\r\n"
    )
    with HttpThread(world.router.handle, LIMITS) as server, server.connect() as sock:
        sock.sendall(raw)
        assert receive(sock, until=b"\r\n").startswith(b"HTTP/1.1 401")
    assert world.through == []


def test_what_is_counted_never_names_an_endpoint_that_is_not_there(
    plane_router: tuple[Router, Path],
) -> None:
    router, folder = plane_router
    for place in range(5):
        handle(router, "POST", f"/v1/endpoints/e{place}/predict", dict([HOST]))
    assert re.findall(r'endpoint="(\w*)"', expose(read(folder))) == [""]
