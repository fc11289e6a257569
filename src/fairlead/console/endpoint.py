"""The pages of one endpoint: how it fares, and what it answered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Query, Request, Response

from fairlead.api import Services
from fairlead.api.charts import HOURS, HOURS_MAX, Cell
from fairlead.api.endpoint import EndpointHealth, FieldWindow
from fairlead.api.predictions import LIMIT, Asked
from fairlead.console.figures import link
from fairlead.console.page import address, show
from fairlead.errors import NotFoundError
from fairlead.monitoring.draw_slices import DRAWN_MAX

SPANS = ((1.0, "1 h"), (24.0, "24 h"), (168.0, "7 days"), (672.0, "28 days"))
"""How far the page looks back, in hours."""
HEAT_ROWS_MAX = 20
_HEAT_FRAME_PX, _HEAT_ROW_PX = 90, 22
SLICES_MAX = 30
"""Lines of slices; CSV has all."""
_DOTS_FRAME_PX, _DOTS_ROW_PX = 80, 26

Hours = Annotated[float, Query(gt=0, le=HOURS_MAX)]
Text = Annotated[str, Query(max_length=1000)]
Window = Annotated[int, Query(ge=0, lt=1 << 62)]


def build_endpoint(services: Services) -> APIRouter:
    """The routes of the pages.

    Args:
        services: the platform behind them.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/endpoints/{endpoint}")
    def health(
        endpoint: str,
        request: Request,
        hours: Hours = HOURS,
        version: Text = "",
        field: Text = "",
        window: Window = 0,
    ) -> Response:
        found = services.endpoint_health(endpoint, hours, version)
        shown = found.stream.version if found.stream is not None else ""
        return show(
            request, "health.html",
            endpoint=endpoint,
            health=found,
            version=version,
            figure=partial(link, endpoint, hours=hours),
            of_version=partial(link, endpoint, hours=hours, version=shown),
            here_with=partial(_here_with, endpoint, hours=hours, version=version),
            spans=SPANS,
            heat_px=_heat_px(found),
            dots_px=_dots_px(found),
            slices_max=SLICES_MAX,
            **_field(services, endpoint, shown, field, window),
        )  # fmt: skip

    @router.get("/endpoints/{endpoint}/predictions")
    def predictions(
        endpoint: str,
        request: Request,
        hours: Hours = HOURS,
        by: Literal["id", "caller_id", "unit"] = "id",
        value: Text = "",
    ) -> Response:
        value = value.strip()
        asked = msgspec.structs.replace(Asked(hours=hours), **{by: value})
        found = services.predictions(endpoint, asked)
        return show(
            request, "predictions.html",
            endpoint=endpoint, found=found, hours=hours, by=by, value=value,
            spans=SPANS, limit=LIMIT,
        )  # fmt: skip

    return router


def _field(
    services: Services, endpoint: str, version: str, field: str, window: int
) -> dict[str, FieldWindow | Sequence[Sequence[Cell]] | str | None]:
    """What is shown of the field that was asked for; why it cannot be, where it cannot."""
    if not field:
        return {"detail": None, "bins": (), "missing": ""}
    try:
        detail = services.field_window(endpoint, field, window, version)
    except NotFoundError as error:
        return {"detail": None, "bins": (), "missing": str(error)}
    options = {"field": field, "window": str(detail.start_us), "version": version}
    try:
        bins = services.charts.draw(endpoint, "distribution", HOURS, options).rows
    except NotFoundError as error:
        return {"detail": detail, "bins": (), "missing": str(error)}
    return {"detail": detail, "bins": bins, "missing": ""}


def _here_with(endpoint: str, *, hours: float, version: str, **other: str | float) -> str:
    """The address of this page with something else asked for; what is empty is left out."""
    said = {"hours": f"{hours:g}", "version": version, **other}
    return f"{address(endpoint)}?{urlencode({k: v for k, v in said.items() if v})}"


def _heat_px(found: EndpointHealth) -> int:
    """The height of the heat map, which has a row for each field."""
    return _HEAT_FRAME_PX + _HEAT_ROW_PX * min(max(len(found.fields), 3), HEAT_ROWS_MAX)


def _dots_px(found: EndpointHealth) -> int:
    """The height of the figure of slices, which has a row for each that has labels."""
    drawn = sum(line.value is not None for line in found.slices.lines)
    return _DOTS_FRAME_PX + _DOTS_ROW_PX * min(max(drawn, 3), DRAWN_MAX)
