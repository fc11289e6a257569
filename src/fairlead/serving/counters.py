"""What the data plane counts, by the names that Prometheus reads."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.predictionlog import Outcome
from fairlead.telemetry import MetricsFile

LATENCY_EDGES_S = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5,
    0.75, 1.0, 2.0, 5.0, 10.0, 30.0,
)  # fmt: skip
BATCH_EDGES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Counters:
    """A worker's counters that belong to no arm.

    Args:
        file: the worker's mapped file.
    """

    def __init__(self, file: MetricsFile) -> None:
        self._file = file
        self._unlogged = file.counter("fairlead_unlogged_rows_total")
        self._feedback = file.counter("fairlead_feedback_total")

    def unlogged(self, rows: int) -> None:
        """Rows that the log did not take."""
        self._unlogged.add(rows)

    def feedback(self, rows: int) -> None:
        """Feedback that was accepted."""
        self._feedback.add(rows)

    def refused(self, endpoint: str, code: str) -> None:
        """A request that was turned away before it became a record."""
        self._file.counter("fairlead_refused_requests_total", endpoint=endpoint, code=code).add(1)

    def close(self) -> None:
        """Let go of the file; what was counted stays in it."""
        self._file.close()

    def arm(self, endpoint: str, version: str, arm: str) -> ArmCounters:
        """The counters of one arm."""
        return ArmCounters(self._file, {"endpoint": endpoint, "version": version, "arm": arm})


class ArmCounters:
    """The counters of one arm.

    Args:
        file: the worker's mapped file.
        labels: of every counter.
    """

    def __init__(self, file: MetricsFile, labels: dict[str, str]) -> None:
        outcomes: tuple[Outcome, ...] = ("ok", "model_error", "timeout")
        self._requests = {
            kind: file.counter("fairlead_requests_total", outcome=kind, **labels)
            for kind in outcomes
        }
        self._rows = {
            kind: file.counter("fairlead_rows_total", outcome=kind, **labels) for kind in outcomes
        }
        self._latency_s = file.histogram("fairlead_request_seconds", LATENCY_EDGES_S, **labels)
        self._model_s = file.histogram("fairlead_model_seconds", LATENCY_EDGES_S, **labels)
        self._batch_rows = file.histogram("fairlead_batch_rows", BATCH_EDGES, **labels)

    def run(self, kind: Outcome, rows: int, model_s: float, latencies_s: Sequence[float]) -> None:
        """Requests, or one arm's parts of them, ran together and were answered.

        Args:
            kind: what became of them.
            rows: of all together.
            model_s: how long the model ran.
            latencies_s: from each request's last byte to its answer.
        """
        self._requests[kind].add(len(latencies_s))
        self._rows[kind].add(rows)
        self._batch_rows.observe(rows)
        self._model_s.observe(model_s)
        for latency_s in latencies_s:
            self._latency_s.observe(latency_s)
