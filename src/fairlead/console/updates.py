"""The pages of updates: how models are kept right, how each update goes, what its gate found."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal, get_args

from fastapi import APIRouter, Request, Response

from fairlead.api import Services
from fairlead.api.reply import actor_of
from fairlead.console.obey import Form, not_offered, obey
from fairlead.console.page import path_of, redirect, show
from fairlead.errors import FairleadError
from fairlead.updates import STAGES, Update, Word
from fairlead.updates.decide import in_words

PATH = "/updates"
UPDATES_SHOWN = 50
Said = Literal["approve", "decline", "cancel"]


def build_updates_pages(services: Services) -> APIRouter:
    """The routes of the pages.

    Args:
        services: the platform behind them.
    """
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def updates(request: Request) -> Response:
        return _list(services, request)

    @router.post(PATH)
    def order(request: Request, form: Form) -> Response:
        return obey(partial(_do, services, request, form, ""), partial(_list, services, request))

    @router.get(PATH + "/{endpoint}")
    def update(request: Request, endpoint: str, update: str = "") -> Response:
        return _one(services, request, endpoint, update)

    @router.post(PATH + "/{endpoint}")
    def order_one(request: Request, endpoint: str, form: Form) -> Response:
        return obey(
            partial(_do, services, request, form, endpoint),
            partial(_one, services, request, endpoint, ""),
        )

    return router


def lasted_s(update: Update) -> float | None:
    """How long an update has taken, in seconds; None if it never began, or goes on.

    Example:
        >>> one = Update(id="u", endpoint="m", causes=(), created_us=0, due_us=0,
        ...              begun_us=1_000_000, ended_us=3_500_000)
        >>> lasted_s(one)
        2.5
    """
    if update.begun_us is None or update.ended_us is None:
        return None
    return (update.ended_us - update.begun_us) / 1e6


def _list(services: Services, request: Request, problem: FairleadError | None = None) -> Response:
    overviews = services.update_book.overviews()
    return show(request, "updates.html", problem, overviews=overviews, stages=STAGES)


def _one(
    services: Services,
    request: Request,
    endpoint: str,
    update: str,
    problem: FairleadError | None = None,
) -> Response:
    book = services.update_book
    overview, updates = book.overview(endpoint), book.updates(endpoint)
    chosen = book.update(endpoint, update) if update else next(iter(updates), None)
    return show(
        request,
        "update.html",
        problem,
        overview=overview,
        updates=updates[:UPDATES_SHOWN],
        chosen=chosen,
        lasted_s=lasted_s,
        in_words=in_words,
        stages=STAGES,
    )


def _do(services: Services, request: Request, form: Mapping[str, str], endpoint: str) -> Response:
    book, name, reason = services.update_book, form.get("order", ""), form.get("reason", "")
    if name == "update":
        book.ask(form.get("endpoint", endpoint), actor_of(request), reason)
    elif endpoint and name in get_args(Said):
        said = next(each for each in get_args(Said) if each == name)
        word = Word(name=said, actor=actor_of(request), reason=reason)
        book.tell(endpoint, form.get("update", ""), word, request.state.scopes)
    else:
        raise not_offered()
    return redirect(path_of("updates", endpoint) if endpoint else PATH)
