"""The doors of scheduled jobs: how they stand, what came of their runs, a run now, and pauses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairlead.api.reply import actor_of, as_json
from fairlead.api.types import Services
from fairlead.schedules.book import REASON_LENGTH_MAX

Reason = Annotated[str, Field(max_length=REASON_LENGTH_MAX)]


class PauseRequest(BaseModel):
    """Let nothing of a schedule be due until it is resumed."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = ""


def build_jobs(services: Services) -> APIRouter:
    """The jobs' own list of routes.

    Args:
        services: the platform behind them.
    """
    doors = APIRouter()

    @doors.get("/v1/jobs")
    def jobs() -> Response:
        return as_json({"jobs": services.job_book.jobs()})

    @doors.get("/v1/jobs/{endpoint}/{job}")
    def job(endpoint: str, job: str) -> Response:
        return as_json(services.job_book.job(f"{endpoint}/{job}"))

    @doors.get("/v1/jobs/{endpoint}/{job}/runs")
    def runs(endpoint: str, job: str) -> Response:
        return as_json({"runs": services.job_book.runs(f"{endpoint}/{job}")})

    @doors.post("/v1/jobs/{endpoint}/{job}/runs", status_code=202)
    def run(endpoint: str, job: str, request: Request) -> Response:
        place = f"{endpoint}/{job}"
        services.job_book.ask(place, actor_of(request))
        return as_json({"job": place}, 202)

    @doors.put("/v1/jobs/{endpoint}/{job}/pause")
    def pause(
        endpoint: str, job: str, wanted: Annotated[PauseRequest, Body()], request: Request
    ) -> Response:
        place = f"{endpoint}/{job}"
        services.job_book.pause(place, wanted.reason, actor_of(request))
        return as_json(services.job_book.job(place))

    @doors.delete("/v1/jobs/{endpoint}/{job}/pause")
    def resume(endpoint: str, job: str, request: Request, reason: Reason = "") -> Response:
        place = f"{endpoint}/{job}"
        services.job_book.resume(place, reason, actor_of(request))
        return as_json(services.job_book.job(place))

    return doors
