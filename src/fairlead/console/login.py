"""The page on which a person signs in, and the link that does it for them."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from fairlead.access import Porter
from fairlead.api.again import AGAIN, is_from_elsewhere
from fairlead.api.reply import address_of
from fairlead.console.obey import Form, obey
from fairlead.console.page import answer_with, redirect, render
from fairlead.console.types import NOBODY
from fairlead.errors import FairleadError
from fairlead.serving.refusal import refusal_of


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
    def enter(request: Request, form: Form) -> Response:
        then, name = form.get("then", "/"), form.get("name", "").strip()

        def sign_in() -> Response:
            return redirect(_ours(then), _sign_in(porter, form, address_of(request)))

        return obey(sign_in, lambda error: _page(then, error, name))

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
        return redirect("/login", porter.leave(dict(request.headers.raw)))

    return login


def _is_signed_in(porter: Porter, headers: Mapping[bytes, bytes]) -> bool:
    try:
        porter.caller(headers)
    except FairleadError:
        return False
    return True


def _sign_in(porter: Porter, form: Mapping[str, str], address: str) -> str:
    """Begin a session by what a form holds: a name and a password, or a key.

    Raises:
        FairleadError: none of it is good for one.
    """
    name = form.get("name", "").strip()
    if name:
        return porter.by_password(name, form.get("password", ""), address)
    return porter.by_key(form.get("key", "").strip())


def _page(then: str, problem: FairleadError | None = None, name: str = "") -> Response:
    told = "" if problem is None else problem.message
    page = render("login.html", NOBODY, then=_ours(then), name=name, problem=told)
    return answer_with(page, None if problem is None else refusal_of(problem))


def _ours(path: str) -> str:
    """A path of these pages; no browser is sent elsewhere by what stood in a link."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"
