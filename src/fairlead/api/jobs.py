"""The doors of scheduled jobs: how they stand, what came of their runs, and a run now."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from fairlead.api.reply import actor_of
from fairlead.api.types import Services


def build_jobs(services: Services) -> APIRouter:
    """The jobs' own list of routes.

    Args:
        services: the platform behind them.
    """
    doors = APIRouter()

    @doors.get("/v1/jobs")
    def jobs() -> Response:
        return _json({"jobs": services.job_book.jobs()})

    @doors.get("/v1/jobs/{endpoint}/{job}")
    def job(endpoint: str, job: str) -> Response:
        return _json(services.job_book.job(f"{endpoint}/{job}"))

    @doors.get("/v1/jobs/{endpoint}/{job}/runs")
    def runs(endpoint: str, job: str) -> Response:
        return _json({"runs": services.job_book.runs(f"{endpoint}/{job}")})

    @doors.post("/v1/jobs/{endpoint}/{job}/runs", status_code=202)
    def run(endpoint: str, job: str, request: Request) -> Response:
        place = f"{endpoint}/{job}"
        services.job_book.ask(place, actor_of(request))
        return _json({"job": place}, 202)

    return doors


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
