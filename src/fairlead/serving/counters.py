"""What the data plane counts, by the names that Prometheus reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fairlead.predictionlog import Outcome
from fairlead.telemetry import Gauge, MetricsFile

LATENCY_EDGES_S = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5,
    0.75, 1.0, 2.0, 5.0, 10.0, 30.0,
)  # fmt: skip
BATCH_EDGES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

Labels = tuple[tuple[str, str], ...]


class Counters:
    """A worker's counters that belong to no arm.

    Args:
        file: the worker's mapped file.
    """

    def __init__(self, file: MetricsFile) -> None:
        self._file = file
        self._unlogged = file.counter("fairlead_unlogged_rows_total")
        self._feedback = file.counter("fairlead_feedback_total")
        self._received = file.counter("fairlead_network_received_bytes_total")
        self._sent = file.counter("fairlead_network_sent_bytes_total")
        self._gauges: dict[str, dict[Labels, Gauge]] = {}

    def unlogged(self, rows: int) -> None:
        """Rows that the log did not take."""
        self._unlogged.add(rows)

    def feedback(self, rows: int) -> None:
        """Feedback that was accepted."""
        self._feedback.add(rows)

    def moved(self, received_bytes: int, sent_bytes: int) -> None:
        """What came in and went out over HTTP."""
        self._received.add(received_bytes)
        self._sent.add(sent_bytes)

    def refused(self, endpoint: str, code: str) -> None:
        """A request that was turned away before it became a record."""
        self._file.counter("fairlead_refused_requests_total", endpoint=endpoint, code=code).add(1)

    def refused_field(self, endpoint: str, field: str) -> None:
        """A request that was turned away because of a field of the endpoint's signature."""
        self._file.counter("fairlead_refused_fields_total", endpoint=endpoint, field=field).add(1)

    def shed(self, endpoint: str, kind: str) -> None:
        """A request that was refused because there is too much of something."""
        self._file.counter("fairlead_shed_requests_total", endpoint=endpoint, kind=kind).add(1)

    def looked_up(self, table: str, hits: int, misses: int) -> None:
        """Keys that were found in a look-up table, and keys that were not."""
        for result, count in (("hit", hits), ("miss", misses)):
            if count:
                self._file.counter("fairlead_lookups_total", table=table, result=result).add(count)

    def close(self) -> None:
        """Let go of the file; what was counted stays in it."""
        self._file.close()

    def versions(self, memory_bytes: Mapping[str, int]) -> None:
        """What each version that is loaded takes, by its name; others take nothing."""
        by_version = _by_version(memory_bytes)
        self._tell("fairlead_version_memory_bytes", by_version)
        for labels in by_version:
            self._file.gauge("fairlead_in_flight_requests", **dict(labels))  # none are yet

    def under_way(self, queued_rows: Mapping[Labels, int], in_flight: Mapping[str, int]) -> None:
        """What is being done now.

        Args:
            queued_rows: rows that wait for a model, by their arm's labels; of others none do.
            in_flight: requests on a version, by its name; on others there are none.
        """
        self._tell("fairlead_queued_rows", queued_rows)
        self._tell("fairlead_in_flight_requests", _by_version(in_flight))

    def cache(self, endpoint: str) -> CacheCounters:
        """The counters of an endpoint's cache."""
        return CacheCounters(self._file, endpoint)

    def _tell(self, name: str, values: Mapping[Labels, float]) -> None:
        """Set a gauge for each of these labels, and to 0 for those that were told before."""
        told = self._gauges.setdefault(name, {})
        for labels in told.keys() - values.keys():
            told[labels].set(0)
        for labels, value in values.items():
            if labels not in told:
                told[labels] = self._file.gauge(name, **dict(labels))
            told[labels].set(value)

    def arm(self, endpoint: str, version: str, arm: str) -> ArmCounters:
        """The counters of one arm."""
        return ArmCounters(self._file, {"endpoint": endpoint, "version": version, "arm": arm})


def _by_version(values: Mapping[str, int]) -> dict[Labels, int]:
    return {(("version", name),): value for name, value in values.items()}


