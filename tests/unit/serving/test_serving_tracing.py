"""Traces: the caller's id on the log, and spans where somebody set up where they go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.clock import SystemClock
from fairlead.serving.tracing import Tracing, make_tracing, trace_id
from fairlead.signature import Batch
from support.plane import PlaneInProcess
from support.routes import SIGNATURE, double

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
PREDICT = "/v1/endpoints/m/predict"
ROWS = {"rows": [{"x": 1.0}, {"x": 2.0}]}


@pytest.mark.parametrize("given", [PARENT, f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-more"])
def test_a_trace_is_read(given: str) -> None:
    assert trace_id({b"traceparent": given.encode()}) == TRACE


@pytest.mark.parametrize(
    "given",
    [
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f" {PARENT}",
    ],
)
def test_what_is_no_trace_is_ignored(given: str) -> None:
    assert trace_id({b"traceparent": given.encode()}) is None


@given(st.binary(max_size=80))
def test_no_header_does_harm(given: bytes) -> None:
    found = trace_id({b"traceparent": given})
    assert found is None or len(found) == 32


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("m", SIGNATURE, double)
        yield plane


def test_each_row_of_a_request_is_logged_with_its_trace(plane: PlaneInProcess) -> None:
    assert plane.predict(ROWS, traceparent=PARENT).status == 200
    assert plane.predict(ROWS, traceparent="nonsense").status == 200
    assert [frame.trace_ids for frame in plane.frames] == [[TRACE, TRACE], None]


def test_requests_that_run_together_keep_their_traces(plane: PlaneInProcess) -> None:
    async def together() -> None:
        await asyncio.gather(
            plane.asking(PREDICT, ROWS),
            plane.asking(PREDICT, {"rows": [{"x": 3.0}]}, {"traceparent": PARENT}),
        )

    plane.loop.run_until_complete(together())
    assert [frame.trace_ids for frame in plane.frames] == [[None, None, TRACE]]


def test_rows_that_two_arms_share_are_all_of_the_trace(tmp_path: Path) -> None:
    with PlaneInProcess(tmp_path) as plane:
        plane.serve("m", SIGNATURE, double, double)
        rows = [{"x": float(x)} for x in range(40)]
        units = [f"u{x}" for x in range(40)]
        assert plane.predict({"rows": rows, "unit": units}, traceparent=PARENT).status == 200
        assert len(plane.frames) == 2
        assert {t for frame in plane.frames for t in frame.trace_ids or [None]} == {TRACE}


def test_without_a_provider_no_spans_are_made() -> None:
    assert make_tracing(SystemClock()) is None


class Spans:
    """An endpoint whose spans are kept."""

    def __init__(self, plane: PlaneInProcess, exporter: Any, tracer: Any) -> None:
        self.plane = plane
        self.tracer = tracer
        self._exporter = exporter

    @property
    def finished(self) -> list[Any]:
        return list(self._exporter.get_finished_spans())


def fails(batch: Batch) -> Batch:
    raise ValueError("a value")


@pytest.fixture
def spans(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Spans]:
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="needs opentelemetry-sdk")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    provider, exporter = sdk.TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    answer = getattr(request, "param", double)
    with PlaneInProcess(tmp_path, tracing=Tracing(tracer, SystemClock())) as plane:
        plane.serve("m", SIGNATURE, answer)
        yield Spans(plane, exporter, tracer)
    provider.shutdown()


def test_a_request_is_a_span_under_its_callers(spans: Spans) -> None:
    assert spans.plane.predict(ROWS, traceparent=PARENT).status == 200
    (span,) = spans.finished
    assert (span.name, span.kind.name) == ("predict", "SERVER")
    assert format(span.context.trace_id, "032x") == TRACE
    assert format(span.parent.span_id, "016x") == SPAN
    told = dict(span.attributes)
    assert told.pop("fairlead.queue_s") >= 0
    assert 0 <= told.pop("fairlead.model_s") * 1e9 <= span.end_time - span.start_time
    assert told == {
        "fairlead.endpoint": "m", "fairlead.revision": 1, "fairlead.version": "m:1",
        "fairlead.arm": "stable", "fairlead.rows": 2, "fairlead.outcome": "ok",
        "http.response.status_code": 200,
    }  # fmt: skip


def test_a_trace_that_begins_here_is_on_the_log(spans: Spans) -> None:
    assert spans.plane.predict(ROWS).status == 200
    assert (
        spans.plane.frames[0].trace_ids == [format(spans.finished[0].context.trace_id, "032x")] * 2
    )


def test_the_span_of_the_server_around_comes_before_the_header(spans: Spans) -> None:
    with spans.tracer.start_as_current_span("around") as around:
        spans.plane.predict(ROWS, traceparent=PARENT)
    inner = next(span for span in spans.finished if span.name == "predict")
    assert inner.parent.span_id == around.get_span_context().span_id


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [(b"{", "", 400), (b"x\nno\n", "text/csv", 400), (b"", "audio/wav", 415)],
)
def test_what_is_refused_says_so(spans: Spans, body: bytes, content_type: str, status: int) -> None:
    assert spans.plane.predict(body, content_type).status == status
    (span,) = spans.finished
    assert span.attributes["fairlead.outcome"] == "refused"
    assert span.attributes["http.response.status_code"] == status
    assert span.status.is_ok or span.status.is_unset


@pytest.mark.parametrize("spans", [fails], indirect=True)
def test_a_model_that_fails_fails_its_span_without_a_value(
    spans: Spans, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spans.plane.predict(ROWS).status == 500
    (span,) = spans.finished
    assert span.attributes["fairlead.outcome"] == "model_error"
    assert span.status.status_code.name == "ERROR"
    assert "a value" not in span.to_json()


def test_a_fault_of_a_protocol_ends_the_span_too(
    spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a value")

    monkeypatch.setattr("fairlead.serving.front.decompressed", broken)
    with pytest.raises(RuntimeError):
        spans.plane.predict(ROWS)
    (span,) = spans.finished
    assert span.attributes["fairlead.outcome"] == "error"
    assert "a value" not in span.to_json()


def test_a_provider_is_found_once_it_is_set_up(run_python: Any) -> None:
    pytest.importorskip("opentelemetry.sdk.trace", reason="needs opentelemetry-sdk")
    code = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from fairlead.clock import SystemClock
from fairlead.serving.tracing import make_tracing
print(make_tracing(SystemClock()) is None)
trace.set_tracer_provider(TracerProvider())
print(make_tracing(SystemClock()) is None)
"""
    assert run_python(code, "").split() == ["True", "False"]
