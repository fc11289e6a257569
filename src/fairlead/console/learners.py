"""The pages of learners: how models that learn as labels arrive do, and what their guard sees."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from fastapi import APIRouter, Request, Response

from fairlead.api import Services
from fairlead.api.reply import actor_of
from fairlead.console.obey import Form, not_offered, obey
from fairlead.console.page import path_of, redirect, show
from fairlead.errors import FairleadError

PATH = "/learners"
POINTS_SHOWN = 50


def build_learners_pages(services: Services) -> APIRouter:
    """The routes of the pages.

    Args:
        services: the platform behind them.
    """
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def learners(request: Request) -> Response:
        return show(request, "learners.html", None, learners=services.online_book.learners())

    @router.get(PATH + "/{endpoint}")
    def learner(request: Request, endpoint: str) -> Response:
        return _one(services, request, endpoint)

    @router.post(PATH + "/{endpoint}")
    def order(request: Request, endpoint: str, form: Form) -> Response:
        return obey(
            partial(_do, services, request, form, endpoint),
            partial(_one, services, request, endpoint),
        )

    return router


def _one(
    services: Services, request: Request, endpoint: str, problem: FairleadError | None = None
) -> Response:
    one = services.online_book.learner(endpoint)
    points = one.course[: -POINTS_SHOWN - 1 : -1]
    return show(request, "learner.html", problem, one=one, points=points)


def _do(services: Services, request: Request, form: Mapping[str, str], endpoint: str) -> Response:
    book, reason = services.online_book, form.get("reason", "")
    match form.get("order", ""):
        case "freeze":
            book.freeze(endpoint, reason, actor_of(request))
        case "resume":
            book.resume(endpoint, reason, actor_of(request))
        case _:
            raise not_offered()
    return redirect(path_of("learners", endpoint))
