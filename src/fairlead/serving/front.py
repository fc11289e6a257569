"""What every door of predictions shares: find the endpoint, read, ask, write, count refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import msgspec

from fairlead.access import Gate, secret_of
from fairlead.errors import (
    FairleadError,
    ForbiddenError,
    InputError,
    NotFoundError,
    UnauthorizedError,
    UnavailableError,
)
from fairlead.logs import is_told, tell_error
from fairlead.serving.aside import Aside, NotHereError
from fairlead.serving.content import compressing, decompressed
from fairlead.serving.counters import Counters
from fairlead.serving.dataplane import DataPlane, Endpoint, route_arm
from fairlead.serving.failures import fields_of, request_failed, request_refused
from fairlead.serving.ladder.climb import Ladders
from fairlead.serving.message import ARM_HEADER, Reply, Request, Response
from fairlead.serving.refusal import Refusal, Shape, refusal_of
from fairlead.serving.rows import write_held
from fairlead.serving.tracing import RequestSpan, Tracing, trace_id
from fairlead.serving.types import Answer, Ask, Done, Held, Keys
from fairlead.serving.waiting import IdleError
from fairlead.signature import Batch
from fairlead.signature.envelope import check_rows

T = TypeVar("T")

LOOKUP_THREADS = 8
LOOKUPS_MAX = 1024
"""Requests that are read with what another process knows; hardly any of it is work."""

LARGE_BYTES = 4 << 20
"""A body of more, where they are let in at all, is read beside the loop, whatever it is."""

DEFLATED_MAX = 1032
"""How many bytes one of a compressed body can become."""

TIMEOUT_HEADER = b"fairlead-timeout-ms"
TIMINGS_HEADER = b"server-timing"
ROUTE_HEADER = b"fairlead-route"


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
        holds: as in `Ask`.
        arm: that shall answer, where its protocol's body says so; else the header may.
        keys: as in `Ask`.
    """

    batch: Batch
    write: Callable[[Answer], Response]
    units: list[str | None] | None = None
    caller_ids: list[str | None] | None = None
    version: str = ""
    slow: bool = False
    timeout_s: float | None = None
    holds: bool = False
    arm: str = ""
    keys: Keys | None = None


Read = Callable[[Endpoint, Request], Reading]
"""Turns a request to an endpoint into rows that fit its signature."""


class _Call(msgspec.Struct, frozen=True, eq=False):
    """One request for predictions, on its way.

    Args:
        request: read whole.
        reply: takes the answer or the refusal.
        name: of the endpoint.
        read: the protocol's way to read it.
        shape: the protocol's way to refuse it.
        slow: whether it is read in a thread.
        timeout_s: how long the caller waits, if a header says so.
        span: of its trace; None for none.
    """

    request: Request
    reply: Reply
    name: str
    read: Read
    shape: Shape
    slow: bool
    timeout_s: float | None
    span: RequestSpan | None


