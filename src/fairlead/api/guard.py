"""Who is let in: no page of another site reaches a platform on this machine.

A browser names the site in `Host` (so a rebound domain name is told from this one) and, when a
page sends something, in `Origin`. Programs send no `Origin`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from fairlead.api.types import Guard
from fairlead.serving.refusal import native_shape, refusal

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


class GuardMiddleware:
    """Stands before the whole application.

    Args:
        app: behind it.
        guard: what is let in.
    """

    def __init__(self, app: App, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and add headers to the reply."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(dict(scope["headers"]))
        if refusal:
            await _refuse(send, *refusal)
            return

        async def send_guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                there = {name for name, _ in message["headers"]}
                extra = [(n, v) for n, v in HEADERS if n not in there]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._app(scope, receive, send_guarded)

    def _refusal(self, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        host = headers.get(b"host", b"").decode("latin-1")
        origin = headers.get(b"origin")
        try:
            name = urlsplit(f"//{host}").hostname
            site = None if origin is None else urlsplit(origin.decode("latin-1")).netloc
        except ValueError:  # no address at all
            return 400, "The Host or Origin of the request is not valid."
        if self._guard.hosts and name not in self._guard.hosts:
            return 421, "This address is not one of this platform's."
        if site is not None and site != host:
            return 403, "Pages of other sites may not send anything here."
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._guard.body_bytes_max:
            return 413, f"A body may have at most {self._guard.body_bytes_max} bytes here."
        if headers.get(b"transfer-encoding"):
            return 411, "Send a Content-Length."
        return None


async def _refuse(send: Send, status: int, message: str) -> None:
    response = native_shape(refusal(status, message))
    headers = [(b"content-type", response.content_type), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
