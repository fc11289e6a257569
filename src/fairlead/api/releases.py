"""The doors of releases: what there were, how one stands, and the word of a person."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairlead.api.reply import actor_of, as_json
from fairlead.api.types import Services
from fairlead.releases import Order

Text = Annotated[str, Field(max_length=300)]


class ReleaseRequest(BaseModel):
    """Let a version answer an endpoint."""

    model_config = ConfigDict(extra="forbid")

    version: str
    """`churn:2` or `churn@champion`."""

    reason: Annotated[str, Field(max_length=500)] = ""
    """Why; for whoever looks at it later."""

    strategy: Literal["canary", "blue-green", "shadow", "ab", "now"] | None = None
    """How it takes over. What is not given here is as the settings' table `[release.NAME]` says, if
    that is by the same strategy; without any, as the traffic lets it."""

    steps: Annotated[list[Text], Field(min_length=1, max_length=100)] | None = None
    """Of a canary or a blue-green: `5% for 2h`."""

    share: Text | None = None
    """Of a shadow: the requests it sees."""

    duration: Text | None = None
    """Of a shadow or an ab."""

    stable: Text | None = None
    """Of a shadow: `human:QUEUE` where a person decides."""

    goal: Text | None = None
    """Of an ab: the metric that shall get better, as `mean:revenue`."""


class OrderRequest(BaseModel):
    """Tell the release that is under way what to do."""

    model_config = ConfigDict(extra="forbid")

    order: Literal["approve", "pause", "resume", "promote", "abort", "rollback"]
    reason: str = Field(default="", max_length=500)
    release: str = Field(default="", max_length=100)
    """Id of the release that is meant, and no other; empty for whichever is under way."""


def build_releases(services: Services) -> APIRouter:
    """The releases' own list of routes.

    Args:
        services: the platform behind them.
    """
    doors = APIRouter()
    _add_looking(doors, services)
    _add_telling(doors, services)
    return doors


def _add_looking(doors: APIRouter, services: Services) -> None:
    @doors.get("/v1/endpoints/{endpoint}/releases")
    def releases(endpoint: str) -> Response:
        services.route(endpoint)
        return as_json({"releases": services.judged_releases(endpoint)})

    @doors.get("/v1/endpoints/{endpoint}/releases/{release_id}")
    def release_report(endpoint: str, release_id: str, request: Request) -> Response:
        services.route(endpoint)
        return as_json(services.release_report(endpoint, release_id, actor_of(request)))

    @doors.get("/v1/endpoints/{endpoint}/experiment")
    def experiment(endpoint: str) -> Response:
        services.route(endpoint)
        return as_json(services.experiment(endpoint))

    @doors.get("/v1/endpoints/{endpoint}/experiment/plan")
    def experiment_plan(endpoint: str) -> Response:
        services.route(endpoint)
        return as_json({"note": services.experiment_plan(endpoint)})


def _add_telling(doors: APIRouter, services: Services) -> None:
    @doors.post("/v1/endpoints/{endpoint}/releases/plan")
    def planned_release(endpoint: str, wanted: Annotated[ReleaseRequest, Body()]) -> Response:
        services.route(endpoint)
        told = wanted.model_dump(exclude={"version", "reason"}, exclude_none=True)
        return as_json(services.planned_release(endpoint, wanted.version, told))

    @doors.post("/v1/endpoints/{endpoint}/releases", status_code=202)
    def release(
        endpoint: str, wanted: Annotated[ReleaseRequest, Body()], request: Request
    ) -> Response:
        told = wanted.model_dump(exclude={"version", "reason"}, exclude_none=True)
        asked = services.release(endpoint, wanted.version, told, actor_of(request), wanted.reason)
        return as_json(asked, 202)

    @doors.post("/v1/endpoints/{endpoint}/releases/order", status_code=202)
    def order(endpoint: str, told: Annotated[OrderRequest, Body()], request: Request) -> Response:
        services.route(endpoint)
        services.order(endpoint, Order(told.order, actor_of(request), told.reason), told.release)
        return as_json({"order": told.order}, 202)
