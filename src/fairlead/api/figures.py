"""Figures over HTTP: as Plotly reads them, and their numbers as CSV."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from fairlead.api.charts import HOURS, HOURS_MAX, to_csv
from fairlead.api.reply import as_json
from fairlead.api.types import Services

Hours = Annotated[float, Query(gt=0, le=HOURS_MAX, description="How far to look back.")]
_OWN = frozenset({"hours", "form"})
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}


def build_figures(services: Services) -> APIRouter:
    """The routes of figures.

    Args:
        services: the platform behind them.
    """
    router = APIRouter()

    @router.get("/v1/endpoints/{endpoint}/figures")
    def figures(endpoint: str) -> Response:
        services.route(endpoint)
        return as_json({"figures": services.charts.listed()})

    @router.get("/v1/endpoints/{endpoint}/figures/{name}", responses=_CSV)
    def figure(
        endpoint: str,
        name: str,
        request: Request,
        hours: Hours = HOURS,
        form: Literal["json", "csv"] = "json",
    ) -> Response:
        options = {key: value for key, value in request.query_params.items() if key not in _OWN}
        drawn = services.charts.draw(endpoint, name, hours, options)
        if form == "json":
            return as_json(drawn.figure)
        headers = {"content-disposition": f'attachment; filename="{endpoint}-{name}.csv"'}
        text = to_csv(drawn.columns, drawn.rows)
        return Response(text, 200, headers, "text/csv; charset=utf-8")

    return router
