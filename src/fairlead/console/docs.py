"""The pages on which Swagger UI draws an API: an endpoint's, and the control plane's."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from fairlead.api import Services
from fairlead.console.page import show


def build_docs(services: Services) -> APIRouter:
    """The routes of the pages.

    Args:
        services: the platform behind them.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    def docs_of_control(request: Request) -> Response:
        return show(request, "docs.html", url="/openapi.json", endpoint="")

    @router.get("/docs/{endpoint}")
    def docs(endpoint: str, request: Request) -> Response:
        services.route(endpoint)
        url = f"/v1/endpoints/{quote(endpoint, safe='')}/openapi.json"
        return show(request, "docs.html", url=url, endpoint=endpoint)

    return router
