"""The doors of online learning: how learners stand, and whether they may learn."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairlead.api.reply import actor_of, as_json
from fairlead.api.types import Services
from fairlead.schedules.book import REASON_LENGTH_MAX


class FreezeRequest(BaseModel):
    """Let a model learn nothing more until it is resumed."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=REASON_LENGTH_MAX)] = ""


def build_online(services: Services) -> APIRouter:
    """Online learning's own list of routes.

    Args:
        services: the platform behind them.
    """
    doors = APIRouter()

    @doors.get("/v1/online")
    def learners() -> Response:
        return as_json({"learners": services.online_book.learners()})

    @doors.get("/v1/endpoints/{endpoint}/online")
    def learner(endpoint: str) -> Response:
        return as_json(services.online_book.learner(endpoint))

    @doors.put("/v1/endpoints/{endpoint}/online/freeze")
    def freeze(
        endpoint: str, wanted: Annotated[FreezeRequest, Body()], request: Request
    ) -> Response:
        services.online_book.freeze(endpoint, wanted.reason, actor_of(request))
        return as_json(services.online_book.learner(endpoint))

    @doors.delete("/v1/endpoints/{endpoint}/online/freeze")
    def resume(endpoint: str, request: Request) -> Response:
        services.online_book.resume(endpoint, "", actor_of(request))
        return as_json(services.online_book.learner(endpoint))

    return doors
