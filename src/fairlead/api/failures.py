"""How what is refused is written: as JSON for a program, as a page for a person."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request, Response

from fairlead.serving.refusal import Refusal, native_shape

ErrorPage = Callable[[Request, Refusal], Response]
"""Writes a refusal as a page, with its status."""


def write_error(request: Request, refused: Refusal, page: ErrorPage | None) -> Response:
    """Write what is refused for whoever asked.

    Args:
        request: that was refused.
        refused: why.
        page: for who waits for a page; None if there are none.
    """
    if page is not None and "text/html" in request.headers.get("accept", ""):
        reply = page(request, refused)
    else:
        native = native_shape(refused)
        reply = Response(native.body, native.status, None, native.content_type.decode())
    for name, value in refused.headers:
        reply.headers[name.decode()] = value.decode()
    return reply
