"""How an endpoint has fared, over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from fairlead.api.charts import HOURS
from fairlead.api.figures import Hours
from fairlead.api.predictions import LIMIT, LIMIT_MAX, Asked
from fairlead.api.reply import as_json
from fairlead.api.types import Services

Version = Annotated[str, Query(max_length=300, description="The one of now if not given.")]
Field = Annotated[str, Query(max_length=1000, description="Name of the field.")]
Window = Annotated[
    int, Query(ge=0, lt=1 << 62, description="Start of the window, microseconds since 1970.")
]

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many at most, the newest.")]
Wanted = Annotated[str, Query(max_length=1000, description="Only those; any if not given.")]


def build_inspect(services: Services) -> APIRouter:
    """The routes of what an endpoint's pages show.

    Args:
        services: the platform behind them.
    """
    router = APIRouter()

    @router.get("/v1/endpoints/{endpoint}/health")
    def health(endpoint: str, hours: Hours = HOURS, version: Version = "") -> Response:
        return as_json(services.endpoint_health(endpoint, hours, version))

    @router.get("/v1/endpoints/{endpoint}/slices")
    def slices(endpoint: str, hours: Hours = HOURS, version: Version = "") -> Response:
        return as_json(services.endpoint_slices(endpoint, hours, version))

    @router.get("/v1/endpoints/{endpoint}/field")
    def field(endpoint: str, field: Field, window: Window = 0, version: Version = "") -> Response:
        return as_json(services.field_window(endpoint, field, window, version))

    @router.get("/v1/endpoints/{endpoint}/predictions")
    def predictions(
        endpoint: str,
        hours: Hours = HOURS,
        limit: Limit = LIMIT,
        id: Wanted = "",  # noqa: A002
        caller_id: Wanted = "",
        unit: Wanted = "",
    ) -> Response:
        asked = Asked(hours=hours, id=id, caller_id=caller_id, unit=unit, limit=limit)
        return as_json(services.predictions(endpoint, asked))

    return router
