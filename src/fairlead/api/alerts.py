"""The doors of alerts: what is wrong, and what is silenced."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairlead.alerts.book import NOTE_LENGTH_MAX, SILENCE_S_MAX
from fairlead.api.reply import actor_of, as_json
from fairlead.api.types import Services

Text = Annotated[str, Field(max_length=1000)]


class SilenceRequest(BaseModel):
    """Tell nobody of some alerts of an endpoint for a while."""

    model_config = ConfigDict(extra="forbid")

    for_s: Annotated[float, Field(gt=0, le=SILENCE_S_MAX)]
    """How long, in seconds."""
    rule: Text = "*"
    """Of these rules; `*` and `?` stand for anything."""
    subject: Text = "*"
    """Of these fields, segments or versions; likewise."""
    reason: Text = ""


class AcknowledgeRequest(BaseModel):
    """Say that you are on an alert."""

    model_config = ConfigDict(extra="forbid")

    alert: Text
    """Its name, as `GET /v1/alerts` has it."""
    note: Annotated[str, Field(max_length=NOTE_LENGTH_MAX)] = ""
    """What others should know."""


def build_alerts(services: Services) -> APIRouter:
    """The alerts' own list of routes.

    Args:
        services: the platform behind them.
    """
    doors = APIRouter()

    @doors.get("/v1/alerts")
    def alerts(endpoint: str = "") -> Response:
        return as_json({"alerts": [shown.fields() for shown in services.alerts(endpoint)]})

    @doors.post("/v1/alerts/acknowledgements", status_code=201)
    def acknowledge(wanted: Annotated[AcknowledgeRequest, Body()], request: Request) -> Response:
        told = services.alert_book.acknowledge(wanted.alert, wanted.note, actor_of(request))
        return as_json(told.acknowledged, 201)

    @doors.get("/v1/notifications")
    def notifications() -> Response:
        found = services.alert_book.undelivered()
        waiting = [{**_fields(n), "message": _fields(n.message, "alerts")} for n in found]
        return as_json({"notifications": waiting})

    @doors.get("/v1/silences")
    def silences(endpoint: str = "") -> Response:
        return as_json({"silences": services.alert_book.silences(endpoint)})

    @doors.post("/v1/endpoints/{endpoint}/silences", status_code=201)
    def silence(
        endpoint: str, wanted: Annotated[SilenceRequest, Body()], request: Request
    ) -> Response:
        services.route(endpoint)
        made = services.alert_book.silence(
            endpoint,
            wanted.for_s,
            rule=wanted.rule,
            subject=wanted.subject,
            reason=wanted.reason,
            actor=actor_of(request),
        )
        return as_json(made, 201)

    @doors.delete("/v1/silences/{silence_id}")
    def unsilence(silence_id: str, request: Request) -> Response:
        return as_json(services.alert_book.unsilence(silence_id, actor_of(request)))

    return doors


def _fields(value: msgspec.Struct, without: str = "") -> dict[str, Any]:
    return {f: getattr(value, f) for f in value.__struct_fields__ if f != without}