class Front:
    """Takes requests for predictions from any protocol to the data plane, and answers back.

    Args:
        plane: answers rows.
        counters: of the worker.
        deadline_s: when a request without a deadline of its own is given up.
        rows_max: of one request.
        body_bytes_max: of one request, decompressed.
        tracing: begins a span for each request; None for none.
        gate: who operates an endpoint, and so may name an arm, or a version that is not routed;
            None for everyone.
        ladders: who answers beside the models; None for nobody.
    """

    def __init__(
        self,
        plane: DataPlane,
        counters: Counters,
        *,
        deadline_s: float,
        rows_max: int,
        body_bytes_max: int,
        tracing: Tracing | None = None,
        gate: Gate | None = None,
        ladders: Ladders | None = None,
    ) -> None:
        self.plane = plane
        self._ladders = ladders
        self._counters = counters
        self._deadline_s = deadline_s
        self.rows_max = rows_max
        self._body_bytes_max = body_bytes_max
        self._takes_large = body_bytes_max > LARGE_BYTES
        self._tracing = tracing
        self._gate = gate
        self._aside = Aside()
        self._lookups = Aside(LOOKUP_THREADS, LOOKUPS_MAX)

    def close(self) -> None:
        """Read no more."""
        self._aside.close()
        self._lookups.close()

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
        span = None
        if self._tracing is not None:
            span = self._tracing.begin(request, name if name in self.plane.endpoints else "")
            reply = span.ending(reply)
        try:
            timeout_s = _timeout_s(request)
            self._predict(_Call(request, reply, name, read, shape, slow, timeout_s, span))
        except FairleadError as error:
            self.refuse(error, reply, name, shape)
        except Exception:  # the transport answers it
            if span is not None:
                span.failed()
            raise

    def _predict(self, call: _Call) -> None:
        try:
            endpoint = self.plane.endpoint(call.name)
            if call.slow or (self._takes_large and is_large(call.request)):
                self._read_aside(call, endpoint, self._aside)
                return
            self.plane.check_time(self._deadline_of(call))
            reading = call.read(endpoint, decompressed(call.request, self._body_bytes_max))
        except IdleError:
            self._wait(call, partial(self._predict, call))
        except NotHereError:
            self._read_aside(call, endpoint, self._lookups)
        except FairleadError as error:
            self._refuse(call, error)
        else:
            self._pass_on(call, reading, endpoint)

    def _pass_on(self, call: _Call, reading: Reading, endpoint: Endpoint | None = None) -> None:
        """Ask the data plane for what was read of a request, just now or in a thread."""
        try:
            endpoint = endpoint or self.plane.endpoint(call.name)
            span, request = call.span, call.request
            trace = trace_id(request.headers) if span is None else span.trace_id
            deadline_s = self._deadline_of(call, reading.timeout_s)
            arm = self._arm(call, reading)
            if reading.version:
                self._check_version(endpoint, reading.version, request.headers)
            ask = self.ask(reading, request.received_s, deadline_s, trace, arm)
            write = compressing(request, reading.write)
            done: Done = partial(self._answered, call, write, reading.slow)
            done = done if span is None else partial(_traced, span, done)
            ladders = self._ladders
            if ladders is not None and (ask.keys is not None or call.name in ladders.named):
                ladders.predict(endpoint, ask, done)
            else:
                self.plane.predict(endpoint, ask, done)
        except IdleError:  # it was let go while the request was read
            self._wait(call, partial(self._pass_on, call, reading))
        except FairleadError as error:
            self._refuse(call, error)

    def _wait(self, call: _Call, again: Callable[[], None]) -> None:
        """Go on with a request when its endpoint is loaded, if it may wait for that."""

        def go_on(error: FairleadError | None) -> None:
            if error is None:
                again()
            else:
                self._refuse(call, error)

        try:
            self.plane.waiting.wait(call.name, self._deadline_of(call), go_on)
        except FairleadError as error:
            self._refuse(call, error)

    def _read_aside(self, call: _Call, endpoint: Endpoint, aside: Aside) -> None:
        def go_on(reading: Reading | BaseException) -> None:
            if isinstance(reading, FairleadError):
                self._refuse(call, reading)
            elif isinstance(reading, BaseException):
                request_failed(reading, call.request)
                call.reply(call.shape(refusal_of(reading)))
            elif self._takes_other_rows(endpoint):
                self._predict(call)
            else:
                self._pass_on(call, reading)

        def read_it() -> Reading:
            return call.read(endpoint, decompressed(call.request, self._body_bytes_max))

        try:
            aside.admit(read_it, self._deadline_of(call), go_on)
        except UnavailableError as error:
            self._refuse(call, error)

    def _arm(self, call: _Call, reading: Reading) -> str:
        """The arm that a caller names; whether they may by the header, the door has asked."""
        headers = call.request.headers
        named = headers.get(ARM_HEADER, b"").decode("latin-1")
        if not reading.arm or reading.arm == named:
            return named
        if named:
            raise InputError("The header and the body name different arms.", hint="Name one.")
        if self._gate is not None:
            self._gate.check(self._gate.holder(secret_of(headers)), "operate", call.name)
        return reading.arm

    def check_named(self, name: str, version: str, headers: Mapping[bytes, bytes]) -> None:
        """Let a version be told of that answers whom asks; of others to who operates the endpoint.

        Args:
            name: of the endpoint; nothing is said of one that does not answer now.
            version: the number that is named; empty for none.
            headers: of the request.

        Raises:
            NotFoundError: it is not for this caller.
        """
        endpoint = self.plane.endpoints.get(name)
        if version and endpoint is not None:
            self._check_version(endpoint, version, headers)

    def _check_version(
        self, endpoint: Endpoint, version: str, headers: Mapping[bytes, bytes]
    ) -> None:
        """Keep callers to what the route names, but for those who operate the endpoint."""
        try:
            route_arm(endpoint.route, version)
        except NotFoundError:
            if not self._operates(endpoint.route.endpoint, headers):
                raise

    def _operates(self, name: str, headers: Mapping[bytes, bytes]) -> bool:
        if self._gate is None:
            return True
        try:
            self._gate.check(self._gate.holder(secret_of(headers)), "operate", name)
        except (ForbiddenError, UnauthorizedError):
            return False
        return True

    def _deadline_of(self, call: _Call, said_s: float | None = None) -> float:
        """When a caller stops waiting: as the header says, else as the body does."""
        return call.request.received_s + (call.timeout_s or said_s or self._deadline_s)

    def _takes_other_rows(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint's signature changed while a request to it was read."""
        current = self.plane.endpoints.get(endpoint.route.endpoint)
        return current is not None and current.route.signature != endpoint.route.signature

    def ask(
        self,
        reading: Reading,
        received_s: float,
        deadline_s: float,
        trace: str | None = None,
        arm: str = "",
    ) -> Ask:
        """What was read, as the data plane takes it.

        Args:
            reading: by a protocol.
            received_s: when the request was complete, on the monotonic clock.
            deadline_s: when the caller stops waiting, on the monotonic clock.
            trace: the id of the trace that it belongs to; None for none.
            arm: that shall answer; empty to let the route decide.

        Raises:
            InputError: there are too many rows.
        """
        batch = reading.batch
        check_rows(batch.rows, self.rows_max)
        return Ask(
            batch,
            reading.units,
            reading.caller_ids,
            received_s,
            deadline_s,
            reading.version,
            trace,
            arm,
            reading.holds,
            reading.keys,
        )

    def look_up(
        self, work: Callable[[], T], until_s: float, then: Callable[[T | BaseException], None]
    ) -> None:
        """Ask what another process knows, beside the loop; arguments as of `Aside.admit`.

        Raises:
            UnavailableError: too much waits already.
        """
        self._lookups.admit(work, until_s, then)

    def refuse(self, error: FairleadError, reply: Reply, name: str, shape: Shape) -> None:
        """Answer what never became a record."""
        self.count(error, name)
        reply(shape(refusal_of(error)))

    def count(self, error: FairleadError | Refusal, name: str) -> None:
        """Count a refusal; names that do not exist share one counter."""
        known = name in self.plane.endpoints or name in self.plane.idle
        endpoint = name if known else ""
        self._counters.refused(endpoint, error.code)
        if isinstance(error, InputError) and name in self.plane.endpoints:
            for field in fields_of(error, self.plane.endpoints[name].route.signature):
                self._counters.refused_field(endpoint, field)
        if isinstance(error, UnavailableError) and error.shed:
            self._counters.shed(endpoint, error.shed)

    def _refuse(self, call: _Call, error: FairleadError) -> None:
        if is_told("debug"):
            request_refused(error, call.request)
        self.refuse(error, call.reply, call.name, call.shape)

    def _answered(
        self,
        call: _Call,
        write: Callable[[Answer], Response],
        slow: bool,
        answer: Answer | FairleadError,
    ) -> None:
        if isinstance(answer, UnavailableError):
            self._refuse(call, answer)
        elif isinstance(answer, FairleadError):
            call.reply(call.shape(refusal_of(answer)))
        elif isinstance(answer, Held):
            call.reply(_written_held(call.shape, answer))
        elif slow:
            written = partial(_written, write, call.shape, answer)
            self._aside.run(written, partial(_reply_written, call.reply, call.shape))
        else:
            call.reply(_written(write, call.shape, answer))


def _traced(span: RequestSpan, done: Done, answer: Answer | FairleadError) -> None:
    span.answered(answer)
    done(answer)


def _written(write: Callable[[Answer], Response], shape: Shape, answer: Answer) -> Response:
    try:
        response = write(answer)
    except FairleadError as error:  # what was asked for is not in the answer
        return shape(refusal_of(error))
    except Exception as error:  # an answer that the protocol cannot hold
        tell_error("write_failed", error, endpoint=answer.endpoint)
        return shape(refusal_of(error))
    timings = b"queue;dur=%.3f, model;dur=%.3f" % (answer.queue_s * 1e3, answer.model_s * 1e3)
    parts = answer.parts
    told = parts[0].told if len(parts) == 1 else b"; ".join([part.told for part in parts])
    headers = (*response.headers, (ROUTE_HEADER, told), (TIMINGS_HEADER, timings))
    return Response(response.status, response.body, response.content_type, headers)


def _written_held(shape: Shape, held: Held) -> Response:
    """The reply where people decide: JSON, whatever form was asked for, and not who was asked."""
    try:
        return write_held(held)
    except Exception as error:  # as of `_written`
        tell_error("write_failed", error, endpoint=held.endpoint)
        return shape(refusal_of(error))


def _reply_written(reply: Reply, shape: Shape, written: Response | BaseException) -> None:
    reply(shape(refusal_of(written)) if isinstance(written, BaseException) else written)


def is_large(request: Request) -> bool:
    """Whether a body is so large, or may become so, that it must not hold up the loop."""
    size = len(request.body)
    return size > LARGE_BYTES or (
        size > LARGE_BYTES // DEFLATED_MAX and b"content-encoding" in request.headers
    )


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
