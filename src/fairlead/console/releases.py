"""The page of an endpoint's releases: how one stands, what it is told, and how one is begun."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, get_args

from fastapi import APIRouter, Request, Response

from fairlead.api import Services
from fairlead.api.release import History, ReleaseReport
from fairlead.api.reply import actor_of
from fairlead.console import guards, phrase
from fairlead.console.obey import Form, obey
from fairlead.console.page import address, redirect, show
from fairlead.errors import ConflictError, FairleadError
from fairlead.releases import Order, Strategy

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
    def start(endpoint: str, request: Request, form: Form) -> Response:
        deed = partial(_start, services, endpoint, form, actor_of(request))
        return obey(deed, partial(_form, services, request, endpoint, form))

    @router.post("/endpoints/{endpoint}/releases/{release_id}")
    def tell(endpoint: str, release_id: str, request: Request, form: Form) -> Response:
        deed = partial(_tell, services, endpoint, release_id, form, actor_of(request))
        return obey(deed, partial(_release, services, request, endpoint, release_id))


def _history(services: Services, request: Request, endpoint: str, page: int) -> Response:
    """The present release, open, and below it all there were."""
    found = services.release_history(endpoint, page)
    report = None
    if found.under_way:
        report = services.release_report(endpoint, found.under_way, actor_of(request))
    return _show(request, endpoint, report, history=found)


def _release(
    services: Services,
    request: Request,
    endpoint: str,
    release_id: str,
    problem: FairleadError | None = None,
) -> Response:
    services.route(endpoint)
    report = services.release_report(endpoint, release_id, actor_of(request))
    return _show(request, endpoint, report, problem)


def _show(
    request: Request,
    endpoint: str,
    report: ReleaseReport | None,
    problem: FairleadError | None = None,
    history: History | None = None,
) -> Response:
    return show(
        request,
        "releases.html",
        problem,
        endpoint=endpoint,
        report=report,
        phrase=phrase,
        evidence=guards,
        history=history,
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
        problem,
        endpoint=endpoint,
        given=dict.fromkeys(FIELDS, "") | {n: given[n] for n in FIELDS if n in given},
        planned=planned,
        choices=services.choices(endpoint),
        strategies=get_args(Strategy),
        options=OPTIONS.get(given.get("strategy", ""), ()),
        phrase=phrase,
    )


def _start(services: Services, endpoint: str, form: Mapping[str, str], actor: str) -> Response:
    services.route(endpoint)
    found = services.release(endpoint, form.get("version", ""), _told(form), actor)
    return redirect(address(endpoint, "releases", found.id))


def _tell(
    services: Services, endpoint: str, release_id: str, form: Mapping[str, str], actor: str
) -> Response:
    """Tell the release that the page was about, and no other.

    Raises:
        ConflictError: what was pressed makes no sense any more.
    """
    report = services.release_report(endpoint, release_id, actor)
    name = form.get("order", "")
    offer = next((one for one in report.offers if one.order == name), None)
    if offer is None:
        state = phrase.state_of(report.line).lower()
        raise ConflictError(
            f"The release of {report.line.version} is by now: {state}. That order makes no sense "
            "any more.",
            hint="The buttons below are those that do.",
        )
    reason = form.get("reason", "").strip()[:REASON_MAX]
    services.order(endpoint, Order(offer.order, actor, reason), release_id)
    if not report.is_open:  # it is another release that goes back
        return redirect(address(endpoint, "releases"))
    return redirect(address(endpoint, "releases", release_id))


def _told(form: Mapping[str, str]) -> dict[str, Any]:
    """What a form says of the plan; what is left empty is as the settings say."""
    strategy = form.get("strategy", "")
    told: dict[str, Any] = {"strategy": strategy} if strategy in get_args(Strategy) else {}
    for name in OPTIONS.get(strategy, ()):
        text = form.get(name, "").strip()
        if text:
            told[name] = [one.strip() for one in text.split(",")] if name == "steps" else text
    return told
