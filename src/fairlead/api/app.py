"""The application of the control plane: its list of routes, and what each calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Body, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute

from fairlead.api.access import build_access
from fairlead.api.alerts import build_alerts
from fairlead.api.audit import build_audit
from fairlead.api.automation import build_automation
from fairlead.api.document import DescribedApi
from fairlead.api.figures import build_figures
from fairlead.api.guard import GuardMiddleware
from fairlead.api.inspect import build_inspect
from fairlead.api.jobs import build_jobs
from fairlead.api.models import build_models
from fairlead.api.proxy import forward
from fairlead.api.reply import actor_of
from fairlead.api.review import build_review
from fairlead.api.simulations import build_simulations
from fairlead.api.types import Guard, Services
from fairlead.errors import FairleadError
from fairlead.releases import Order
from fairlead.serving.exposition import OPENMETRICS, exposition
from fairlead.serving.openapi import openapi
from fairlead.serving.refusal import native_shape, refusal, refusal_of

Text = Annotated[str, Field(max_length=300)]


class ReleaseRequest(BaseModel):
    """Let a version answer an endpoint."""

    model_config = ConfigDict(extra="forbid")

    version: str
    """`churn:2` or `churn@champion`."""

    reason: Annotated[str, Field(max_length=500)] = ""
    """Why; for whoever looks at it later."""

    strategy: Literal["canary", "blue-green", "shadow", "ab", "now"] | None = None
    """How it takes over. What is not given here is as the settings' table `[release.NAME]` says, if
    that is by the same strategy; without any, as the traffic lets it."""

    steps: Annotated[list[Text], Field(min_length=1, max_length=100)] | None = None
    """Of a canary or a blue-green: `5% for 2h`."""

    share: Text | None = None
    """Of a shadow: the requests it sees."""

    duration: Text | None = None
    """Of a shadow or an ab."""

    stable: Text | None = None
    """Of a shadow: `human:QUEUE` where a person decides."""

    goal: Text | None = None
    """Of an ab: the metric that shall get better, as `mean:revenue`."""


class OrderRequest(BaseModel):
    """Tell the release that is under way what to do."""

    model_config = ConfigDict(extra="forbid")

    order: Literal["approve", "pause", "resume", "promote", "abort", "rollback"]
    reason: str = Field(default="", max_length=500)


def build_api(services: Services, guard: Guard, pages: Sequence[APIRouter] = ()) -> FastAPI:
    """Put the application together.

    Args:
        services: the platform behind it.
        guard: who is let in.
        pages: that stand beside it, behind the same guard.
    """
    app = DescribedApi(keys=guard.keys)
    routes: list[BaseRoute] = []
    app.add_middleware(GuardMiddleware, guard=guard, routes=routes)
    app.add_exception_handler(FairleadError, _on_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_bad_body)
    app.add_exception_handler(Exception, _on_error)
    _add_health(app, services)
    _add_endpoints(app, services, keys=guard.keys)
    doors = (
        build_access(services),
        build_models(services),
        build_alerts(services),
        build_audit(services),
        build_automation(services),
        build_figures(services),
        build_inspect(services),
        build_jobs(services),
        build_review(services),
        build_simulations(services),
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

    @app.get("/v1/endpoints/{endpoint}/releases")
    def releases(endpoint: str) -> Response:
        services.route(endpoint)
        return _json({"releases": services.releases(endpoint)})

    @app.get("/v1/endpoints/{endpoint}/experiment")
    def experiment(endpoint: str) -> Response:
        services.route(endpoint)
        return _json(services.experiment(endpoint))

    @app.get("/v1/endpoints/{endpoint}/experiment/plan")
    def experiment_plan(endpoint: str) -> Response:
        services.route(endpoint)
        return _json({"note": services.experiment_plan(endpoint)})

    @app.post("/v1/endpoints/{endpoint}/releases", status_code=202)
    def release(
        endpoint: str, wanted: Annotated[ReleaseRequest, Body()], request: Request
    ) -> Response:
        told = wanted.model_dump(exclude={"version", "reason"}, exclude_none=True)
        asked = services.release(endpoint, wanted.version, told, actor_of(request), wanted.reason)
        return _json(asked, 202)

    @app.post("/v1/endpoints/{endpoint}/releases/order", status_code=202)
    def order(endpoint: str, told: Annotated[OrderRequest, Body()], request: Request) -> Response:
        services.route(endpoint)
        services.order(endpoint, Order(told.order, actor_of(request), told.reason))
        return _json({"order": told.order}, 202)

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


def _on_error(_: Request, error: Exception) -> Response:
    reply = native_shape(refusal_of(error))
    headers = {name.decode(): value.decode() for name, value in reply.headers}
    return Response(reply.body, reply.status, headers, reply.content_type.decode())


def _on_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    messages = {404: "There is nothing at this path.", 405: "This path takes another method."}
    message = messages.get(error.status_code, str(error.detail))
    reply = native_shape(refusal(error.status_code, message))
    return Response(reply.body, reply.status, media_type="application/json")


def _on_bad_body(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = sorted(
        f"{'.'.join(str(part) for part in one['loc'][1:]) or 'body'}: {one['msg']}"
        for one in error.errors()
    )
    hint = "A body is JSON, sent with 'content-type: application/json'."
    reply = native_shape(refusal(422, f"The body does not fit. {'; '.join(faults)}.", hint))
    return Response(reply.body, reply.status, media_type="application/json")