class ArmCounters:
    """The counters of one arm.

    Args:
        file: the worker's mapped file.
        labels: of every counter.
    """

    def __init__(self, file: MetricsFile, labels: dict[str, str]) -> None:
        self.labels = tuple(labels.items())
        self._file = file
        self._named = labels
        file.gauge("fairlead_queued_rows", **labels)  # none are yet
        outcomes: tuple[Outcome, ...] = ("ok", "model_error", "timeout")
        self._requests = {
            kind: file.counter("fairlead_requests_total", outcome=kind, **labels)
            for kind in outcomes
        }
        self._rows = {
            kind: file.counter("fairlead_rows_total", outcome=kind, **labels) for kind in outcomes
        }
        self._failed_s = file.counter("fairlead_failed_request_seconds_total", **labels)
        self._asked_s = file.latest("fairlead_last_request_time_seconds", **labels)
        self._latency_s = file.histogram("fairlead_request_seconds", LATENCY_EDGES_S, **labels)
        self._queue_s = file.histogram("fairlead_queue_seconds", LATENCY_EDGES_S, **labels)
        self._model_s = file.histogram("fairlead_model_seconds", LATENCY_EDGES_S, **labels)
        self._batch_rows = file.histogram("fairlead_batch_rows", BATCH_EDGES, **labels)

    def asked(self, at_us: int) -> None:
        """Requests were admitted, the last of them then, in microseconds since 1970."""
        self._asked_s.set(at_us / 1e6)

    def missed(self, rows: int) -> None:
        """Rows that a shadow had no time for."""
        self._file.counter("fairlead_missed_rows_total", **self._named).add(rows)

    def run(
        self,
        kind: Outcome,
        rows: int,
        model_s: float,
        waits_s: Sequence[float],
        since_s: float,
    ) -> None:
        """Requests, or one arm's parts of them, ran together and were answered.

        Args:
            kind: what became of them.
            rows: of all together.
            model_s: how long the model ran.
            waits_s: from each request's last byte to the model's start.
            since_s: from the model's start to the answers.
        """
        self.known(kind, rows, waits_s, since_s)
        self._batch_rows.observe(rows)
        self._model_s.observe(model_s)
        self._queue_s.observe_all(waits_s)

    def known(self, kind: Outcome, rows: int, waits_s: Sequence[float], since_s: float) -> None:
        """Requests, or parts of them, were answered with what was known.

        Args:
            kind: what became of them.
            rows: of all together.
            waits_s: from each request's last byte until its answer was known.
            since_s: from then to the answers.
        """
        self._requests[kind].add(len(waits_s))
        self._rows[kind].add(rows)
        self._latency_s.observe_all(waits_s, more=since_s)
        if kind != "ok":
            self._failed_s.add(sum(waits_s) + since_s * len(waits_s))


class CacheCounters:
    """The counters of one endpoint's cache, in rows.

    Args:
        file: the worker's mapped file.
        endpoint: its name.
    """

    def __init__(self, file: MetricsFile, endpoint: str) -> None:
        self._hits = file.counter("fairlead_cache_hits_total", endpoint=endpoint)
        self._joined = file.counter("fairlead_cache_joined_total", endpoint=endpoint)
        self._misses = file.counter("fairlead_cache_misses_total", endpoint=endpoint)
        self._evicted = file.counter("fairlead_cache_evictions_total", endpoint=endpoint)
        self._size_bytes = file.gauge("fairlead_cache_size_bytes", endpoint=endpoint)

    def hit(self) -> None:
        """A row whose answer was known."""
        self._hits.add(1)

    def joined(self) -> None:
        """A row whose answer was being computed."""
        self._joined.add(1)

    def missed(self) -> None:
        """A row that had to be computed."""
        self._misses.add(1)

    def evicted(self, count: int) -> None:
        """Answers that went to make room for others."""
        self._evicted.add(count)

    def holds(self, size_bytes: int) -> None:
        """What is kept takes so much memory."""
        self._size_bytes.set(size_bytes)
