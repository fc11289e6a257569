"""The doors of the registry: models, versions, two of them side by side, and aliases."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairlead.api.reply import actor_of, as_json
from fairlead.api.types import Services

Number = Annotated[int, Field(ge=1, lt=10**8)]
Reason = Annotated[str, Field(max_length=500)]


class AliasRequest(BaseModel):
    """Point an alias at a version."""

    model_config = ConfigDict(extra="forbid")

    version: Number
    """Its number."""
    reason: Reason = ""


def build_models(services: Services) -> APIRouter:
    """The registry's own list of routes.

    Args:
        services: the platform behind them.
    """
    doors = APIRouter()

    @doors.get("/v1/models")
    def models() -> Response:
        return as_json({"models": services.catalogue.models()})

    @doors.get("/v1/models/{model}")
    def model(model: str) -> Response:
        return as_json(services.catalogue.model(model))

    @doors.get("/v1/models/{model}/versions")
    def versions(model: str) -> Response:
        return as_json({"versions": services.versions(model)})

    @doors.get("/v1/models/{model}/compare")
    def compare(model: str, left: Number, right: Number) -> Response:
        return as_json(services.catalogue.compare(model, left, right))

    @doors.put("/v1/models/{model}/aliases/{alias}")
    def point(
        model: str, alias: str, wanted: Annotated[AliasRequest, Body()], request: Request
    ) -> Response:
        services.catalogue.point(model, alias, wanted.version, actor_of(request), wanted.reason)
        return as_json(services.catalogue.model(model))

    @doors.delete("/v1/models/{model}/aliases/{alias}")
    def take_away(model: str, alias: str, request: Request, reason: Reason = "") -> Response:
        services.catalogue.point(model, alias, None, actor_of(request), reason)
        return as_json(services.catalogue.model(model))

    @doors.get("/v1/versions/{reference}")
    def version(reference: str) -> Response:
        return as_json(services.catalogue.version(reference))

    return doors
