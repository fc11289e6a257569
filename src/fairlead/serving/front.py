"""What every door of predictions shares: find the endpoint, read, ask, write, count refusals."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from functools import partial

import msgspec

from fairlead.errors import FairleadError, InputError, UnavailableError
from fairlead.serving.counters import Counters
from fairlead.serving.dataplane import DataPlane, Endpoint
from fairlead.serving.message import Reply, Request, Response
from fairlead.serving.refusal import Shape, refusal_of
from fairlead.serving.types import Answer, Ask
from fairlead.signature import Batch

TIMEOUT_HEADER = b"fairlead-timeout-ms"
TIMINGS_HEADER = b"server-timing"


class Reading(msgspec.Struct, frozen=True, eq=False):
    """What a protocol read of a request.

    Args:
        batch: the rows.
        write: turns the answer into the reply that the request asked for.
        units: as in `Ask`.
        caller_ids: as in `Ask`.
        version: as in `Ask`.
    """

    batch: Batch
    write: Callable[[Answer], Response]
    units: list[str | None] | None = None
    caller_ids: list[str | None] | None = None
    version: str = ""


Read = Callable[[Endpoint, Request], Reading]
"""Turns a request to an endpoint into rows that fit its signature."""


class Front:
    """Takes requests for predictions from any protocol to the data plane, and answers back.

    Args:
        plane: answers rows.
        counters: of the worker.
        deadline_s: when a request without a deadline of its own is given up.
        rows_max: of one request.
    """

    def __init__(
        self, plane: DataPlane, counters: Counters, *, deadline_s: float, rows_max: int
    ) -> None:
        self.plane = plane
        self._counters = counters
        self._deadline_s = deadline_s
        self._rows_max = rows_max

    def predict(self, request: Request, reply: Reply, name: str, read: Read, shape: Shape) -> None:
        """Answer one request of HTTP.

        Args:
            request: read whole.
            reply: takes the answer or the refusal.
            name: of the endpoint.
            read: the protocol's way to read a request.
            shape: the protocol's way to refuse one.
        """
        try:
            endpoint = self.plane.endpoint(name)
            deadline_s = request.received_s + (_timeout_s(request) or self._deadline_s)
            self.plane.check_time(deadline_s)
            ask = self.ask(reading := read(endpoint, request), request.received_s, deadline_s)
            done = partial(self._answered, reply, name, reading.write, shape)
            self.plane.predict(endpoint, ask, done)
        except FairleadError as error:
            self.refuse(error, reply, name, shape)

    def ask(self, reading: Reading, received_s: float, deadline_s: float) -> Ask:
        """What was read, as the data plane takes it.

        Args:
            reading: by a protocol.
            received_s: when the request was complete, on the monotonic clock.
            deadline_s: when the caller stops waiting, on the monotonic clock.

        Raises:
            InputError: there are too many rows.
        """
        batch = reading.batch
        if batch.rows > self._rows_max:
            raise InputError(
                f"The request has {batch.rows} rows; at most {self._rows_max} are taken at once.",
                hint="Send several requests.",
            )
        return Ask(
            batch, reading.units, reading.caller_ids, received_s, deadline_s, reading.version
        )

    def refuse(self, error: FairleadError, reply: Reply, name: str, shape: Shape) -> None:
        """Answer what never became a record."""
        self.count(error, name)
        reply(shape(refusal_of(error)))

    def count(self, error: FairleadError, name: str) -> None:
        """Count a refusal; names that do not exist share one counter."""
        self._counters.refused(name if name in self.plane.endpoints else "", error.code)

    def _answered(
        self,
        reply: Reply,
        name: str,
        write: Callable[[Answer], Response],
        shape: Shape,
        answer: Answer | FairleadError,
    ) -> None:
        if isinstance(answer, UnavailableError):
            self.refuse(answer, reply, name, shape)
        elif isinstance(answer, FairleadError):
            reply(shape(refusal_of(answer)))
        else:
            reply(_written(write, shape, answer))


def _written(write: Callable[[Answer], Response], shape: Shape, answer: Answer) -> Response:
    try:
        response = write(answer)
    except FairleadError as error:  # what was asked for is not in the answer
        return shape(refusal_of(error))
    except Exception as error:  # an answer that the protocol cannot hold
        traceback.print_exception(error, file=sys.stderr)
        return shape(refusal_of(error))
    queue_ms, model_ms = answer.queue_s * 1e3, answer.model_s * 1e3
    timings = b"queue;dur=%.3f, model;dur=%.3f" % (queue_ms, model_ms)
    headers = (*response.headers, (TIMINGS_HEADER, timings))
    return Response(response.status, response.body, response.content_type, headers)


def _timeout_s(request: Request) -> float | None:
    """How long the caller waits, if it says so.

    Raises:
        InputError: it is no number of milliseconds above 0.
    """
    given = request.headers.get(TIMEOUT_HEADER)
    if given is None:
        return None
    if not given.isdigit() or len(given) > 9 or not int(given):
        raise InputError(
            f"The header {TIMEOUT_HEADER.decode()} is not a whole number of milliseconds above 0."
        )
    return int(given) / 1e3
