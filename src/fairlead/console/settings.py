"""The page of who may do what, whether anybody would hear of it, and one's own password."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

from fastapi import APIRouter, Request, Response

from fairlead.access import ROLES, SCOPES, Porter, Role
from fairlead.api import Services
from fairlead.api.reply import actor_of, address_of, caller_of
from fairlead.console.obey import Form, number, obey
from fairlead.console.page import redirect, show, viewer
from fairlead.errors import ConfigError, FairleadError


@dataclass(frozen=True)
class Told:
    """What the page says once.

    Args:
        said: what was done.
        secret: that is kept nowhere.
    """

    said: str
    secret: str = ""


def build_settings(services: Services, porter: Porter) -> APIRouter:
    """The routes of the page.

    Args:
        services: the platform behind it.
        porter: knows who has which password.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/settings")
    def settings(request: Request) -> Response:
        return _page(services, request)

    _add_own_password(router, services, porter)
    _add_keys(router, services)
    _add_users(router, services)
    _add_others(router, services)
    return router


def _add_own_password(router: APIRouter, services: Services, porter: Porter) -> None:
    @router.post("/settings/password")
    def change_password(request: Request, form: Form) -> Response:
        def deed() -> Response:
            new = form.get("new", "")
            if new != form.get("again", ""):
                raise ConfigError("The new password is not the same twice.")
            caller, address = caller_of(request), address_of(request)
            cookie = porter.change_password(caller, form.get("old", ""), new, address)
            return redirect("/settings#password", cookie)

        return obey(deed, lambda problem: _page(services, request, problem=problem))


def _add_keys(router: APIRouter, services: Services) -> None:
    @router.post("/settings/keys")
    def make(request: Request, form: Form) -> Response:
        def work() -> Told:
            key, secret = services.make_key(
                form.get("name", ""),
                [scope for scope in SCOPES if form.get(f"scope-{scope}")],
                endpoints=[form["endpoint"]] if form.get("endpoint") else None,
                rate=number(form, "rate"),
                days=number(form, "days"),
                actor=actor_of(request),
            )
            return Told(f"The key {key.name} is made.", secret)

        return _tell_once(services, request, work)

    @router.post("/settings/keys/{key}/revoke")
    def revoke(key: str, request: Request) -> Response:
        work = partial(services.key_book.revoke, key, actor_of(request))
        return _change(services, request, "keys", work)


def _add_users(router: APIRouter, services: Services) -> None:
    @router.post("/settings/users")
    def add(request: Request, form: Form) -> Response:
        name, password = form.get("name", ""), form.get("password", "")
        work = partial(services.user_book.add, name, _role(form), password, actor_of(request))
        return _change(services, request, "users", work)

    @router.post("/settings/users/{user}/role")
    def set_role(user: str, request: Request, form: Form) -> Response:
        work = partial(services.user_book.set_role, user, _role(form), actor_of(request))
        return _change(services, request, "users", work)

    @router.post("/settings/users/{user}/password")
    def set_password(user: str, request: Request, form: Form) -> Response:
        password = form.get("password", "")
        work = partial(services.user_book.set_password, user, password, actor_of(request))
        return _change(services, request, "users", work)

    @router.post("/settings/users/{user}/remove")
    def remove(user: str, request: Request) -> Response:
        work = partial(services.user_book.remove, user, actor_of(request))
        return _change(services, request, "users", work)


def _add_others(router: APIRouter, services: Services) -> None:
    @router.post("/settings/channels/{channel}/test")
    def test(channel: str, request: Request) -> Response:
        def work() -> Told:
            sent = services.try_channel(channel, actor_of(request))
            return Told(f"The channel {channel} took the test message {sent}.")

        return _tell_once(services, request, work)

    @router.post("/settings/links/{link}/revoke")
    def take_back(link: str, request: Request) -> Response:
        work = partial(services.link_book.revoke, link, actor_of(request))
        return _change(services, request, "links", work)


def _change(
    services: Services, request: Request, place: str, work: Callable[[], object]
) -> Response:
    """Make a change, and lead back to where it is seen."""

    def deed() -> Response:
        work()
        return redirect(f"/settings#{place}")

    return obey(deed, lambda problem: _page(services, request, problem=problem))


def _tell_once(services: Services, request: Request, work: Callable[[], Told]) -> Response:
    """Do something, and show at once what cannot stand in an address."""
    return obey(
        lambda: _page(services, request, work()),
        lambda problem: _page(services, request, problem=problem),
    )


def _page(
    services: Services,
    request: Request,
    told: Told | None = None,
    problem: FairleadError | None = None,
) -> Response:
    who = viewer(request)
    own = services.user_book.get(who.actor) if who.has_password else None
    context = _of_all(services) if who.may("operate") else {}
    return show(request, "settings.html", problem, told=told, own=own, **context)


def _of_all(services: Services) -> dict[str, object]:
    """What is shown to who may see what others may do."""
    return {
        "keys": [key for key in services.key_book.all_keys() if key.revoked_us is None],
        "users": services.user_book.all_users(),
        "links": services.link_book.in_force(),
        "channels": services.channels(),
        "endpoints": [route.endpoint for route in services.routes()],
        "roles": list(ROLES),
        "scopes": SCOPES,
    }


def _role(form: Mapping[str, str]) -> Role:
    return cast(Role, form.get("role", ""))  # the book refuses others
