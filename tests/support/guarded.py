"""The guard of the control plane with people, keys and links in a store, and no server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import MutableMapping
from typing import Any, cast
from urllib.parse import urlencode

from fastapi import FastAPI

from fairlead.access import EntryBook, Gate, KeyBook, Porter, Role, Scope, Sessions, Sites, UserBook
from fairlead.access.password import Cost
from fairlead.api import Guard
from fairlead.api.guard import App, GuardMiddleware
from fairlead.clock import ManualClock
from fairlead.store.memory import MemoryStore
from support.application import application
from support.reply import Reply

SITES = Sites(frozenset({"localhost"}))
BODY_BYTES_MAX = 100_000
HOST = ("host", "localhost:8081")
PAGE = ("accept", "text/html")
PASSWORD = "correct horse battery"
CHEAP = Cost(n=2, r=1, p=1)
Headers = tuple[str, str]


class Guarded:
    """The application of the control plane with its guard, and nothing behind it.

    Args:
        keys: whether programs need one.
        secure: whether it is reached over TLS.
    """

    def __init__(self, *, keys: bool = True, secure: bool = False) -> None:
        self.clock, self.store = ManualClock(), MemoryStore()
        self.keys = KeyBook(self.store, self.clock)
        self.users = UserBook(self.store, self.clock, CHEAP)
        self.entries = EntryBook(self.store, self.clock)
        self.sessions = Sessions("fairlead_1", b"s" * 32, secure=secure)
        gate = Gate(self.keys.get, self.clock, 1)
        self.porter = Porter(gate, self.users, self.entries, self.sessions, self.clock)
        self.guard = Guard(SITES, BODY_BYTES_MAX, keys, self.porter)
        self.routes = cast(list[Any], self.app.user_middleware[0].kwargs["routes"])
        self.alone = GuardMiddleware(_let_in, self.guard, self.routes)
        """The guard before an application that answers everybody with 200."""

    @property
    def app(self) -> FastAPI:
        """The application, over the people, keys and links of this world."""
        shared = application(SITES, BODY_BYTES_MAX, keys=self.guard.keys)
        return shared.over(None, self.porter)

    def ask(
        self, method: str, path: str, *headers: Headers, body: bytes = b"",
        app: App | None = None, address: str = "127.0.0.1",
    ) -> Reply:  # fmt: skip
        """Send a request; the query stands in the path."""
        return ask(app or self.app, method, path, HOST, *headers, body=body, address=address)

    def tried(self, method: str, path: str, *headers: Headers, body: bytes = b"") -> int:
        """The status with which the guard alone answers; 200 if it lets in."""
        return self.ask(method, path, *headers, body=body, app=self.alone).status

    def cookie(self, **form: str) -> Headers:
        """The session that a form begins."""
        got = self.ask("POST", "/login", body=urlencode(form).encode())
        assert got.status == 303, got.body
        return cookie_of(got)

    def user(self, name: str, role: Role) -> Headers:
        """The session of a user, who is added for it."""
        self.users.add(name, role, PASSWORD)
        return self.cookie(name=name, password=PASSWORD)

    def key(self, name: str, *scopes: Scope) -> Headers:
        """The header of a key, which is made for it."""
        return ("x-api-key", self.keys.create(name, scopes)[1])

    def csrf(self, cookie: Headers) -> Headers:
        """The header with the word of a session."""
        found = self.sessions.read(cookie[1].encode(), self.clock.now_us())
        assert found is not None
        return ("x-csrf-token", found[1])

    def ways(self) -> list[tuple[str, str]]:
        """Method and template of every route."""
        return [(method, route.path) for route in self.routes for method in sorted(route.methods)]


def ask(
    app: Any, method: str, path: str, *headers: Headers, body: bytes = b"",
    address: str = "127.0.0.1",
) -> Reply:  # fmt: skip
    """Call an application."""
    path, _, query = path.partition("?")
    named = [*headers, ("content-length", str(len(body)))]
    if body and not any(name == "content-type" for name, _ in headers):
        named.append(("content-type", "application/x-www-form-urlencoded"))
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(),
        "client": (address, 50_000),
        "headers": [(n.encode(), v.encode("latin-1")) for n, v in named],
    }  # fmt: skip
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    got = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Reply(sent[0]["status"], got, b"".join(m.get("body", b"") for m in sent[1:]))


def cookie_of(reply: Reply) -> Headers:
    """The header by which a browser shows the cookie that it was given."""
    return ("cookie", reply.headers["set-cookie"].partition(";")[0])


def filled(template: str) -> str:
    """A path of a route."""
    return re.sub(r"{\w+}", "x", template)


async def _let_in(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
