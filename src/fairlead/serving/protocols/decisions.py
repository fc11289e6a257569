"""What became of a prediction that a person decides: GET /v1/predictions/ID.

    {"id": "…", "endpoint": "loans", "decided_by": "person", "decision": "yes",
     "decided_at": "2026-03-01T12:00:00.000Z"}

`decided_by` is `pending` until a person's decision is final, and then `person`; of a row that the
model has decided and a person looks at too it is `model`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from fairlead.access import Gate, secret_of
from fairlead.errors import FairleadError, ForbiddenError, NotFoundError
from fairlead.ids import parse, text
from fairlead.review.types import Task
from fairlead.serving.failures import request_failed
from fairlead.serving.front import Front
from fairlead.serving.message import Reply, Request, Response, json_response
from fairlead.serving.refusal import native_shape, refusal_of
from fairlead.serving.router import Door, Names

FIND_S_MAX = 5.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Find = Callable[[str], Task | None]
"""The task of a prediction's id; called in a thread."""


class Decisions:
    """Tells callers what people have decided.

    Args:
        front: asks beside the loop, and counts refusals.
        find: what a person is asked about a prediction.
        gate: asks for keys; None while none are needed.
    """

    def __init__(self, front: Front, find: Find, gate: Gate | None) -> None:
        self._front = front
        self._find = find
        self._gate = gate

    def doors(self) -> list[Door]:
        """Where one asks; of which endpoint a prediction is, its task tells."""
        path = "/v1/predictions/{id}"
        return [Door("GET", path, "predict", self._tell, about=lambda _: None, repeated=False)]

    def _tell(self, request: Request, reply: Reply, names: Names) -> None:
        raw = parse(names["id"])
        until_s = request.received_s + FIND_S_MAX
        try:
            if raw is None:
                raise _unknown()
            find = partial(self._find, text(raw))
            self._front.look_up(find, until_s, partial(self._found, request, reply))
        except FairleadError as error:
            self._front.refuse(error, reply, "", native_shape)

    def _found(self, request: Request, reply: Reply, task: Task | BaseException | None) -> None:
        if isinstance(task, FairleadError):
            self._front.refuse(task, reply, "", native_shape)
        elif isinstance(task, BaseException):
            request_failed(task, request)
            reply(native_shape(refusal_of(task)))
        else:
            reply(self._answer(request, task))

    def _answer(self, request: Request, task: Task | None) -> Response:
        try:
            if task is None:
                raise _unknown()
            self._check(request, task)
        except FairleadError as error:
            self._front.count(error, task.endpoint if task is not None else "")
            return native_shape(refusal_of(error))
        return json_response(told(task))

    def _check(self, request: Request, task: Task) -> None:
        """Tell of an endpoint's predictions only to whom has a key for it."""
        if self._gate is None:
            return
        try:
            self._gate.check(
                self._gate.holder(secret_of(request.headers)), "predict", task.endpoint
            )
        except ForbiddenError:  # that there is such a prediction is the endpoint's own
            raise _unknown() from None


def told(task: Task) -> dict[str, Any]:
    """What a caller is told of a task: a decision when it is final, and not before."""
    if task.reason == "audit":
        return _told(task, "model", _answer_of(task), task.created_us)
    if task.state != "delivered":
        return _told(task, "pending", None, None)
    return _told(task, "person", task.decision, task.decided_us)


def _told(task: Task, by: str, decision: object, time_us: int | None) -> dict[str, Any]:
    time = None if time_us is None else EPOCH + timedelta(microseconds=time_us)
    written = time and time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "id": task.id,
        "endpoint": task.endpoint,
        "decided_by": by,
        "decision": decision,
        "decided_at": written,
    }


def _answer_of(task: Task) -> object:
    """What the model has decided, where that is one value."""
    guess = task.guess or {}
    value = guess.get("label", guess.get("prediction"))
    return value if isinstance(value, bool | int | float | str) else None


def _unknown() -> NotFoundError:
    return NotFoundError(
        "No prediction of this id waits for a person or was decided by one.",
        hint="One that was just asked for is found some seconds later.",
    )
