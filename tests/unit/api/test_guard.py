"""The guard of the control plane, and sessions: pure ASGI, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.access import Gate, KeyBook, Sessions, Sites
from fairlead.access.session import LIFE_S
from fairlead.api import Guard, Services, build_api
from fairlead.clock import ManualClock
from fairlead.console import build_console
from fairlead.store.memory import MemoryStore

SITES = Sites(frozenset({"localhost"}))
HOST = ("host", "localhost:8081")


class World:
    """The application of the control plane, with keys needed, and nothing behind it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.book = KeyBook(MemoryStore(), self.clock)
        self.sessions = Sessions("fairlead_1", b"s" * 32, secure=False)
        gate = Gate(self.book.get, self.clock, 1)
        guard = Guard(SITES, 1000, gate, self.sessions)
        services = cast(Services, None)
        pages = build_console(services, guard, self.clock).routers
        self.app = build_api(services, guard, self.clock, pages)
        self.routes = [*self.app.routes, *(route for each in pages for route in each.routes)]

    def ask(
        self, method: str, path: str, *headers: tuple[str, str], body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        sent: list[MutableMapping[str, Any]] = []
        named = [HOST, *headers, ("content-length", str(len(body)))]
        scope = {
            "type": "http", "method": method, "path": path, "query_string": b"",
            "headers": [(n.encode(), v.encode("latin-1")) for n, v in named],
        }  # fmt: skip

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        got = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], got, b"".join(m.get("body", b"") for m in sent[1:])

    def session(self, secret: str) -> tuple[str, str]:
        status, headers, _ = self.ask("POST", "/login", body=f"key={secret}".encode())
        assert status == 303
        return ("cookie", headers["set-cookie"].partition(";")[0])


@pytest.fixture
def world() -> World:
    return World()


def test_every_route_is_shut_without_a_key_but_those_that_are_named(world: World) -> None:
    open_paths = {"/health/live", "/health/ready", "/login", "/logout", "/static/{name}"}
    tried = set()
    for route in world.routes:
        path = str(getattr(route, "path", ""))
        for method in getattr(route, "methods", None) or ():
            tried.add(path)
            if path not in open_paths:
                status, headers, _ = world.ask(method, path.replace("{", "").replace("}", ""))
                assert (status, "www-authenticate" in headers) == (401, True), path
    assert open_paths < tried
    assert len(tried) > 15


def test_a_session_opens_the_pages_until_it_runs_out_or_its_key_does(world: World) -> None:
    _, secret = world.book.create("ann", ["operate"])
    session = world.session(secret)
    assert world.ask("GET", "/openapi.json", session)[0] == 200
    world.clock.advance(LIFE_S - 1)
    assert world.ask("GET", "/openapi.json", session)[0] == 200
    world.clock.advance(1)
    assert world.ask("GET", "/openapi.json", session)[0] == 401
    session = world.session(secret)
    world.book.revoke("ann")
    assert world.ask("GET", "/openapi.json", session)[0] == 401


def test_a_session_of_a_key_that_may_less_is_not_begun(world: World) -> None:
    _, secret = world.book.create("bob", ["predict", "feedback"])
    status, headers, body = world.ask("POST", "/login", body=f"key={secret}".encode())
    assert (status, "set-cookie" in headers) == (401, False)
    assert secret.encode() not in body


@pytest.mark.parametrize(
    "body", [b"", b"key", b"key=", b"key=%ff%fe", b"\xff" * 900, b"a=1&" * 200, b"key=%00"]
)
def test_a_form_that_makes_no_sense_is_refused(world: World, body: bytes) -> None:
    assert world.ask("POST", "/login", body=body)[0] in (400, 401)


def test_a_program_that_shows_its_key_needs_no_session(world: World) -> None:
    _, secret = world.book.create("ann", ["operate"])
    assert world.ask("GET", "/openapi.json", ("authorization", f"Bearer {secret}"))[0] == 200
    assert world.ask("GET", "/openapi.json", ("x-api-key", secret))[0] == 200
    session = world.session(secret)
    wrong = ("authorization", "Bearer fl_x_y")
    assert world.ask("GET", "/openapi.json", session, wrong)[0] == 401, "what is shown counts"


def test_only_people_are_sent_to_the_page_to_log_in(world: World) -> None:
    page = ("accept", "text/html")
    assert world.ask("GET", "/try/a b", page)[1]["location"] == "/login?then=/try/a%20b"
    assert world.ask("GET", "/try/a", ("accept", "application/json"))[0] == 401
    assert world.ask("POST", "/v1/endpoints/a/releases", page)[0] == 401


COOKIE = Sessions("c", b"k" * 32, secure=True)


@given(st.text(max_size=80))
def test_no_made_up_cookie_is_a_session(text: str) -> None:
    raw = f"c={text}".encode()
    assert COOKIE.key_id(raw, 0) is None
    assert COOKIE.key_id(text.encode(), 0) is None


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_a_session_that_was_changed_is_none(place: int, other: str) -> None:
    value = COOKIE.open("a1b2", 0).partition(";")[0]
    assert COOKIE.key_id(value.encode(), 0) == "a1b2"
    place = min(max(place, 2), len(value) - 1)
    changed = value[:place] + other + value[place + 1 :]
    if changed != value:
        assert COOKIE.key_id(changed.encode(), 0) is None


def test_sessions_of_another_process_and_another_platform_are_none() -> None:
    value = COOKIE.open("a1b2", 0).partition(";")[0].encode()
    assert Sessions("c", b"x" * 32, secure=True).key_id(value, 0) is None
    assert Sessions("d", b"k" * 32, secure=True).key_id(value, 0) is None
    assert "Max-Age=0" in COOKIE.close()
    assert "Secure" in COOKIE.open("a", 0)
    assert "Secure" not in Sessions("c", b"k", secure=False).open("a", 0)
