"""The page of who may do what, and whether anybody would hear of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from fairlead.access import ROLES, SCOPES, Role
from fairlead.api import Services
from fairlead.api.form import read_form
from fairlead.api.reply import actor_of
from fairlead.console.page import show
from fairlead.errors import ConfigError, FairleadError
from fairlead.serving.refusal import status_of

Form = dict[str, str]


@dataclass(frozen=True)
class Told:
    """What the page says once.

    Args:
        said: what was done.
        secret: that is kept nowhere.
        problem: why it was not done.
    """

    said: str = ""
    secret: str = ""
    problem: str = ""


Work = Callable[[Form, str], Told | None]
"""Makes a change that a form asks for, by whom; gives what is to be shown once, if anything."""


NOTHING = Told()


def build_settings(services: Services) -> APIRouter:
    """The routes of the page.

    Args:
        services: the platform behind it.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/settings")
    def settings(request: Request) -> Response:
        return _page(services, request)

    _add_keys(router, services)
    _add_users(router, services)

    @router.post("/settings/channels/{channel}/test")
    async def test(channel: str, request: Request) -> Response:
        def work(_: Form, actor: str) -> Told:
            sent = services.try_channel(channel, actor)
            return Told(f"The channel {channel} took the test message {sent}.")

        return await _change(services, request, "channels", work)

    @router.post("/settings/links/{link}/revoke")
    async def take_back(link: str, request: Request) -> Response:
        def work(_: Form, actor: str) -> None:
            services.link_book.revoke(link, actor)

        return await _change(services, request, "links", work)

    return router


def _add_keys(router: APIRouter, services: Services) -> None:
    @router.post("/settings/keys")
    async def make(request: Request) -> Response:
        def work(given: Form, actor: str) -> Told:
            key, secret = services.make_key(
                given.get("name", ""),
                [scope for scope in SCOPES if given.get(f"scope-{scope}")],
                endpoints=[given["endpoint"]] if given.get("endpoint") else None,
                rate=number(given, "rate"),
                days=number(given, "days"),
                actor=actor,
            )
            return Told(f"The key {key.name} is made.", secret)

        return await _change(services, request, "keys", work)

    @router.post("/settings/keys/{key}/revoke")
    async def revoke(key: str, request: Request) -> Response:
        def work(_: Form, actor: str) -> None:
            services.key_book.revoke(key, actor)

        return await _change(services, request, "keys", work)


def _add_users(router: APIRouter, services: Services) -> None:
    @router.post("/settings/users")
    async def add(request: Request) -> Response:
        def work(given: Form, actor: str) -> None:
            services.user_book.add(
                given.get("name", ""), _role(given), given.get("password", ""), actor
            )

        return await _change(services, request, "users", work)

    @router.post("/settings/users/{user}/role")
    async def set_role(user: str, request: Request) -> Response:
        def work(given: Form, actor: str) -> None:
            services.user_book.set_role(user, _role(given), actor)

        return await _change(services, request, "users", work)

    @router.post("/settings/users/{user}/password")
    async def set_password(user: str, request: Request) -> Response:
        def work(given: Form, actor: str) -> None:
            services.user_book.set_password(user, given.get("password", ""), actor)

        return await _change(services, request, "users", work)

    @router.post("/settings/users/{user}/remove")
    async def remove(user: str, request: Request) -> Response:
        def work(_: Form, actor: str) -> None:
            services.user_book.remove(user, actor)

        return await _change(services, request, "users", work)


async def _change(services: Services, request: Request, place: str, work: Work) -> Response:
    """Make a change, and lead back to where it is seen.

    What is shown once cannot stand in an address, so the page comes at once with it. So it does
    with what is refused.
    """
    given = read_form(await request.body())
    try:
        once = await run_in_threadpool(work, given, actor_of(request))
    except FairleadError as error:
        refused = Told(problem=str(error))
        return await run_in_threadpool(_page, services, request, refused, status_of(error))
    if once is None:
        return Response(b"", 303, {"location": f"/settings#{place}", "cache-control": "no-store"})
    return await run_in_threadpool(_page, services, request, once)


def _page(
    services: Services, request: Request, told: Told = NOTHING, status: int = 200
) -> Response:
    return show(
        request, "settings.html", status,
        keys=[key for key in services.key_book.all_keys() if key.revoked_us is None],
        users=services.user_book.all_users(),
        links=services.link_book.in_force(),
        channels=services.channels(),
        endpoints=[route.endpoint for route in services.routes()],
        roles=list(ROLES), scopes=SCOPES, told=told,
    )  # fmt: skip


def _role(given: Form) -> Role:
    return cast(Role, given.get("role", ""))  # the book refuses others


def number(given: Form, name: str) -> float | None:
    """A number of a form that may be left out.

    Raises:
        ConfigError: it is none.
    """
    text = given.get(name, "").strip()
    try:
        found = float(text) if text else None
    except ValueError:
        found = math.nan
    if found is not None and not math.isfinite(found):
        raise ConfigError(f"What stands under '{name}' is no number.")
    return found
