"""From what monitoring knows to the signals that rules of alerts read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fairlead.alerts import Burn, Signal
from fairlead.alerts.types import Evidence
from fairlead.clock import Clock
from fairlead.learning import FOLLOWING, LEARNERS, OnlineSpec, is_failing
from fairlead.monitoring.facts import Fact
from fairlead.monitoring.gather import BATCH
from fairlead.monitoring.goals import GoalCourse
from fairlead.monitoring.joint import Day, Joint
from fairlead.monitoring.latency import Latencies, slowest
from fairlead.monitoring.operations import Reading, Readings, stretches
from fairlead.monitoring.recall import DAY_US
from fairlead.monitoring.records import Finding, Stream
from fairlead.monitoring.types import Drift, Quality
from fairlead.schedules import STANDINGS, Schedule
from fairlead.store import Store
from fairlead.updates import UPDATES, UPDATING, UpdateSpec

BURNS_S = (300.0, 1800.0, 3600.0, 21_600.0, 259_200.0)
_NAMES = {"constant": "stuck"}
FACT_VALID_S = 7 * 86_400.0
"""Labels come when they come: what was proven stays so until others say that it is over."""
JOINT_VALID_S = 2.5 * 86_400.0
VALID_WINDOWS = 3
"""For so many windows a finding speaks for the present, if no other follows."""


def finding_signals(finding: Finding) -> Iterator[Signal]:
    """What one window says: of each field whether it drifts and is sound, and of the volume."""
    for name, drift in finding.comparison.fields.items():
        yield _drift(finding, name, drift)
    for quality in finding.comparison.quality:
        yield _quality(finding, quality)
    if finding.volume is not None:
        found = finding.volume
        yield _signal(
            finding,
            "volume",
            "",
            found.rows,
            found.broken,
            {"expected": found.expected.value, "p_value": found.p_value},
            low=found.expected.low,
            high=found.expected.high,
        )


def fact_signal(fact: Fact) -> Signal:
    """What one guard of performance says."""
    return Signal(
        endpoint=fact.stream.endpoint,
        name=fact.name,
        subject=_subject(fact.stream, fact.stream.version),
        version=fact.stream.version,
        time_us=fact.time_us,
        valid_s=FACT_VALID_S,
        value=fact.value.value,
        low=fact.value.low,
        high=fact.value.high,
        proven=fact.proven,
        cause=fact.cause,
        look_at=fact.look_at,
        evidence=dict(fact.evidence),
    )


def goal_signal(course: GoalCourse, valid_s: float) -> Signal | None:
    """What a metric of one's own was over some windows; None where it is undefined.

    Args:
        course: over these windows.
        valid_s: for how long after the last of them that speaks for the present.
    """
    if course.whole is None:
        return None
    return Signal(
        endpoint=course.stream.endpoint,
        name=course.name,
        subject=_subject(course.stream, course.stream.version),
        version=course.stream.version,
        time_us=course.end_us,
        valid_s=valid_s,
        value=course.whole.value,
        low=course.whole.low,
        high=course.whole.high,
        evidence={"windows": len(course.values), "units": course.groups},
    )


def joint_signal(joint: Joint, day: Day) -> Signal:
    """What one day says of all fields together."""
    evidence: Evidence = {"rows": day.rows, "p_value": day.p_value, "why": day.why}
    evidence |= {f"drop_{one.field}": one.drop for one in day.fields}
    return Signal(
        endpoint=joint.stream.endpoint,
        name="joint_drift",
        subject=_subject(joint.stream, joint.stream.version),
        version=joint.stream.version,
        time_us=day.start_us + DAY_US,
        valid_s=JOINT_VALID_S,
        value=day.auc.value,
        low=day.auc.low,
        high=day.auc.high,
        proven=day.proven,
        cause=day.fields[0].field if day.fields else "",
        evidence=evidence,
    )


def operation_signals(now: Mapping[str, Reading], past: Mapping[str, Readings]) -> Iterator[Signal]:
    """Of each endpoint, the share of requests that failed, over minutes to days."""
    for endpoint, reading in now.items():
        counts = stretches(past.get(endpoint, Readings()), reading, BURNS_S)
        shortest = counts[0]
        yield Signal(
            endpoint=endpoint,
            name="error_rate",
            time_us=reading.time_us,
            value=1 - shortest.good / shortest.total if shortest.total else None,
            burn=tuple(Burn(c.window_s, c.good, c.total) for c in counts),
            valid_s=120.0,
            evidence={"requests": shortest.total, "failed": shortest.total - shortest.good},
        )


def latency_signals(past: Mapping[str, Sequence[Latencies]]) -> Iterator[Signal]:
    """Of each endpoint, the time within which 99 of 100 requests of five minutes were answered."""
    for endpoint, kept in past.items():
        found = slowest(kept)
        if found is not None:
            yield Signal(
                endpoint=endpoint,
                name="latency_p99_s",
                time_us=kept[-1].time_us,
                value=found.seconds.value,
                low=found.seconds.low,
                high=found.seconds.high,
                valid_s=120.0,
                evidence={"requests": found.requests},
            )


def job_signals(store: Store, clock: Clock, schedules: Sequence[Schedule]) -> Iterator[Signal]:
    """Of each job that is scheduled now, how many of its last runs in a row failed."""
    places = {schedule.place for schedule in schedules}
    for stored in store.scan(STANDINGS):
        standing = stored.value
        if standing.last is None or standing.place not in places:
            continue
        evidence: Evidence = {"run": standing.last.id, "output": standing.last.output}
        if standing.failed:
            evidence["why"] = standing.last.error
        yield Signal(
            endpoint=standing.endpoint,
            name="failed_runs",
            subject=standing.name,
            version=standing.last.version,
            time_us=clock.now_us(),
            value=standing.failed,
            cause=f"job {standing.name}",
            evidence=evidence,
        )


def learner_signals(store: Store, clock: Clock, specs: Sequence[OnlineSpec]) -> Iterator[Signal]:
    """Of each model that learns online, whether it was stopped by no person, or fails to go on."""
    for spec in specs:
        stored = store.get(LEARNERS, LEARNERS.key(spec.endpoint))
        if stored is None:
            continue
        learner = stored.value
        kept = store.get(FOLLOWING, FOLLOWING.key(spec.endpoint))
        fails = kept is not None and is_failing(learner, kept.value)
        stopped = learner.state == "frozen" and learner.by in ("guard", "controller")
        why = kept.value.error if kept is not None and fails else learner.reason
        yield Signal(
            endpoint=spec.endpoint,
            name="stopped_learning",
            version=learner.version,
            time_us=clock.now_us(),
            value=float(stopped or fails),
            cause="learner",
            evidence={"labels": learner.now.learner.rows, "why": why},
        )


def update_signals(store: Store, clock: Clock, specs: Sequence[UpdateSpec]) -> Iterator[Signal]:
    """Of each endpoint that is updated, how many of its last updates in a row failed."""
    endpoints = {spec.endpoint for spec in specs}
    for stored in store.scan(UPDATING):
        standing = stored.value
        if not standing.ended_us or standing.endpoint not in endpoints:
            continue
        last = store.get(UPDATES, UPDATES.key(standing.endpoint, standing.last))
        why: Evidence = {"why": last.value.error} if standing.failed and last is not None else {}
        yield Signal(
            endpoint=standing.endpoint,
            name="failed_updates",
            time_us=clock.now_us(),
            value=standing.failed,
            cause="update",
            evidence={"update": standing.last, **why},
        )


def _subject(stream: Stream, subject: str) -> str:
    """What a signal is about; of batch jobs it is not about what the traffic's of that name is."""
    return f"{subject} ({BATCH})" if stream.role == BATCH else subject


