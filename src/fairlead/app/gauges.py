"""What monitoring found, as gauges for `/metrics`: of the versions that answer now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from fairlead.monitoring.accounts import Statement
from fairlead.monitoring.facts import Fact
from fairlead.monitoring.joint import Joint
from fairlead.monitoring.latency import Latencies
from fairlead.monitoring.operations import Reading, Readings
from fairlead.monitoring.records import Finding, Stream
from fairlead.schedules import Overview
from fairlead.stats import Estimate
from fairlead.telemetry import Sample, gauged

SERIES_MAX = 1000
"""Of each endpoint. Beyond it fields are left out; those in which something is wrong go first."""
FRESH_US = 300_000_000
"""Whoever has not looked for so long tells nothing, as another process may look by now."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What alerts are decided on, and what windows say of performance.

    Args:
        time_us: when it was looked at, microseconds since 1970; 0 if it never was.
        findings: the newest of each stream.
        facts: of each stream.
        statements: of each stream's last windows, newest first.
        joints: what days said of all fields of a stream together.
        counted: requests up to now, by endpoint.
        readings: requests of the last days, by endpoint.
        latencies: times of answers of the last minutes, by endpoint.
    """

    time_us: int = 0
    findings: tuple[Finding, ...] = ()
    facts: tuple[Fact, ...] = ()
    statements: dict[Stream, tuple[Statement, ...]] = {}
    joints: tuple[Joint, ...] = ()
    counted: dict[str, Reading] = {}
    readings: dict[str, Readings] = {}
    latencies: dict[str, tuple[Latencies, ...]] = {}


def gauges(seen: Seen, now_us: int) -> list[Sample]:
    """Tell what was seen.

    Args:
        seen: at the last look.
        now_us: microseconds since 1970.

    Returns:
        At most `SERIES_MAX` samples of each endpoint, and how many more there would be.
    """
    if now_us - seen.time_us > FRESH_US:
        return []
    told: defaultdict[str, list[Sample]] = defaultdict(list)
    for finding in seen.findings:
        told[finding.stream.endpoint] += _window(finding, now_us)
    for fact in seen.facts:
        told[fact.stream.endpoint] += _guard(fact)
    for stream, statements in seen.statements.items():
        told[stream.endpoint] += _performance(stream, statements)
        told[stream.endpoint] += _goals(stream, statements)
    for joint in seen.joints:
        told[joint.stream.endpoint] += _together(joint)
    for wrong in (True, False):
        for finding in seen.findings:
            told[finding.stream.endpoint] += _fields(finding, wrong=wrong)
    found: list[Sample] = []
    for endpoint, samples in told.items():
        untold = max(len(samples) - SERIES_MAX, 0)
        found += samples[:SERIES_MAX]
        found.append(gauged("fairlead_untold_series", untold, endpoint=endpoint))
    return found


def job_gauges(jobs: Iterable[Overview]) -> list[Sample]:
    """Tell of scheduled jobs: whether they run, and what came of their last runs."""
    found: list[Sample] = []
    for job in jobs:
        endpoint, _, name = job.job.partition("/")
        at = {"endpoint": endpoint, "job": name}
        running = job.run is not None and job.run.state == "running"
        found.append(gauged("fairlead_job_running", running, **at))
        if job.last is not None:
            found.append(gauged("fairlead_job_failed", job.last.state == "failed", **at))
        done = job.completed
        if done is not None and done.ended_us is not None and done.begun_us is not None:
            took_s = max(done.ended_us - done.begun_us, 0) / 1e6
            found.append(gauged("fairlead_job_success_time_seconds", done.ended_us / 1e6, **at))
            found.append(gauged("fairlead_job_duration_seconds", took_s, **at))
            found.append(gauged("fairlead_job_rows", done.rows, **at))
            found.append(gauged("fairlead_job_rejected_rows", done.rejected, **at))
    return found


def _window(finding: Finding, now_us: int) -> Iterator[Sample]:
    at, age_s = _labels(finding.stream), (now_us - finding.end_us) / 1e6
    yield gauged("fairlead_finding_age_seconds", max(age_s, 0.0), **at)
    yield gauged("fairlead_window_rows", finding.comparison.rows, **at)


def _fields(finding: Finding, *, wrong: bool) -> Iterator[Sample]:
    """Of the fields in which something is wrong, or of the others, in the signature's order."""
    found, detection = finding.comparison, finding.detection
    broken = {one.field for one in found.broken}
    names = dict.fromkeys((*found.fields, *(one.field for one in found.quality)))
    for name in names:
        drifting = name in detection.drifting
        if (drifting or name in broken) != wrong:
            continue
        at = {**_labels(finding.stream), "field": name}
        if name in found.fields:
            evidence = detection.evidence.get(name, 0.0) / detection.threshold
            yield gauged("fairlead_field_drifting", drifting, **at)
            yield gauged("fairlead_field_drift_effect", found.fields[name].effect, **at)
            yield gauged("fairlead_field_drift_evidence_ratio", evidence, **at)
        faults = [one for one in found.quality if one.field == name]
        if faults:
            yield gauged("fairlead_field_broken", name in broken, **at)
        for one in faults:
            yield gauged("fairlead_field_fault_ratio", one.share.value, fault=one.kind, **at)


