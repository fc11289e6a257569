"""What became of a prediction that a person decides: GET /v1/predictions/ID.

    {"id": "…", "endpoint": "loans", "decided_by": "person", "decision": "yes",
     "decided_at": "2026-03-01T12:00:00.000Z"}

`decided_by` is `pending` until a person's decision is final, and then `person`; of a row that the
model has decided and a person looks at too it is `model`. Of a row that waits behind a full queue
nothing is known here: its id is not told from one that was never given, or that the model decided
alone. What may still come is 404 with the code `not_listed`, and all else with `not_found`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from fairlead.access import Gate, secret_of
from fairlead.clock import Clock
from fairlead.errors import FairleadError, ForbiddenError, NotFoundError, NotListedError
from fairlead.ids import parse, text, time_us
from fairlead.review.types import KEEP_US, Task
from fairlead.serving.failures import request_failed
from fairlead.serving.front import Front
from fairlead.serving.message import Reply, Request, Response, json_response
from fairlead.serving.refusal import native_shape, refusal_of
from fairlead.serving.router import Door, Names

FIND_S_MAX = 5.0
VERSION = 7
"""Of the UUIDs that rows are given: the time is in them."""
AHEAD_US = 60_000_000
"""That the time in an id may be ahead of this machine's."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Find = Callable[[str], Task | None]
"""The task of a prediction's id; called in a thread."""


class Decisions:
    """Tells callers what people have decided.

    Args:
        front: asks beside the loop, and counts refusals.
        find: what a person is asked about a prediction.
        gate: asks for keys; None while none are needed.
        clock: tells how old an id is.
    """

    def __init__(self, front: Front, find: Find, gate: Gate | None, clock: Clock) -> None:
        self._front = front
        self._find = find
        self._gate = gate
        self._clock = clock

    def doors(self) -> list[Door]:
        """Where one asks; of which endpoint a prediction is, its task tells."""
        path = "/v1/predictions/{id}"
        return [Door("GET", path, "predict", self._tell, about=lambda _: None, repeated=False)]

    def _tell(self, request: Request, reply: Reply, names: Names) -> None:
        raw = parse(names["id"])
        until_s = request.received_s + FIND_S_MAX
        try:
            if raw is None:
                raise unknown(None, self._clock.now_us())
            find = partial(self._find, text(raw))
            self._front.look_up(find, until_s, partial(self._found, request, reply, raw))
        except FairleadError as error:
            self._front.refuse(error, reply, "", native_shape)

    def _found(
        self, request: Request, reply: Reply, raw: bytes, task: Task | BaseException | None
    ) -> None:
        if isinstance(task, FairleadError):
            self._front.refuse(task, reply, "", native_shape)
        elif isinstance(task, BaseException):
            request_failed(task, request)
            reply(native_shape(refusal_of(task)))
        else:
            reply(self._answer(request, raw, task))

    def _answer(self, request: Request, raw: bytes, task: Task | None) -> Response:
        try:
            if task is None or not self._may(request, task):
                raise unknown(raw, self._clock.now_us())
        except FairleadError as error:
            self._front.count(error, task.endpoint if task is not None else "")
            return native_shape(refusal_of(error))
        return json_response(told(task))

    def _may(self, request: Request, task: Task) -> bool:
        """Whether a caller has a key for the endpoint: that there is such a prediction is its own.

        Raises:
            FairleadError: the key is none, or for nothing of the kind.
        """
        if self._gate is None:
            return True
        key = self._gate.holder(secret_of(request.headers))
        try:
            self._gate.check(key, "predict", task.endpoint)
        except ForbiddenError:
            return False
        return True


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


def unknown(raw: bytes | None, now_us: int) -> NotFoundError:
    """What is said of an id of which there is no task.

    Args:
        raw: the id; None if it is none.
        now_us: microseconds since 1970.
    """
    if raw is not None and raw[6] >> 4 == VERSION:
        age_us = now_us - time_us(raw)
        if -AHEAD_US <= age_us <= KEEP_US:
            return NotListedError(
                "Nobody is asked about a prediction of this id yet.",
                hint="One that a person decides is found some seconds after its reply, or later "
                "where it waits behind others for a place in the queue: ask again. Of those "
                "that the model decides alone none is found.",
            )
    return NotFoundError(
        "No prediction of this id waits for a person or was decided by one.",
        hint="It may have been decided more than 30 days ago, or still wait behind others for a "
        "place in the queue.",
    )
