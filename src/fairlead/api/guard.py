"""Who is let in: no page of another site, and nobody who may not do what they ask for.

A program shows its key with each request. A browser shows its session, and with each change the
session's word, which no other site knows. Where no keys are asked for, a program needs none: it
runs on this machine. A browser does, because any page may tell it what to send.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import BaseRoute, Match

from fairlead.access import LOCAL, Caller, fault_of
from fairlead.api.again import AGAIN, is_from_elsewhere
from fairlead.api.failures import ErrorPage, write_error
from fairlead.api.form import FORM, FORM_BYTES_MAX, read_form
from fairlead.api.rules import rule_of
from fairlead.api.types import Guard
from fairlead.errors import FairleadError, ForbiddenError, UnauthorizedError
from fairlead.logs import tell
from fairlead.serving.refusal import (
    SITE_REFUSALS,
    Refusal,
    refusal,
    refusal_of,
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
    b"object-src 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN = b"x-csrf-token"
OF_BROWSERS = (b"origin", b"cookie", b"sec-fetch-site")
"""What a browser sends, and a program does not."""


class GuardMiddleware:
    """Stands before the whole application.

    Args:
        app: behind it.
        guard: what is let in.
        routes: of the application, in the order in which it looks at them.
        error_page: writes for people why they are not let in; None if that is JSON for them, too.
    """

    def __init__(
        self,
        app: App,
        guard: Guard,
        routes: Sequence[BaseRoute],
        error_page: ErrorPage | None = None,
    ) -> None:
        self._app = app
        self._guard = guard
        self._routes = routes
        self._error_page = error_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and add headers to the reply."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        refused = self._unfit(headers)
        if refused is None:
            try:
                receive = await self._let_in(scope, headers, receive)
            except FairleadError as error:
                if isinstance(error, UnauthorizedError) and _is_page(scope, headers):
                    await _to_login(send, scope, headers)
                    return
                refused = refusal_of(error)

        async def send_guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                there = {name for name, _ in message["headers"]}
                extra = [(n, v) for n, v in HEADERS if n not in there]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        if refused is not None:
            reply = write_error(Request(scope), refused, self._error_page)
            await reply(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)

    async def _let_in(
        self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive
    ) -> Receive:
        """See who asks and whether they may; gives what the body is to be received by.

        Raises:
            FairleadError: they may not.
        """
        method, template = scope["method"], self._template(scope)
        rule = rule_of(method, template)
        if rule == "open":
            return receive
        caller = await run_in_threadpool(self._caller, headers)
        scope.setdefault("state", {})["caller"] = caller
        if not template:
            return receive  # there is nothing, or not by this method: the application says so
        if rule is None:
            tell("error", "no_rule", f"{method} {template} stands in no line of api/rules.py.")
            raise ForbiddenError("Nobody may do this.")
        await run_in_threadpool(self._guard.porter.allow, caller, rule)
        if not caller.csrf or method in SAFE:
            return receive
        word, receive = await _word(headers, receive)
        if not hmac.compare_digest(word.encode(), caller.csrf.encode()):
            raise ForbiddenError(
                "The request does not carry the word of your session.", hint="Load the page again."
            )
        return receive

    def _template(self, scope: Scope) -> str:
        """The path of the route that a request is for, as the table has it; empty if none is."""
        for route in self._routes:
            if route.matches(scope)[0] is Match.FULL:
                return str(getattr(route, "path", ""))
        return ""

    def _caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Who asks.

        Raises:
            UnauthorizedError: nobody who is known here.
        """
        is_program = not any(name in headers for name in OF_BROWSERS)
        if not self._guard.keys and is_program and b"text/html" not in headers.get(b"accept", b""):
            return LOCAL
        return self._guard.porter.caller(headers)

    def _unfit(self, headers: Mapping[bytes, bytes]) -> Refusal | None:
        fault = fault_of(self._guard.sites, headers.get(b"host"), headers.get(b"origin"))
        if fault is not None:
            return SITE_REFUSALS[fault]
        length = headers.get(b"content-length", b"0")
        if not length.isdigit():
            return refusal(400, "The Content-Length is no number.")
        if int(length) > self._guard.body_bytes_max:
            most = self._guard.body_bytes_max
            return refusal(413, f"A body may have at most {most} bytes here.")
        if headers.get(b"transfer-encoding"):
            return refusal(411, "Send a Content-Length.")
        return None


def _is_page(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a person waits for a page."""
    return scope["method"] == "GET" and b"text/html" in headers.get(b"accept", b"")


async def _to_login(send: Send, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
    """Let a person sign in, if they have not."""
    if is_from_elsewhere(headers):
        kind = (b"content-type", b"text/html; charset=utf-8")
        await _send(send, 200, AGAIN.encode(), kind, (b"cache-control", b"no-store"))
        return
    path = quote(scope["path"], safe="/")
    query = scope["query_string"].decode("latin-1")
    then = quote(f"{path}?{query}" if query else path, safe="/")
    location = (b"location", f"/login?then={then}".encode())
    await _send(send, 303, b"", location, (b"cache-control", b"no-store"))


async def _word(headers: Mapping[bytes, bytes], receive: Receive) -> tuple[str, Receive]:
    """The word of the session that a change carries: in a header, or in a field of its form.

    A form is read whole for it, and is then there to be received again.
    """
    shown = headers.get(TOKEN)
    if shown is not None:
        return shown.decode("latin-1"), receive
    is_form = headers.get(b"content-type", b"").startswith(FORM.encode())
    if not is_form or int(headers.get(b"content-length", b"0")) > FORM_BYTES_MAX:
        return "", receive
    body, more = b"", True
    while more and len(body) <= FORM_BYTES_MAX:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    pending = [{"type": "http.request", "body": body, "more_body": more}]

    async def again() -> MutableMapping[str, Any]:
        return pending.pop() if pending else await receive()

    return read_form(body).get("csrf", ""), again


async def _send(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [*headers, length, *HEADERS]})
    await send({"type": "http.response.body", "body": body})
