"""The door of simulations: what a plan would do, before it does it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field

from fairlead.api.types import Services

RUNS_MAX = 2_000
FAULTS_MAX = 5
Fault = Annotated[str, Field(max_length=100)]


class SimulationRequest(BaseModel):
    """Carry a plan out many times on a virtual clock, over made-up traffic or a log's."""

    model_config = ConfigDict(extra="forbid")

    plan: dict[str, Any]
    """With the keys of a table `[release.NAME]` of the settings."""
    from_log: str = ""
    """The endpoint whose last day's traffic it is; else it is made up."""
    requests: float | None = None
    """An hour; 10000 if not given."""
    error_rate: float | None = None
    """Of 100 requests, that fail now; 1 if not given."""
    latency_ms: float | None = None
    """Median time in queue and model; 20 if not given."""
    units: float | None = None
    """That ask in a day; one for each request if not given."""
    inject: Annotated[list[Fault], Field(max_length=FAULTS_MAX)] = ["error_rate=3x"]
    """Faults, such as `error_rate=10%,latency=+20%`, each of a candidate of its own."""
    runs: Annotated[int, Field(ge=1, le=RUNS_MAX)] = 1_000
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


def build_simulations(services: Services) -> APIRouter:
    """The simulations' own list of routes.

    Args:
        services: the platform behind them.
    """
    doors = APIRouter()

    @doors.post("/v1/simulations")
    def simulate(wanted: Annotated[SimulationRequest, Body()]) -> Response:
        made = {
            "requests_per_h": wanted.requests,
            "failing": None if wanted.error_rate is None else wanted.error_rate / 100.0,
            "latency_ms": wanted.latency_ms,
            "units": wanted.units,
        }
        found = services.simulate(
            wanted.plan,
            wanted.from_log,
            {name: value for name, value in made.items() if value is not None},
            wanted.inject,
            runs=wanted.runs,
            seed=wanted.seed,
        )
        return Response(msgspec.json.encode(found), media_type="application/json")

    return doors
