"""The page on which a person shows a key once, and gets a session for it."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from fairlead.access import Gate, Key, Sessions
from fairlead.clock import Clock
from fairlead.console.page import render
from fairlead.errors import FairleadError

FORM_BYTES_MAX = 4096
# Without a referrer a browser would not say either that the form is on a page of ours.
HEADERS = {"referrer-policy": "same-origin", "cache-control": "no-store"}


def build_login(gate: Gate, sessions: Sessions, clock: Clock) -> APIRouter:
    """The routes to log in and out by.

    Args:
        gate: knows the keys.
        sessions: which it begins and ends.
        clock: for how long they last.
    """
    login = APIRouter(include_in_schema=False)

    @login.get("/login")
    def show(then: str = "/") -> Response:
        return _page(then)

    @login.post("/login")
    async def enter(request: Request) -> Response:
        given = _form(await request.body())
        then = given.get("then", "/")
        try:
            key = await run_in_threadpool(_operator, gate, given.get("key", ""))
        except FairleadError as error:
            return _page(then, error.message)
        return _go(_ours(then), sessions.open(key.id, clock.now_us()))

    @login.post("/logout")
    def leave() -> Response:
        return _go("/login", sessions.close())

    return login


def _operator(gate: Gate, pasted: str) -> Key:
    """The key that was pasted.

    Raises:
        FairleadError: there is none, or it is not for these pages.
    """
    key = gate.holder(pasted.strip().encode())
    gate.allow(key, "operate", "")
    return key


def _form(body: bytes) -> dict[str, str]:
    """The first value of each field of a form."""
    if len(body) > FORM_BYTES_MAX:
        return {}
    fields = parse_qs(body.decode("latin-1"), errors="replace")
    return {name: values[0] for name, values in fields.items()}


def _page(then: str, problem: str = "") -> Response:
    page = render("login.html", then=_ours(then), problem=problem)
    kind = "text/html; charset=utf-8"
    return Response(page, 401 if problem else 200, HEADERS, kind)


def _go(path: str, cookie: str) -> Response:
    return Response(b"", 303, {**HEADERS, "location": path, "set-cookie": cookie})


def _ours(path: str) -> str:
    """A path of these pages; no browser is sent elsewhere by what stood in a link."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"
