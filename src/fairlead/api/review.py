"""The doors of the review queues: take, decide, pass over, take back, and how it all stands."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from fairlead.api.reply import actor_of, as_json
from fairlead.api.types import Services
from fairlead.review.bring import bring, write_lines
from fairlead.review.show import shown
from fairlead.review.tally import Reviewer
from fairlead.review.types import Task
from fairlead.signature.media import media_type

JSON_LINES = "application/x-ndjson"


class DecisionRequest(BaseModel):
    """Decide a task."""

    model_config = ConfigDict(extra="forbid")

    decision: StrictBool | StrictInt | StrictFloat | StrictStr
    """One of the labels, a number or a text, as its `question` asks."""


class LabelsRequest(BaseModel):
    """Put rows that are worth a label into the queue."""

    model_config = ConfigDict(extra="forbid")

    rows: int = Field(default=50, ge=1, le=500)
    """How many, at most."""
    drifted: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=20)
    """Fields, and slices as `plan=pro`, of which there are to be some."""
    seed: int = Field(default=0, ge=0, lt=2**53)
    """Of what is random."""


def build_review(services: Services) -> APIRouter:
    """The review queues' own list of routes.

    Args:
        services: the platform behind them.
    """
    doors = APIRouter()
    _add_queues(doors, services)
    _add_tasks(doors, services)
    return doors


def _add_queues(doors: APIRouter, services: Services) -> None:
    @doors.get("/v1/review")
    def queues() -> Response:
        return as_json({"queues": services.review_book.queues.lines()})

    @doors.get("/v1/review/{queue}")
    def queue(queue: str, request: Request) -> Response:
        found = services.review_book.queues
        line = found.line(queue)
        reviewers = [_reviewer(one) for one in found.reviewers(queue)]
        you = _reviewer(found.reviewer(queue, actor_of(request)))
        return as_json({**msgspec.structs.asdict(line), "reviewers": reviewers, "you": you})

    @doors.post("/v1/review/{queue}/take")
    def take(queue: str, request: Request) -> Response:
        task = services.review_book.take(queue, actor_of(request))
        return as_json({"task": None if task is None else _shown(services, task)})

    @doors.post("/v1/review/{queue}/undo")
    def undo(queue: str, request: Request) -> Response:
        task = services.review_book.undo(queue, actor_of(request))
        return as_json({"task": _shown(services, task)})

    @doors.get(
        "/v1/review/{queue}/export",
        response_class=Response,
        responses={200: {"content": {JSON_LINES: {"schema": {"type": "string"}}}}},
    )
    def export(
        queue: str,
        form: Literal["plain", "label-studio"] = "plain",
        decided: Annotated[bool, Query()] = False,
    ) -> Response:
        lines = write_lines(services.review_book, queue, form, decided=decided)
        return Response(b"".join(lines), media_type=JSON_LINES)

    @doors.post("/v1/review/{queue}/import")
    async def bring_in(queue: str, request: Request) -> Response:
        body, actor = await request.body(), actor_of(request)
        brought = await run_in_threadpool(
            bring, services.review_book, queue, body, "The body", actor
        )
        return as_json(brought)

    @doors.post("/v1/endpoints/{endpoint}/labels")
    def ask_for_labels(
        endpoint: str, wanted: Annotated[LabelsRequest, Body()], request: Request
    ) -> Response:
        return as_json(
            services.ask_for_labels(
                endpoint, wanted.rows, wanted.seed, wanted.drifted, actor_of(request)
            )
        )

    @doors.get("/v1/endpoints/{endpoint}/rungs")
    def rungs(endpoint: str) -> Response:
        return as_json({"rungs": services.review_book.queues.rungs(endpoint)})


def _add_tasks(doors: APIRouter, services: Services) -> None:
    @doors.get("/v1/tasks/{task}")
    def task(task: str) -> Response:
        return as_json(_shown(services, services.review_book.queues.task(task)))

    @doors.get(
        "/v1/tasks/{task}/media",
        response_class=Response,
        responses={200: {"content": {"application/octet-stream": {}}}},
    )
    def media(task: str, field: str) -> Response:
        services.review_book.queues.task(task)
        content = services.media(task, field)
        headers = {"content-disposition": "inline", "cache-control": "private, no-store"}
        return Response(content, 200, headers, media_type(content))

    @doors.post("/v1/tasks/{task}/decide")
    def decide(task: str, told: Annotated[DecisionRequest, Body()], request: Request) -> Response:
        decided = services.review_book.decide(task, told.decision, actor_of(request))
        return as_json(_shown(services, decided))

    @doors.post("/v1/tasks/{task}/skip")
    def skip(task: str, request: Request) -> Response:
        services.review_book.skip(task, actor_of(request))
        return as_json({"skipped": task})


def _shown(services: Services, task: Task) -> dict[str, Any]:
    question = services.review_book.queues.question(task.endpoint)
    return {**msgspec.structs.asdict(shown(task)), "state": task.state, "question": question}


def _reviewer(one: Reviewer) -> dict[str, Any]:
    return {
        "name": one.name, "decided": one.decided, "compared": one.compared,
        "agreed": one.agreed, "per_hour": one.per_hour,
    }  # fmt: skip
