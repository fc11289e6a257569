"""Traces: the caller's trace id for the log, and a span for each request where they are wanted.

The id is read from W3C `traceparent`, whatever is installed. Spans are made if the OpenTelemetry
API is installed and a provider for them is set up, e.g. by `opentelemetry-instrument` or by the
app that Fairlead is mounted in; whether that is so is looked up once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fairlead.clock import Clock
from fairlead.errors import DeadlineError, FairleadError, UnavailableError
from fairlead.serving.message import Reply, Request, Response
from fairlead.serving.types import Answer

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

TRACEPARENT = b"traceparent"
_FORM = re.compile(
    rb"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}"
    rb"-[0-9a-f]{2}(?P<more>-.*)?"
)


def trace_id(headers: Mapping[bytes, bytes]) -> str | None:
    """The trace that a request belongs to; None if it names none, or not as W3C has it.

    Args:
        headers: of the request.

    Example:
        >>> trace_id({b"traceparent": b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01"})
        'abababababababababababababababab'
        >>> trace_id({b"traceparent": b"00-" + b"00" * 16 + b"-" + b"cd" * 8 + b"-01"})
    """
    given = headers.get(TRACEPARENT)
    if given is None:
        return None
    found = _FORM.fullmatch(given)
    if found is None or (found["version"] == b"00" and found["more"] is not None):
        return None
    return found["trace"].decode()


class RequestSpan:
    """The span of one request for predictions.

    Args:
        span: just begun.
    """

    def __init__(self, span: Span) -> None:
        self._span = span
        self._outcome = "refused"

    @property
    def trace_id(self) -> str | None:
        """As it goes on the log."""
        context = self._span.get_span_context()
        return format(context.trace_id, "032x") if context.is_valid else None

    def answered(self, answer: Answer | FairleadError) -> None:
        """Take note of what the data plane said."""
        if isinstance(answer, Answer):
            self._outcome = "ok"
            self._span.set_attributes(
                {
                    "fairlead.revision": answer.revision,
                    "fairlead.version": ", ".join(part.source.version for part in answer.parts),
                    "fairlead.arm": ", ".join(part.source.arm for part in answer.parts),
                    "fairlead.rows": answer.rows,
                    "fairlead.queue_s": answer.queue_s,
                    "fairlead.model_s": answer.model_s,
                }
            )
        elif not isinstance(answer, UnavailableError):  # that never became a record
            self._outcome = "timeout" if isinstance(answer, DeadlineError) else "model_error"

    def failed(self) -> None:
        """End it: the request fell to a fault of the server."""
        from opentelemetry.trace import StatusCode

        self._span.set_status(StatusCode.ERROR)
        self._span.set_attribute("fairlead.outcome", "error")
        self._span.end()

    def ending(self, reply: Reply) -> Reply:
        """A reply that ends the span."""

        def ended(response: Response) -> None:
            from opentelemetry.trace import StatusCode

            self._span.set_attribute("fairlead.outcome", self._outcome)
            self._span.set_attribute("http.response.status_code", response.status)
            if response.status >= 500:
                self._span.set_status(StatusCode.ERROR)
            self._span.end()
            reply(response)

        return ended


class Tracing:
    """Begins spans.

    Args:
        tracer: of a provider that is set up.
        clock: tells how long ago a request came.
    """

    def __init__(self, tracer: Tracer, clock: Clock) -> None:
        self._tracer = tracer
        self._clock = clock

    def begin(self, request: Request, endpoint: str) -> RequestSpan:
        """The span of a request, under its caller's; begun when the request was there.

        Args:
            request: read whole.
            endpoint: its name; empty if there is none.
        """
        from opentelemetry.trace import SpanKind

        age_s = self._clock.monotonic_s() - request.received_s
        span = self._tracer.start_span(
            "predict",
            context=_parent(request),
            kind=SpanKind.SERVER,
            attributes={"fairlead.endpoint": endpoint},
            start_time=self._clock.now_us() * 1000 - round(age_s * 1e9),
        )
        return RequestSpan(span)


def _parent(request: Request) -> Context | None:
    """The span that a server opened around this request, or else the one that its headers name."""
    from opentelemetry import propagate, trace

    if trace.get_current_span().get_span_context().is_valid:
        return None
    named = {name.decode("latin-1"): v.decode("latin-1") for name, v in request.headers.items()}
    return propagate.extract(named)


def make_tracing(clock: Clock) -> Tracing | None:
    """Begins spans, if anybody set up where they go; None otherwise.

    Args:
        clock: for times.
    """
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return None
    return Tracing(provider.get_tracer("fairlead"), clock)
