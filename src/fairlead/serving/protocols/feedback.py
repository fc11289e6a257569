"""Feedback in native JSON: what came later under a prediction's id.

    {"feedback": [{"id": "…", "value": "yes", "name": "label", "time": "2026-03-01T12:00:00Z"}]}

`name` is `label` if it is left out, `time` now.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from fairlead.clock import Clock
from fairlead.errors import FairleadError, InputError, Problem
from fairlead.ids import parse
from fairlead.predictionlog import FeedbackFrame
from fairlead.serving.counters import Counters
from fairlead.serving.front import Front
from fairlead.serving.message import Reply, Request, json_response
from fairlead.serving.refusal import native_shape
from fairlead.serving.router import Door, Names
from fairlead.serving.sink import LogSink
from fairlead.signature import UNREADABLE, parse_json

ROWS_MAX = 10_000
NAME_CHARACTERS = 128
VALUE_CHARACTERS = 10_000
AHEAD_US_MAX = 86_400_000_000  # clocks of callers may go before ours


class Feedback:
    """Takes feedback of all endpoints onto the log.

    Args:
        front: knows the endpoints and counts refusals.
        sink: takes it.
        counters: of the worker.
        clock: for times.
    """

    def __init__(self, front: Front, sink: LogSink, counters: Counters, clock: Clock) -> None:
        self._front = front
        self._sink = sink
        self._counters = counters
        self._clock = clock

    def doors(self) -> list[Door]:
        """Where feedback is sent to."""
        return [Door("POST", "/v1/endpoints/{name}/feedback", "feedback", self._take)]

    def _take(self, request: Request, reply: Reply, names: Names) -> None:
        name = names["name"]
        try:
            self._front.plane.route(name)
            frame = read_feedback(name, request.body, self._clock.now_us())
            self._sink.feedback(frame)
        except FairleadError as error:
            self._front.refuse(error, reply, name, native_shape)
            return
        self._counters.feedback(len(frame.ids))
        reply(json_response({"accepted": len(frame.ids)}))


class _Item(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: str
    value: bool | int | float | Annotated[str, Meta(max_length=VALUE_CHARACTERS)]
    name: Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS)] = "label"
    time: datetime | None = None


class _Body(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    feedback: list[_Item]


_decode = msgspec.json.Decoder(_Body).decode


def read_feedback(endpoint: str, body: bytes, now_us: int) -> FeedbackFrame:
    """Turn a body into a frame of the log.

    Args:
        endpoint: whose predictions it is about.
        body: as sent.
        now_us: microseconds since 1970.

    Raises:
        InputError: says which entry is wrong.
    """
    items = _items(body)
    ids = [parse(item.id) for item in items]
    problems = tuple(
        Problem("is not a prediction id", row=place, field="id", expected="a UUID from a reply")
        for place, raw in enumerate(ids)
        if raw is None
    )
    if problems:
        raise InputError(
            f"{len(problems)} of {len(items)} entries have no valid prediction id.",
            problems[:20],
            hint="Send the 'id' that came with the prediction.",
        )
    times_us = [_time_us(item.time, now_us) for item in items]
    strange = [place for place, us in enumerate(times_us) if not 0 <= us <= now_us + AHEAD_US_MAX]
    if strange:
        raise InputError(
            f"{len(strange)} of {len(items)} entries have a time before 1970 or in the future.",
            tuple(
                Problem("is not a time that can be", row=place, field="time") for place in strange
            )[:20],
            hint="Leave 'time' out where it is now.",
        )
    return FeedbackFrame(
        endpoint=endpoint,
        time_us=np.array(times_us, np.int64),
        received_us=now_us,
        ids=[raw for raw in ids if raw is not None],
        names=[item.name for item in items],
        values=[item.value for item in items],
        source="api",
    )


def _items(body: bytes) -> list[_Item]:
    try:
        items = _decode(body).feedback
    except UNREADABLE as error:
        parse_json(body)  # says it if this is no JSON at all
        reason = str(error) if isinstance(error, msgspec.ValidationError) else "unreadable"
        raise InputError(
            f"The feedback is not of the form that is taken: {reason}.",
            hint='Send {"feedback": [{"id": "<prediction id>", "value": <label>}, ...]}.',
        ) from None
    if not 0 < len(items) <= ROWS_MAX:
        raise InputError(f"The request has {len(items)} entries; 1 to {ROWS_MAX} are taken.")
    return items


def _time_us(time: datetime | None, now_us: int) -> int:
    if time is None:
        return now_us
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1e6)