def _drift(finding: Finding, name: str, drift: Drift) -> Signal:
    evidence: Evidence = {
        "psi": drift.psi,
        "p_value": drift.p_value,
        "evidence": finding.detection.evidence.get(name),
        "threshold": finding.detection.threshold,
        "why": drift.why,
    }
    called = "drift" if drift.side == "input" else "prediction_drift"
    proven = name in finding.detection.drifting
    return _signal(finding, called, name, drift.effect, proven, evidence)


def _quality(finding: Finding, found: Quality) -> Signal:
    evidence: Evidence = {
        "share": found.share.value,
        "p_value": found.adjusted_p,
        "why": found.why,
    }
    name = _NAMES.get(found.kind, found.kind)
    return _signal(
        finding,
        name,
        found.field,
        found.rise.value,
        found.broken,
        evidence,
        low=found.rise.low,
        high=found.rise.high,
    )


def _signal(
    finding: Finding,
    name: str,
    subject: str,
    value: float,
    proven: bool,
    evidence: Evidence,
    *,
    low: float | None = None,
    high: float | None = None,
) -> Signal:
    length_s = (finding.end_us - finding.start_us) / 1e6
    return Signal(
        endpoint=finding.stream.endpoint,
        name=name,
        subject=_subject(finding.stream, subject),
        version=finding.stream.version,
        time_us=finding.end_us,
        valid_s=VALID_WINDOWS * length_s,
        value=value,
        low=low,
        high=high,
        proven=proven,
        cause=subject,
        evidence={"rows": finding.comparison.rows, **evidence},
    )
