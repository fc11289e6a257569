"""The page on which a person signs in, and the link that does it for them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from fairlead.access import Porter
from fairlead.api.again import AGAIN, is_from_elsewhere
from fairlead.api.form import read_form
from fairlead.console.page import answer_with, render
from fairlead.console.types import NOBODY
from fairlead.errors import FairleadError, RateError
from fairlead.serving.refusal import status_of


def build_login(porter: Porter) -> APIRouter:
    """The routes to sign in and out by.

    Args:
        porter: begins sessions.
    """
    login = APIRouter(include_in_schema=False)

    @login.get("/login")
    def show(then: str = "/") -> Response:
        return _page(then)

    @login.post("/login")
    async def enter(request: Request) -> Response:
        given = read_form(await request.body())
        then = given.get("then", "/")
        try:
            address = request.client.host if request.client is not None else ""
            cookie = await run_in_threadpool(_sign_in, porter, given, address)
        except FairleadError as error:
            return _page(then, error, given.get("name", "").strip())
        return _go(_ours(then), cookie)

    @login.get("/enter/{token}")
    def follow(token: str, request: Request, then: str = "/") -> Response:
        # A redirect would count as one from where the link stood, and lose the session.
        answer = answer_with(render("enter.html", NOBODY, then=_ours(then)))
        headers = dict(request.headers.raw)
        try:
            answer.headers["set-cookie"] = porter.by_link(token)
        except FairleadError as error:
            if is_from_elsewhere(headers):
                return answer_with(AGAIN)
            if not _is_signed_in(porter, headers):
                return _page(then, error)
        return answer

    @login.post("/logout")
    def leave(request: Request) -> Response:
        return _go("/login", porter.leave(dict(request.headers.raw)))

    return login


def _is_signed_in(porter: Porter, headers: Mapping[bytes, bytes]) -> bool:
    try:
        porter.caller(headers)
    except FairleadError:
        return False
    return True


def _sign_in(porter: Porter, given: dict[str, str], address: str) -> str:
    """Begin a session by what a form holds: a name and a password, or a key.

    Raises:
        FairleadError: none of it is good for one.
    """
    name = given.get("name", "").strip()
    if name:
        return porter.by_password(name, given.get("password", ""), address)
    return porter.by_key(given.get("key", "").strip())


def _page(then: str, problem: FairleadError | None = None, name: str = "") -> Response:
    told = "" if problem is None else problem.message
    page = render("login.html", NOBODY, then=_ours(then), name=name, problem=told)
    answer = answer_with(page, 200 if problem is None else status_of(problem))
    if isinstance(problem, RateError):
        answer.headers["retry-after"] = str(math.ceil(problem.retry_after_s))
    return answer


def _go(path: str, cookie: str) -> Response:
    return Response(b"", 303, {"location": path, "set-cookie": cookie, "cache-control": "no-store"})


def _ours(path: str) -> str:
    """A path of these pages; no browser is sent elsewhere by what stood in a link."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"
