"""The review queue: one task at a time, decided with a key or a button."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from fairlead.api import Services
from fairlead.api.reply import actor_of
from fairlead.console.obey import Form, obey
from fairlead.console.page import path_of, redirect, show
from fairlead.errors import ConfigError, FairleadError, NotFoundError
from fairlead.review.question import Question, text_of
from fairlead.review.show import shown
from fairlead.review.tally import guess_of
from fairlead.review.types import Task
from fairlead.signature import Field
from fairlead.signature.media import media_type

KEYS_MAX = 9
LONG = 80


@dataclass(frozen=True, slots=True)
class Shown:
    """One input, as what it is.

    Args:
        name: of the field.
        form: `image`, `audio`, `text`, `value`, or `lost` of a picture or sound that was not kept.
        value: of it; where a picture or a sound is fetched from.
    """

    name: str
    form: str
    value: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One label to choose.

    Args:
        value: that is sent.
        key: that chooses it; empty beyond the ninth.
    """

    value: str
    key: str


def build_review_pages(services: Services) -> APIRouter:
    """The routes of the pages.

    Args:
        services: the platform behind them.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/review")
    def queues(request: Request) -> Response:
        found = services.review_book.queues
        lines = [(line, {e: found.rungs(e) for e in line.endpoints}) for line in found.lines()]
        return show(request, "queues.html", lines=lines)

    @router.get("/review/{queue}")
    def queue(queue: str, request: Request) -> Response:
        return _page(services, queue, request)

    @router.post("/review/{queue}")
    def order(queue: str, request: Request, form: Form) -> Response:
        deed = partial(_do, services, queue, form, actor_of(request))
        return obey(deed, partial(_page, services, queue, request))

    return router


def _do(services: Services, queue: str, form: Mapping[str, str], actor: str) -> Response:
    """Do what a button says, and lead to the next task."""
    book, task = services.review_book, form.get("task", "")
    match form.get("action"):
        case "skip":
            book.skip(task, actor)
        case "undo":
            book.undo(queue, actor)
        case _:
            book.decide(task, _value(services, task, form.get("value", "")), actor)
    return redirect(path_of("review", queue))


def _value(services: Services, task: str, written: str) -> object:
    found = services.review_book.queues
    question = found.question(found.task(task).endpoint)
    if question.form != "number":
        return written
    try:
        return float(written)
    except ValueError:
        raise ConfigError("The decision is no number.", hint="Expected a number.") from None


def _page(
    services: Services, queue: str, request: Request, problem: FairleadError | None = None
) -> Response:
    book, who = services.review_book, actor_of(request)
    task = book.take(queue, who)
    context: dict[str, Any] = {}
    if task is not None:
        question = book.queues.question(task.endpoint)
        fields = services.route(task.endpoint).signature.inputs
        guess = guess_of(shown(task), question.field)
        context = {
            "question": question,
            "choices": _choices(question),
            "inputs": _inputs(services, task, fields),
            "guess": None if guess is None else text_of(guess),
        }
    place = book.queues.undoable(queue, who)
    last = None if place is None else book.queues.task(place.value.id)
    return show(
        request,
        "review.html",
        problem,
        queue=queue,
        line=book.queues.line(queue),
        you=book.queues.reviewer(queue, who),
        task=task,
        last=None if last is None or last.decision is None else text_of(last.decision),
        **context,
    )


def _choices(question: Question) -> list[Choice]:
    texts = [text_of(choice) for choice in question.choices]
    return [Choice(t, str(n) if n <= KEYS_MAX else "") for n, t in enumerate(texts, start=1)]


def _inputs(services: Services, task: Task, fields: tuple[Field, ...]) -> list[Shown]:
    """The inputs in the signature's order, and then those that it does not know."""
    kinds = {field.name: field.kind for field in fields if field.name in task.inputs}
    names = [*kinds, *(name for name in task.inputs if name not in kinds)]
    return [_shown(services, task, name, kinds.get(name, "")) for name in names]


def _shown(services: Services, task: Task, name: str, kind: str) -> Shown:
    value = task.inputs[name]
    text = "-" if value is None else str(value)
    if kind in ("image", "audio") and value is not None:
        try:
            content = services.media(task.id, name)
        except NotFoundError:
            return Shown(name, "lost", text)
        path = f"/v1/tasks/{quote(task.id, safe='')}/media?field={quote(name, safe='')}"
        return Shown(name, media_type(content).partition("/")[0], path)
    long = kind == "text" or len(text) > LONG or "\n" in text
    return Shown(name, "text" if long else "value", text)
