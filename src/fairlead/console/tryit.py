"""The page on which people try an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from fairlead.access.links import DAYS, RATE
from fairlead.api import Services
from fairlead.api.reply import actor_of
from fairlead.console.obey import Form, number, obey
from fairlead.console.page import answer_with, render, show, viewer
from fairlead.console.types import NOBODY, Viewer
from fairlead.errors import FairleadError
from fairlead.forms import answer_of, controls_of, options_of, to_json
from fairlead.signature import Signature


def build_tryit(services: Services, *, keys: bool) -> APIRouter:
    """The routes of the page, and the one that publishes it.

    Args:
        services: the platform behind it.
        keys: whether callers need a key.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/try/{endpoint}")
    def try_it(endpoint: str, request: Request) -> Response:
        route, who = services.route(endpoint), viewer(request)
        example = services.example(route)
        return answer_with(
            render_try(
                endpoint, route.signature, services.api_url, example,
                keys=keys, who=who, asks=who.may("operate"),
            )
        )  # fmt: skip

    @router.post("/try/{endpoint}/links")
    def publish(endpoint: str, request: Request, form: Form) -> Response:
        page = partial(_published, request, endpoint)
        deed = partial(_publish, services, endpoint, form, actor_of(request))
        return obey(lambda: page(path=deed()), lambda problem: page(problem=problem))

    return router


def _publish(services: Services, endpoint: str, form: Mapping[str, str], actor: str) -> str:
    """Publish a page; gives its path, which is shown this once."""
    services.route(endpoint)
    days, rate = number(form, "days"), number(form, "rate")
    _, secret = services.link_book.publish(
        endpoint,
        form.get("name", ""),
        days=DAYS if days is None else days,
        rate=RATE if rate is None else rate,
        actor=actor,
    )
    return f"/shared/{secret}"


def _published(
    request: Request, endpoint: str, path: str = "", problem: FairleadError | None = None
) -> Response:
    origin = str(request.base_url).rstrip("/")
    return show(request, "published.html", problem, endpoint=endpoint, path=path, origin=origin)


def render_try(
    endpoint: str,
    signature: Signature,
    api_url: str,
    example: dict[str, object],
    *,
    keys: bool = False,
    who: Viewer = NOBODY,
    asks: bool = True,
    shared: str = "",
) -> str:
    """Write the page on which an endpoint is tried.

    It sends rows and feedback to the doors of the API on its own origin.

    Args:
        endpoint: its name.
        signature: of what it takes and answers.
        api_url: of the API, as callers from elsewhere reach it.
        example: the row that the form starts with, by field name; values may be absent.
        keys: whether callers from elsewhere need a key.
        who: looks at it.
        asks: whether they may ask, and tell what was right.
        shared: the path of the page, if it is published: it then stands alone, asks at a door of
            its own and takes no feedback.

    Returns:
        HTML.
    """
    path = f"/v1/endpoints/{quote(endpoint, safe='')}"
    answer = answer_of(signature)
    page = {
        "endpoint": endpoint,
        "apiUrl": "" if shared else api_url.rstrip("/"),
        "keys": keys,
        "predict": f"{shared or path}/predict",
        "feedback": f"{path}/feedback",
        "answer": answer.name if answer else None,
        "csrf": who.csrf,
    }
    return render(
        "try.html",
        who,
        endpoint=endpoint,
        controls=controls_of(signature, example),
        page=to_json(page),
        answer=answer,
        labels=options_of(signature, answer),
        asks=asks,
        shared=shared,
    )
