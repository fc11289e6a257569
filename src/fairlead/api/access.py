"""The doors of keys, users and published pages: who may do what."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairlead.access import Key, Link, Porter, Role, Scope, User
from fairlead.access.links import DAYS, DAYS_MAX, RATE, RATE_MAX
from fairlead.api.reply import actor_of, address_of, as_json, caller_of
from fairlead.api.types import Services

Text = Annotated[str, Field(max_length=200)]
Days = Annotated[float, Field(gt=0, le=36_500)]


class KeyRequest(BaseModel):
    """Make a key; its secret is told this once."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=10)]
    endpoints: Annotated[list[Text], Field(max_length=100)] | None = None
    """That it is for; all if not given."""
    rate: float | None = None
    """Requests a second that it is good for."""
    days: Days | None = None
    """After which it expires."""


class UserRequest(BaseModel):
    """Let a person sign in."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    role: Role
    password: Text


class RoleRequest(BaseModel):
    """Let a user do other things."""

    model_config = ConfigDict(extra="forbid")

    role: Role


class PasswordRequest(BaseModel):
    """Give a user another password."""

    model_config = ConfigDict(extra="forbid")

    password: Text


class OwnPasswordRequest(BaseModel):
    """Have another password yourself."""

    model_config = ConfigDict(extra="forbid")

    old: Text
    new: Text


class LinkRequest(BaseModel):
    """Publish a page on which the endpoint can be tried; its address is told this once."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    days: Annotated[float, Field(gt=0, le=DAYS_MAX)] = DAYS
    """After which it ends."""
    rate: Annotated[float, Field(gt=0, le=RATE_MAX)] = RATE
    """Requests a second that it is good for."""


def build_access(services: Services, porter: Porter) -> APIRouter:
    """Their list of routes.

    Args:
        services: the platform behind them.
        porter: knows who has which password.
    """
    doors = APIRouter()
    _add_keys(doors, services)
    _add_users(doors, services)
    _add_own_password(doors, porter)
    _add_links(doors, services)
    return doors


def _add_keys(doors: APIRouter, services: Services) -> None:
    @doors.get("/v1/keys")
    def keys() -> Response:
        return as_json({"keys": [_shown(key) for key in services.key_book.all_keys()]})

    @doors.post("/v1/keys", status_code=201)
    def make_key(wanted: Annotated[KeyRequest, Body()], request: Request) -> Response:
        key, secret = services.make_key(
            wanted.name,
            wanted.scopes,
            endpoints=wanted.endpoints,
            rate=wanted.rate,
            days=wanted.days,
            actor=actor_of(request),
        )
        return as_json({**_shown(key), "secret": secret}, 201)

    @doors.delete("/v1/keys/{key}")
    def revoke_key(key: str, request: Request) -> Response:
        return as_json(_shown(services.key_book.revoke(key, actor_of(request))))


def _add_users(doors: APIRouter, services: Services) -> None:
    @doors.get("/v1/users")
    def users() -> Response:
        return as_json({"users": [_shown(user) for user in services.user_book.all_users()]})

    @doors.post("/v1/users", status_code=201)
    def add_user(wanted: Annotated[UserRequest, Body()], request: Request) -> Response:
        added = services.user_book.add(wanted.name, wanted.role, wanted.password, actor_of(request))
        return as_json(_shown(added), 201)

    @doors.put("/v1/users/{user}/role")
    def set_role(user: str, wanted: Annotated[RoleRequest, Body()], request: Request) -> Response:
        return as_json(_shown(services.user_book.set_role(user, wanted.role, actor_of(request))))

    @doors.put("/v1/users/{user}/password")
    def set_password(
        user: str, wanted: Annotated[PasswordRequest, Body()], request: Request
    ) -> Response:
        return as_json(
            _shown(services.user_book.set_password(user, wanted.password, actor_of(request)))
        )

    @doors.delete("/v1/users/{user}")
    def remove_user(user: str, request: Request) -> Response:
        return as_json(_shown(services.user_book.remove(user, actor_of(request))))


def _add_own_password(doors: APIRouter, porter: Porter) -> None:
    @doors.put("/v1/password")
    def change_password(
        wanted: Annotated[OwnPasswordRequest, Body()], request: Request
    ) -> Response:
        caller, address = caller_of(request), address_of(request)
        cookie = porter.change_password(caller, wanted.old, wanted.new, address)
        reply = as_json({"name": caller.actor})
        reply.headers["set-cookie"] = cookie
        return reply


def _add_links(doors: APIRouter, services: Services) -> None:
    @doors.get("/v1/links")
    def links() -> Response:
        return as_json({"links": [_shown(link) for link in services.link_book.in_force()]})

    @doors.post("/v1/endpoints/{endpoint}/links", status_code=201)
    def publish(
        endpoint: str, wanted: Annotated[LinkRequest, Body()], request: Request
    ) -> Response:
        services.route(endpoint)
        link, secret = services.link_book.publish(
            endpoint, wanted.name, days=wanted.days, rate=wanted.rate, actor=actor_of(request)
        )
        return as_json({**_shown(link), "path": f"/shared/{secret}"}, 201)

    @doors.delete("/v1/links/{link}")
    def revoke_link(link: str, request: Request) -> Response:
        return as_json(_shown(services.link_book.revoke(link, actor_of(request))))


def _shown(value: Key | User | Link) -> dict[str, Any]:
    """What is told of a record: nothing that secrets are compared with."""
    hidden = ("digest", "password", "stamp")
    return {
        name: part for name, part in msgspec.structs.asdict(value).items() if name not in hidden
    }
