"""The page of an endpoint's releases: how one stands, what it is told, and how one is begun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from fairlead.api import Services
from fairlead.api.form import read_form
from fairlead.api.release import ReleaseReport, line_of
from fairlead.console import guards, phrase
from fairlead.console.page import address, show, viewer
from fairlead.errors import ConflictError, FairleadError
from fairlead.releases import OPEN, Order, OrderName, Strategy
from fairlead.serving.refusal import refusal_of

PAGE_LINES = 20
REASON_MAX = 500
OPTIONS: dict[str, tuple[str, ...]] = {
    "canary": ("steps",),
    "blue-green": ("steps",),
    "shadow": ("share", "duration", "stable"),
    "ab": ("goal", "duration"),
    "now": (),
}
"""What the form asks for besides, by strategy; each is a key of the settings' table."""
FIELDS = ("version", "strategy", *dict.fromkeys(one for some in OPTIONS.values() for one in some))


def build_releases_page(services: Services) -> APIRouter:
    """The routes of the page.

    Args:
        services: the platform behind it.
    """
    router = APIRouter(include_in_schema=False)
    _add_looking(router, services)
    _add_telling(router, services)
    return router


def _add_looking(router: APIRouter, services: Services) -> None:
    @router.get("/endpoints/{endpoint}/releases")
    def releases(endpoint: str, request: Request, page: int = 1) -> Response:
        return _history(services, request, endpoint, page)

    @router.get("/endpoints/{endpoint}/releases/new")
    def new(endpoint: str, request: Request) -> Response:
        return _form(services, request, endpoint, dict(request.query_params))

    @router.get("/endpoints/{endpoint}/releases/{release_id}")
    def release(endpoint: str, release_id: str, request: Request) -> Response:
        return _release(services, request, endpoint, release_id)


def _add_telling(router: APIRouter, services: Services) -> None:
    @router.post("/endpoints/{endpoint}/releases")
    async def start(endpoint: str, request: Request) -> Response:
        given = read_form(await request.body())
        return await run_in_threadpool(_start, services, request, endpoint, given)

    @router.post("/endpoints/{endpoint}/releases/{release_id}")
    async def tell(endpoint: str, release_id: str, request: Request) -> Response:
        given = read_form(await request.body())
        return await run_in_threadpool(_tell, services, request, endpoint, release_id, given)


def _history(services: Services, request: Request, endpoint: str, page: int) -> Response:
    """The present release, open, and below it all there were."""
    services.route(endpoint)
    found = list(reversed(services.releases(endpoint)))
    under_way = next((one for one in found if one.state in OPEN), None)
    report = None
    if under_way is not None:
        report = services.release_report(endpoint, under_way.id, viewer(request).actor)
    pages = max(1, -(-len(found) // PAGE_LINES))
    page = min(max(page, 1), pages)
    lines = [line_of(one) for one in found[(page - 1) * PAGE_LINES : page * PAGE_LINES]]
    return _show(request, endpoint, report, lines=lines, page=page, pages=pages)


def _release(
    services: Services,
    request: Request,
    endpoint: str,
    release_id: str,
    problem: FairleadError | None = None,
) -> Response:
    services.route(endpoint)
    report = services.release_report(endpoint, release_id, viewer(request).actor)
    return _show(request, endpoint, report, problem)


def _show(
    request: Request,
    endpoint: str,
    report: ReleaseReport | None,
    problem: FairleadError | None = None,
    **context: Any,
) -> Response:
    return show(
        request,
        "releases.html",
        200 if problem is None else refusal_of(problem).status,
        endpoint=endpoint,
        report=report,
        problem=problem,
        phrase=phrase,
        evidence=guards,
        **{"lines": None, "page": 1, "pages": 1, **context},
    )


def _form(
    services: Services,
    request: Request,
    endpoint: str,
    given: Mapping[str, str],
    problem: FairleadError | None = None,
) -> Response:
    """What can be released, and once something is chosen, what that would do."""
    services.route(endpoint)
    planned = None
    if given.get("version") and problem is None:
        try:
            planned = services.planned_release(endpoint, given["version"], _told(given))
        except FairleadError as error:
            problem = error
    return show(
        request,
        "release_new.html",
        200 if problem is None else refusal_of(problem).status,
        endpoint=endpoint,
        given=dict.fromkeys(FIELDS, "") | {n: given[n] for n in FIELDS if n in given},
        planned=planned,
        problem=problem,
        choices=services.choices(endpoint),
        strategies=get_args(Strategy),
        options=OPTIONS.get(given.get("strategy", ""), ()),
        phrase=phrase,
    )


def _start(
    services: Services, request: Request, endpoint: str, given: Mapping[str, str]
) -> Response:
    try:
        services.route(endpoint)
        found = services.release(
            endpoint, given.get("version", ""), _told(given), viewer(request).actor
        )
    except FairleadError as error:
        return _form(services, request, endpoint, given, error)
    return _go(address(endpoint, "releases", found.id))


def _tell(
    services: Services,
    request: Request,
    endpoint: str,
    release_id: str,
    given: Mapping[str, str],
) -> Response:
    report = services.release_report(endpoint, release_id, viewer(request).actor)
    try:
        _order(services, request, report, given)
    except FairleadError as error:
        return _release(services, request, endpoint, release_id, error)
    if not report.is_open:  # it is another release that goes back
        return _go(address(endpoint, "releases"))
    return _go(address(endpoint, "releases", release_id))


def _order(
    services: Services, request: Request, report: ReleaseReport, given: Mapping[str, str]
) -> None:
    """Tell the release that the page was about, and no other.

    Raises:
        ConflictError: what was pressed makes no sense any more.
    """
    name = given.get("order", "")
    offer = next((one for one in report.offers if one.order == name), None)
    if offer is None:
        state = phrase.state_of(report.line).lower()
        raise ConflictError(
            f"The release of {report.line.version} is by now: {state}. That order makes no sense "
            "any more.",
            hint="The buttons below are those that do.",
        )
    order: OrderName = offer.order
    reason = given.get("reason", "").strip()[:REASON_MAX]
    said = Order(order, viewer(request).actor, reason)
    services.order(report.endpoint, said, report.line.id)


def _told(given: Mapping[str, str]) -> dict[str, Any]:
    """What a form says of the plan; what is left empty is as the settings say."""
    strategy = given.get("strategy", "")
    told: dict[str, Any] = {"strategy": strategy} if strategy in get_args(Strategy) else {}
    for name in OPTIONS.get(strategy, ()):
        text = given.get(name, "").strip()
        if text:
            told[name] = [one.strip() for one in text.split(",")] if name == "steps" else text
    return told


def _go(path: str) -> Response:
    return Response(b"", 303, {"location": path, "cache-control": "no-store"})
