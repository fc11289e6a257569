"""Published pages: one endpoint is tried by who has the link, and nothing else is seen."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from fairlead.access import Link
from fairlead.api import Services
from fairlead.api.proxy import forward
from fairlead.console.page import answer_with, render
from fairlead.console.tryit import render_try
from fairlead.errors import FairleadError, InputError, NotFoundError
from fairlead.forms import neutral
from fairlead.routing import Route
from fairlead.serving.refusal import refusal_of

ROWS_MAX = 10
NULL = msgspec.Raw(b"null")
UNLISTED = {"x-robots-tag": "noindex"}


class _Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a published page may send: rows alone, so that nothing else is asked with our key."""

    rows: list[dict[str, msgspec.Raw]]


def build_shared(services: Services) -> APIRouter:
    """The routes of the pages.

    Args:
        services: the platform behind them.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/shared/{token}")
    def shared(token: str) -> Response:
        try:
            link, route = _opened(services, token)
        except FairleadError as error:
            return answer_with(render("gone.html", problem=error.message), refusal_of(error))
        # A row of the training data may be somebody's: a stranger does not start with one.
        example = neutral(route.signature)
        page = render_try(
            link.endpoint, route.signature, services.api_url, example, shared=f"/shared/{token}"
        )
        answer = answer_with(page)
        answer.headers.update(UNLISTED)
        return answer

    @router.post("/shared/{token}/predict")
    async def predict(token: str, request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_predict, services, token, body)

    return router


def _opened(services: Services, token: str) -> tuple[Link, Route]:
    """What a link leads to.

    Raises:
        NotFoundError: nothing, or nothing any more.
        RateError: it was asked too often.
    """
    link = services.link_book.find(token)
    services.link_book.take(link)
    try:
        return link, services.route(link.endpoint)
    except NotFoundError:  # which would name another endpoint
        raise NotFoundError("What this link led to is not there any more.") from None


def _predict(services: Services, token: str, body: bytes) -> Response:
    link, route = _opened(services, token)
    rows = _rows(body, [field.name for field in route.signature.inputs])
    sent = msgspec.json.encode({"rows": rows, "unit": f"link:{link.name}"})
    headers = {"content-type": "application/json"}
    reply = forward(services.upstream(), link.endpoint, "predict", sent, "", headers)
    return Response(reply.body, reply.status, UNLISTED, reply.content_type.decode())


def _rows(body: bytes, names: Sequence[str]) -> list[dict[str, msgspec.Raw]]:
    """The rows of a body, each with all fields of the endpoint and no others.

    A key, or a field left out beside one, would be looked up: what is stored is not a stranger's.

    Raises:
        InputError: they are not such rows, or too many.
    """
    try:
        rows = msgspec.json.decode(body, type=_Asked).rows
    except (msgspec.DecodeError, UnicodeDecodeError):
        rows = []
    if not 0 < len(rows) <= ROWS_MAX:
        raise InputError(f'This page takes {{"rows": […]}} with 1 to {ROWS_MAX} rows of fields.')
    known = set(names)
    if any(row.keys() - known for row in rows):
        raise InputError(
            "A row has a field that is not one of this endpoint's.",
            hint="Send the fields that the page asks for, and no others.",
        )
    return [{name: row.get(name, NULL) for name in names} for row in rows]