def _guard(fact: Fact) -> Iterator[Sample]:
    at = {**_labels(fact.stream), "guard": fact.name}
    yield gauged("fairlead_guard_harm", fact.proven, **at)
    yield gauged("fairlead_guard_value", fact.value.value, **at)
    yield gauged("fairlead_guard_value_low", fact.value.low, **at)
    yield gauged("fairlead_guard_value_high", fact.value.high, **at)
    limit, evidence, needed = (
        fact.evidence.get(name) for name in ("limit", "evidence", "evidence_needed")
    )
    if isinstance(limit, float | int):
        yield gauged("fairlead_guard_limit", limit, **at)
    if isinstance(evidence, float | int) and isinstance(needed, float | int):
        yield gauged("fairlead_guard_evidence_ratio", evidence / needed, **at)


def _performance(stream: Stream, statements: Sequence[Statement]) -> Iterator[Sample]:
    """Of the newest window with an estimate, and of the newest one with labels."""
    at = _labels(stream)
    answered = sum(one.coverage.answered for one in statements)
    labelled = sum(one.coverage.labelled for one in statements)
    if answered:
        yield gauged("fairlead_labelled_rows_ratio", labelled / answered, **at)
    for ledger in [one.ledger for one in statements if one.ledger is not None][:1]:
        for name, entry in ledger.entries.items():
            yield from _estimated(entry.estimated, {**at, "metric": name})
    for statement in [one for one in statements if one.coverage.labelled][:1]:
        yield from _realised(statement, at)


def _estimated(estimate: Estimate, at: dict[str, str]) -> Iterator[Sample]:
    yield gauged("fairlead_estimated_performance", estimate.value, **at)
    yield gauged("fairlead_estimated_performance_low", estimate.low, **at)
    yield gauged("fairlead_estimated_performance_high", estimate.high, **at)


def _realised(statement: Statement, at: dict[str, str]) -> Iterator[Sample]:
    for name, value in statement.realised.items():
        yield gauged("fairlead_realised_performance", value.value, metric=name, **at)
        yield gauged("fairlead_realised_performance_low", value.low, metric=name, **at)
        yield gauged("fairlead_realised_performance_high", value.high, metric=name, **at)
    entries = {} if statement.ledger is None else statement.ledger.entries
    for name, entry in entries.items():
        if name not in statement.realised and entry.realised is not None:
            yield gauged("fairlead_realised_performance", entry.realised, metric=name, **at)


def _goals(stream: Stream, statements: Sequence[Statement]) -> Iterator[Sample]:
    """Of own metrics, each of the newest window in which it is defined."""
    newest = {name: value for one in reversed(statements) for name, value in one.goals.items()}
    for name, value in newest.items():
        at = {**_labels(stream), "metric": name}
        yield gauged("fairlead_own_metric", value.value, **at)
        yield gauged("fairlead_own_metric_low", value.low, **at)
        yield gauged("fairlead_own_metric_high", value.high, **at)


def _together(joint: Joint) -> Iterator[Sample]:
    """Of the last day."""
    at, day = _labels(joint.stream), joint.days[-1]
    yield gauged("fairlead_joint_drifting", day.proven, **at)
    yield gauged("fairlead_joint_drift_auc", day.auc.value, **at)
    yield gauged("fairlead_joint_drift_auc_low", day.auc.low, **at)
    yield gauged("fairlead_joint_drift_auc_high", day.auc.high, **at)


def _labels(stream: Stream) -> dict[str, str]:
    return {"endpoint": stream.endpoint, "version": stream.version, "role": stream.role}
