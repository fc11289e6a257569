"""The doors of automation: who decides at an endpoint, and who shall."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairlead.api.reply import actor_of, as_json
from fairlead.api.types import Services
from fairlead.routing import Automation, Mode


class AutomationRequest(BaseModel):
    """Say who decides at an endpoint from now on; what is left out is as at first."""

    model_config = ConfigDict(extra="forbid")

    mode: Mode
    """`human`, `shadow`, `assist`, `partial` or `full`."""
    auto_if: str = Field(default="", max_length=500)
    """Which rows the model decides, of `partial`: `confidence >= 0.97`."""
    queue: str = Field(default="", max_length=63)
    """Whose people decide; the one of the endpoint's name if it is empty."""
    audit: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of the rows that the model decides which a person looks at too."""
    reason: str = Field(default="", max_length=500)
    """For the audit."""


def build_automation(services: Services) -> APIRouter:
    """The automation's own list of routes.

    Args:
        services: the platform behind them.
    """
    doors = APIRouter()

    @doors.get("/v1/endpoints/{endpoint}/automation")
    def automation(endpoint: str) -> Response:
        return as_json(services.automation(endpoint))

    @doors.put("/v1/endpoints/{endpoint}/automation")
    def automate(
        endpoint: str, wanted: Annotated[AutomationRequest, Body()], request: Request
    ) -> Response:
        said = Automation(wanted.mode, wanted.auto_if, wanted.queue, wanted.audit)
        actor = actor_of(request)
        return as_json(services.automate(endpoint, said, actor, wanted.reason))

    return doors
