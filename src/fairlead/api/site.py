"""The pages: an index, one to try each endpoint, and one with its API, drawn by Swagger UI."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, Response

from fairlead.api.tryit import PAGES, STATIC_FILES, render_try, template
from fairlead.api.types import Services
from fairlead.errors import NotFoundError
from fairlead.routing import Route

OURS = (*STATIC_FILES, "docs.js", "docs.css")
SWAGGER = ("swagger-ui.css", "swagger-ui-bundle.js")
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Swagger UI sets styles on elements and draws its icons from data: URLs.
DOCS_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)


def build_site(services: Services, *, keys: bool) -> APIRouter:
    """The pages' own list of routes.

    Args:
        services: the platform behind them.
        keys: whether callers need a key.
    """
    site = APIRouter(include_in_schema=False)

    @site.get("/")
    def index() -> Response:
        routes = services.routes()
        return _html(template("index.html").render(routes=routes))

    @site.get("/try/{endpoint}")
    def try_it(endpoint: str) -> Response:
        route = services.route(endpoint)
        return _html(
            render_try(
                endpoint,
                route.revision,
                _versions(route),
                route.signature,
                services.api_url,
                services.example(route),
                keys=keys,
            )
        )

    @site.get("/docs")
    def docs_of_control() -> Response:
        return _docs("/openapi.json", endpoint=None)

    @site.get("/docs/{endpoint}")
    def docs(endpoint: str) -> Response:
        route = services.route(endpoint)
        return _docs(
            f"/v1/endpoints/{quote(endpoint, safe='')}/openapi.json",
            endpoint=endpoint,
            revision=route.revision,
            versions=_versions(route),
        )

    @site.get("/static/{name}")
    def static(name: str) -> Response:
        content, kind = _static(name)
        return Response(content, media_type=kind, headers={"cache-control": "no-cache"})

    return site


def _versions(route: Route) -> list[str]:
    return [arm.version.name for arm in route.arms]


def _docs(url: str, **heading: object) -> Response:
    page = template("docs.html").render(url=url, **heading)
    return _html(page, {"content-security-policy": DOCS_POLICY})


def _html(page: str, headers: dict[str, str] | None = None) -> Response:
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)


@cache
def _static(name: str) -> tuple[bytes, str]:
    """A file and its media type; only files that are named here are served."""
    if name not in (*OURS, *SWAGGER):
        raise NotFoundError("There is nothing at this path.")
    path = (PAGES if name in OURS else _swagger_folder()) / name
    return path.read_bytes(), MEDIA_TYPES[path.suffix]


def _swagger_folder() -> Path:
    """Found without an import, which would cost its own."""
    found = importlib.util.find_spec("fastapi_offline")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "static"
