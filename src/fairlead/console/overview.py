"""The first page: how every endpoint is doing, worst first."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from fairlead.api import Services
from fairlead.console.page import show
from fairlead.console.sparkline import points


def build_overview(services: Services) -> APIRouter:
    """The route of the page.

    Args:
        services: the platform behind it.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def overview(request: Request) -> Response:
        return show(request, "overview.html", overview=services.overview(), points=points)

    return router
