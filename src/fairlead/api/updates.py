"""The doors of updates: how models are kept right, what came of each update, a word to one."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairlead.api.reply import actor_of, as_json
from fairlead.api.types import Services
from fairlead.updates import Word
from fairlead.updates.book import REASON_LENGTH_MAX


class ReasonRequest(BaseModel):
    """Why something is wanted of an update."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=REASON_LENGTH_MAX)] = ""


def build_updates(services: Services) -> APIRouter:
    """The updates' own list of routes.

    Args:
        services: the platform behind them.
    """
    doors = APIRouter()

    @doors.get("/v1/updates")
    def overviews() -> Response:
        return as_json({"updates": services.update_book.overviews()})

    @doors.get("/v1/updates/{endpoint}")
    def overview(endpoint: str) -> Response:
        return as_json(services.update_book.overview(endpoint))

    @doors.get("/v1/updates/{endpoint}/runs")
    def runs(endpoint: str) -> Response:
        services.update_book.overview(endpoint)
        return as_json({"runs": services.update_book.updates(endpoint)})

    @doors.post("/v1/updates/{endpoint}/runs", status_code=202)
    def ask(
        endpoint: str, request: Request, wanted: Annotated[ReasonRequest | None, Body()] = None
    ) -> Response:
        reason = "" if wanted is None else wanted.reason
        services.update_book.ask(endpoint, actor_of(request), reason)
        return as_json({"endpoint": endpoint}, 202)

    @doors.get("/v1/updates/{endpoint}/runs/{update}")
    def run(endpoint: str, update: str) -> Response:
        return as_json(services.update_book.update(endpoint, update))

    @doors.post("/v1/updates/{endpoint}/runs/{update}/{word}", status_code=202)
    def tell(
        endpoint: str,
        update: str,
        word: Literal["approve", "decline", "cancel"],
        request: Request,
        wanted: Annotated[ReasonRequest | None, Body()] = None,
    ) -> Response:
        reason = "" if wanted is None else wanted.reason
        said = Word(name=word, actor=actor_of(request), reason=reason)
        scopes = request.state.scopes
        return as_json(services.update_book.tell(endpoint, update, said, scopes), 202)

    return doors
