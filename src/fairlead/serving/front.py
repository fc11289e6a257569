"""What every door of predictions shares: find the endpoint, read, ask, write, count refusals."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from functools import partial

import msgspec

from fairlead.errors import FairleadError, InputError, UnavailableError
from fairlead.serving.aside import Aside
from fairlead.serving.content import compressing, decompressed
from fairlead.serving.counters import Counters
from fairlead.serving.dataplane import DataPlane, Endpoint
from fairlead.serving.message import Reply, Request, Response
from fairlead.serving.refusal import Refusal, Shape, refusal_of
from fairlead.serving.types import Answer, Ask, check_rows
from fairlead.serving.waiting import IdleError
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
        slow: whether `write` takes so long that it must not hold up the loop.
        timeout_s: how long the caller waits, where its protocol's body says so.
    """

    batch: Batch
    write: Callable[[Answer], Response]
    units: list[str | None] | None = None
    caller_ids: list[str | None] | None = None
    version: str = ""
    slow: bool = False
    timeout_s: float | None = None


Read = Callable[[Endpoint, Request], Reading]
"""Turns a request to an endpoint into rows that fit its signature."""


class Front:
    """Takes requests for predictions from any protocol to the data plane, and answers back.

    Args:
        plane: answers rows.
        counters: of the worker.
        deadline_s: when a request without a deadline of its own is given up.
        rows_max: of one request.
        body_bytes_max: of one request, decompressed.
    """

    def __init__(
        self,
        plane: DataPlane,
        counters: Counters,
        *,
        deadline_s: float,
        rows_max: int,
        body_bytes_max: int,
    ) -> None:
        self.plane = plane
        self._counters = counters
        self._deadline_s = deadline_s
        self.rows_max = rows_max
        self._body_bytes_max = body_bytes_max
        self._aside = Aside()

    def close(self) -> None:
        """Read no more."""
        self._aside.close()

    def predict(
        self,
        request: Request,
        reply: Reply,
        name: str,
        read: Read,
        shape: Shape,
        *,
        slow: bool = False,
    ) -> None:
        """Answer one request of HTTP.

        Args:
            request: read whole.
            reply: takes the answer or the refusal.
            name: of the endpoint.
            read: the protocol's way to read a request.
            shape: the protocol's way to refuse one.
            slow: whether to read in a thread, because it takes too long for the loop. The answer
                may then come from a later revision of the route than the one that `read` got.
        """
        try:
            endpoint = self.plane.endpoint(name)
            deadline_s = request.received_s + (_timeout_s(request) or self._deadline_s)
            if slow:
                self._read_aside(endpoint, request, reply, read, shape, deadline_s)
            else:
                self.plane.check_time(deadline_s)
                reading = read(endpoint, decompressed(request, self._body_bytes_max))
                self._pass_on(request, reply, name, reading, shape)
        except IdleError:
            again = partial(self.predict, request, reply, name, read, shape, slow=slow)
            self._wait(request, reply, name, again, shape)
        except FairleadError as error:
            self.refuse(error, reply, name, shape)

    def _wait(
        self, request: Request, reply: Reply, name: str, again: Callable[[], None], shape: Shape
    ) -> None:
        """Go on with a request when its endpoint is loaded, if it may wait for that."""

        def go_on(error: FairleadError | None) -> None:
            if error is None:
                again()
            else:
                self.refuse(error, reply, name, shape)

        try:
            deadline_s = request.received_s + (_timeout_s(request) or self._deadline_s)
            self.plane.waiting.wait(name, deadline_s, go_on)
        except FairleadError as error:
            self.refuse(error, reply, name, shape)

    def _pass_on(
        self, request: Request, reply: Reply, name: str, reading: Reading, shape: Shape
    ) -> None:
        """Ask the data plane for what was read of a request."""
        try:
            endpoint = self.plane.endpoint(name)
            timeout_s = _timeout_s(request) or reading.timeout_s or self._deadline_s
            ask = self.ask(reading, request.received_s, request.received_s + timeout_s)
            write = compressing(request, reading.write)
            done = partial(self._answered, reply, name, write, reading.slow, shape)
            self.plane.predict(endpoint, ask, done)
        except IdleError:  # it was let go while the request was read
            again = partial(self._pass_on, request, reply, name, reading, shape)
            self._wait(request, reply, name, again, shape)
        except FairleadError as error:
            self.refuse(error, reply, name, shape)

    def _read_aside(
        self,
        endpoint: Endpoint,
        request: Request,
        reply: Reply,
        read: Read,
        shape: Shape,
        deadline_s: float,
    ) -> None:
        name = endpoint.route.endpoint

        def go_on(reading: Reading | BaseException) -> None:
            if isinstance(reading, FairleadError):
                self.refuse(reading, reply, name, shape)
            elif isinstance(reading, BaseException):
                traceback.print_exception(reading, file=sys.stderr)
                reply(shape(refusal_of(reading)))
            elif self._takes_other_rows(endpoint):
                self.predict(request, reply, name, read, shape, slow=True)
            else:
                self._pass_on(request, reply, name, reading, shape)

        def read_it() -> Reading:
            return read(endpoint, decompressed(request, self._body_bytes_max))

        self._aside.admit(read_it, deadline_s, go_on)

    def _takes_other_rows(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint's signature changed while a request to it was read."""
        current = self.plane.endpoints.get(endpoint.route.endpoint)
        return current is not None and current.route.signature != endpoint.route.signature

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
        check_rows(batch.rows, self.rows_max)
        return Ask(
            batch, reading.units, reading.caller_ids, received_s, deadline_s, reading.version
        )

    def refuse(self, error: FairleadError, reply: Reply, name: str, shape: Shape) -> None:
        """Answer what never became a record."""
        self.count(error, name)
        reply(shape(refusal_of(error)))

    def count(self, error: FairleadError | Refusal, name: str) -> None:
        """Count a refusal; names that do not exist share one counter."""
        known = name in self.plane.endpoints or name in self.plane.idle
        self._counters.refused(name if known else "", error.code)

    def _answered(
        self,
        reply: Reply,
        name: str,
        write: Callable[[Answer], Response],
        slow: bool,
        shape: Shape,
        answer: Answer | FairleadError,
    ) -> None:
        if isinstance(answer, UnavailableError):
            self.refuse(answer, reply, name, shape)
        elif isinstance(answer, FairleadError):
            reply(shape(refusal_of(answer)))
        elif slow:
            written = partial(_written, write, shape, answer)
            self._aside.run(written, partial(_reply_written, reply, shape))
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


def _reply_written(reply: Reply, shape: Shape, written: Response | BaseException) -> None:
    reply(shape(refusal_of(written)) if isinstance(written, BaseException) else written)


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
