"""The application of the control plane: its list of routes, and what each calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute

from fairlead.api.access import build_access
from fairlead.api.alerts import build_alerts
from fairlead.api.audit import build_audit
from fairlead.api.automation import build_automation
from fairlead.api.document import DescribedApi
from fairlead.api.failures import ErrorPage, write_error
from fairlead.api.figures import build_figures
from fairlead.api.guard import GuardMiddleware
from fairlead.api.inspect import build_inspect
from fairlead.api.jobs import build_jobs
from fairlead.api.models import build_models
from fairlead.api.online import build_online
from fairlead.api.proxy import forward
from fairlead.api.releases import build_releases
from fairlead.api.review import build_review
from fairlead.api.simulations import build_simulations
from fairlead.api.types import Guard, Services
from fairlead.api.updates import build_updates
from fairlead.errors import FairleadError
from fairlead.serving.exposition import OPENMETRICS, exposition
from fairlead.serving.openapi import openapi
from fairlead.serving.refusal import Refusal, refusal, refusal_of


def build_api(
    services: Services,
    guard: Guard,
    pages: Sequence[APIRouter] = (),
    error_page: ErrorPage | None = None,
) -> FastAPI:
    """Put the application together.

    Args:
        services: the platform behind it.
        guard: who is let in.
        pages: that stand beside it, behind the same guard.
        error_page: writes what is refused for people; None if that is JSON for them, too.
    """
    app = DescribedApi(keys=guard.keys)
    routes: list[BaseRoute] = []
    app.add_middleware(GuardMiddleware, guard=guard, routes=routes, error_page=error_page)

    def on_error(request: Request, error: Exception) -> Response:
        return write_error(request, _refused(error), error_page)

    for kind in (FairleadError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, on_error)
    _add_health(app, services)
    _add_endpoints(app, services, keys=guard.keys)
    doors = (
        build_releases(services),
        build_access(services, guard.porter),
        build_models(services),
        build_alerts(services),
        build_audit(services),
        build_automation(services),
        build_figures(services),
        build_inspect(services),
        build_jobs(services),
        build_online(services),
        build_review(services),
        build_simulations(services),
        build_updates(services),
    )
    routes += app.routes
    for router in (*doors, *pages):
        routes += router.routes
        app.include_router(router)
    return app


def _add_health(app: FastAPI, services: Services) -> None:
    @app.get("/health/live")
    def live() -> Response:
        return _json({"live": True})

    @app.get("/health/ready", responses={503: {"description": "Not ready; says why."}})
    def ready() -> Response:
        problems = services.problems()
        return _json({"ready": not problems, "problems": problems}, 503 if problems else 200)

    @app.get(
        "/metrics",
        response_class=PlainTextResponse,
        responses={200: {"content": {OPENMETRICS: {"schema": {"type": "string"}}}}},
    )
    def metrics(request: Request) -> Response:
        accept = request.headers.get("accept")
        reply = exposition(services.samples(), accept.encode() if accept else None)
        return Response(reply.body, reply.status, media_type=reply.content_type.decode())

    @app.get("/v1/overview")
    def overview() -> Response:
        return _json(services.overview())

    @app.get("/v1/workers")
    def workers() -> Response:
        return _json(services.fleet())


def _add_endpoints(app: FastAPI, services: Services, *, keys: bool) -> None:
    @app.get("/v1/endpoints")
    def endpoints() -> Response:
        return _json({"endpoints": services.routes()})

    @app.get("/v1/endpoints/{endpoint}")
    def endpoint(endpoint: str) -> Response:
        return _json(services.route(endpoint))

    @app.get("/v1/endpoints/{endpoint}/openapi.json")
    def describe(endpoint: str) -> Response:
        by = services.looked_up_by(endpoint)
        return _json(openapi(services.route(endpoint), keys=keys, by=by))

    @app.post("/v1/endpoints/{endpoint}/predict")
    async def predict(endpoint: str, request: Request) -> Response:
        return await _pass_on(services, endpoint, "predict", request)

    @app.post("/v1/endpoints/{endpoint}/feedback")
    async def feedback(endpoint: str, request: Request) -> Response:
        return await _pass_on(services, endpoint, "feedback", request)


async def _pass_on(services: Services, endpoint: str, door: str, request: Request) -> Response:
    body = await request.body()
    upstream = await run_in_threadpool(services.upstream)
    reply = await run_in_threadpool(
        forward, upstream, endpoint, door, body, request.url.query, request.headers
    )
    headers = {name.decode(): value.decode() for name, value in reply.headers}
    return Response(reply.body, reply.status, headers, reply.content_type.decode())


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _refused(error: Exception) -> Refusal:
    """What an error of a route, or of the way to one, says to a caller."""
    if isinstance(error, HTTPException):
        messages = {404: "There is nothing at this path.", 405: "This path takes another method."}
        return refusal(error.status_code, messages.get(error.status_code, str(error.detail)))
    if isinstance(error, RequestValidationError):
        faults = sorted(
            f"{'.'.join(str(part) for part in one['loc'][1:]) or 'body'}: {one['msg']}"
            for one in error.errors()
        )
        hint = "A body is JSON, sent with 'content-type: application/json'."
        return refusal(422, f"The body does not fit. {'; '.join(faults)}.", hint)
    return refusal_of(error)
