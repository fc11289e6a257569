"""Who is let in: no page of another site, and where keys are needed, only who has one.

Everything here is for operators, but for the health and what it takes to log in. A program shows
its key with each request; a browser that has shown one to the page `/login` shows its session.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool

from fairlead.access import Key, fault_of, secret_of
from fairlead.api.types import Guard
from fairlead.clock import Clock
from fairlead.errors import FairleadError, UnauthorizedError
from fairlead.serving.refusal import (
    SITE_REFUSALS,
    Refusal,
    native_shape,
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
OPEN = frozenset({"/health/live", "/health/ready", "/login", "/logout"})
STATIC = "/static/"


class GuardMiddleware:
    """Stands before the whole application.

    Args:
        app: behind it.
        guard: what is let in.
        clock: for sessions that run out.
    """

    def __init__(self, app: App, guard: Guard, clock: Clock) -> None:
        self._app = app
        self._guard = guard
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and add headers to the reply."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        refused = self._unfit(headers)
        if refused is None and self._guard.gate is not None and not _is_open(scope["path"]):
            try:
                key = await run_in_threadpool(self._caller, headers)
                scope.setdefault("state", {})["actor"] = key.name
            except UnauthorizedError as error:
                refused = refusal_of(error)
                if _is_page(scope, headers):
                    await _to_login(send, scope)
                    return
            except FairleadError as error:
                refused = refusal_of(error)
        if refused is not None:
            await _refuse(send, refused)
            return

        async def send_guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                there = {name for name, _ in message["headers"]}
                extra = [(n, v) for n, v in HEADERS if n not in there]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._app(scope, receive, send_guarded)

    def _unfit(self, headers: Mapping[bytes, bytes]) -> Refusal | None:
        fault = fault_of(self._guard.sites, headers.get(b"host"), headers.get(b"origin"))
        if fault is not None:
            return SITE_REFUSALS[fault]
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._guard.body_bytes_max:
            most = self._guard.body_bytes_max
            return refusal(413, f"A body may have at most {most} bytes here.")
        if headers.get(b"transfer-encoding"):
            return refusal(411, "Send a Content-Length.")
        return None

    def _caller(self, headers: Mapping[bytes, bytes]) -> Key:
        """The key of who asks.

        Raises:
            FairleadError: there is none that is for this.
        """
        gate, sessions = self._guard.gate, self._guard.sessions
        assert gate is not None
        cookies = headers.get(b"cookie")
        key_id = sessions.key_id(cookies, self._clock.now_us()) if cookies else None
        if secret_of(headers) is not None or key_id is None:
            return gate.admit(headers, "operate", "")
        key = gate.named(key_id)
        gate.allow(key, "operate", "")
        return key


def _is_open(path: str) -> bool:
    """Whether a path, exactly as it is matched, is for everyone."""
    return path in OPEN or (path.startswith(STATIC) and "/" not in path[len(STATIC) :])


def _is_page(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a person waits for a page."""
    return scope["method"] == "GET" and b"text/html" in headers.get(b"accept", b"")


async def _to_login(send: Send, scope: Scope) -> None:
    target = f"/login?then={quote(scope['path'], safe='/')}".encode()
    await _send(send, 303, b"", (b"location", target), (b"cache-control", b"no-store"))


async def _refuse(send: Send, refused: Refusal) -> None:
    response = native_shape(refused)
    kind = (b"content-type", response.content_type)
    await _send(send, response.status, response.body, kind, *response.headers)


async def _send(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [*headers, length, *HEADERS]})
    await send({"type": "http.response.body", "body": body})
