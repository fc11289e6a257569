"""The log becomes windows, each row once; windows become findings, each once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fairlead.ids import IdSource
from fairlead.monitoring import Budget, Plan
from fairlead.monitoring.assessor import Assessor
from fairlead.monitoring.collector import Collector
from fairlead.monitoring.records import FINDINGS, FOLDED, WATCHES, WINDOWS, Finding
from fairlead.monitoring.traffic import TRAFFIC
from fairlead.predictionlog import PredictionFrame, Source, encode_prediction
from fairlead.predictionlog.compact import Compactor
from fairlead.predictionlog.segments import SEGMENTS
from fairlead.profiles import Profile, make_reference
from fairlead.signature import Batch, Field, Signature
from support.log import START_US, Crash, Crashing, Log, open_log

HOUR_US = 3_600_000_000
HOUR_S = 3600.0
SIGNATURE = Signature(
    inputs=(Field(name="age", kind="number"), Field(name="plan", kind="category")), outputs=()
)
PLANS = np.array(["free", "pro", "team"], dtype=object)


@dataclass
class Traffic:
    """Rows that arrive at an endpoint, and who watches them."""

    log: Log
    rng: np.random.Generator
    ids: IdSource

    def batch(self, rows: int, *, shift: float = 0.0) -> Batch:
        ages = self.rng.normal(40 + shift, 10, size=(rows, 1))
        return Batch(rows, ("age",), ages, {"plan": self.rng.choice(PLANS, rows)})

    def reference(self) -> Profile:
        return make_reference(SIGNATURE, self.batch(5000))

    def arrive(
        self,
        rows: int,
        hour: int,
        *,
        shift: float = 0.0,
        by: str = "hash",
        role: str = "stable",
        source: Source = "live",
    ) -> None:
        """Rows that were answered in an hour, sealed."""
        times = START_US + hour * HOUR_US + np.sort(self.rng.integers(0, HOUR_US, rows))
        writer = self.log.writer()
        frame = PredictionFrame(
            endpoint="churn", revision=1, arm=role, version="churn:1", role=role, assigned_by=by,
            outcome="ok", source=source, time_us=times.astype(np.int64), model_us=10,
            ids=self.ids.take(rows).raw(), caller_ids=None, units=None,
            slots=np.zeros(rows, np.int16), propensity=np.ones(rows),
            queue_us=np.zeros(rows, np.int32), inputs=self.batch(rows, shift=shift),
            outputs=Batch(rows, (), np.zeros((rows, 0)), {}),
        )  # fmt: skip
        writer.append(encode_prediction(frame))
        writer.close()
        self.log.sealer().tick(everything=True)

    def counted(self) -> dict[int, int]:
        """Rows of each hour's window."""
        windows = [stored.value for stored in self.log.store.scan(WINDOWS)]
        return {(w.start_us - START_US) // HOUR_US: w.profile.rows for w in windows}


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Traffic]:
    with open_log(tmp_path) as log:
        yield Traffic(log, np.random.default_rng(7), IdSource(log.clock))


def collector(
    traffic: Traffic, reference: Profile | None = None, store: object = None
) -> Collector:
    log, known = traffic.log, reference or traffic.reference()
    references = {"churn:1": known}
    return Collector(store or log.store, log.blobs, references.get, HOUR_US, log.clock)  # type: ignore[arg-type]


def assessor(traffic: Traffic, reference: Profile, plan: Plan) -> Assessor:
    log = traffic.log
    return Assessor(
        log.store, {"churn:1": reference}.get, lambda *_: None, lambda _: plan, log.clock
    )


def findings(log: Log) -> list[Finding]:
    return [stored.value for stored in log.store.scan(FINDINGS)]


def test_rows_are_counted_in_the_window_of_their_time(traffic: Traffic) -> None:
    fold = collector(traffic)
    traffic.arrive(300, hour=0)
    traffic.arrive(200, hour=2)
    fold.tick()
    traffic.arrive(50, hour=0)
    fold.tick()
    fold.tick()
    assert traffic.counted() == {0: 350, 2: 200}


def test_only_traffic_that_the_route_assigned_counts(traffic: Traffic) -> None:
    fold = collector(traffic)
    traffic.arrive(30, hour=0, by="override")
    traffic.arrive(20, hour=0, by="test")
    fold.tick()
    assert traffic.counted() == {}
    assert len(traffic.log.store.scan(FOLDED)) == 2


def test_answers_from_a_cache_are_traffic(traffic: Traffic) -> None:
    fold = collector(traffic)
    traffic.arrive(30, hour=0)
    traffic.arrive(20, hour=0, source="cache")
    traffic.arrive(10, hour=0, source="replay")
    traffic.arrive(5, hour=0, source="cache", by="override")
    fold.tick()
    assert traffic.counted() == {0: 50}


def test_look_ups_count_as_traffic_and_are_no_rows_of_the_model(traffic: Traffic) -> None:
    fold = collector(traffic)
    traffic.arrive(30, hour=0)
    traffic.arrive(20, hour=0, source="precomputed", by="precomputed")
    traffic.arrive(10, hour=1, source="precomputed", by="precomputed")
    fold.tick()
    assert traffic.counted() == {0: 30}
    (known,) = traffic.log.store.scan(TRAFFIC)
    assert [*known.value.rows.values()] == [50, 10]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("passed", range(3))
def test_each_row_is_counted_once_wherever_the_process_dies(
    traffic: Traffic, passed: int, after: bool
) -> None:
    reference = traffic.reference()
    for hour in (0, 1, 1):
        traffic.arrive(100, hour=hour)
    dying = Crashing(traffic.log.store, "commit", passed, after)
    with pytest.raises(Crash):
        collector(traffic, reference, dying).tick()
    collector(traffic, reference).tick()
    assert traffic.counted() == {0: 100, 1: 200}


def test_files_are_merged_only_after_they_were_read_and_are_not_read_again(
    traffic: Traffic,
) -> None:
    log, fold = traffic.log, collector(traffic)
    traffic.arrive(100, hour=0)
    traffic.arrive(100, hour=1)
    log.clock.advance(3 * 24 * HOUR_S)
    compactor = Compactor(log.store, log.blobs, log.clock, fold.is_read)
    compactor.tick()
    assert len(log.store.scan(SEGMENTS)) == 2, "nobody has read them"
    fold.tick()
    compactor.tick()
    assert [stored.value.merged for stored in log.store.scan(SEGMENTS)] == [True]
    fold.tick()
    assert traffic.counted() == {0: 100, 1: 100}
    assert log.store.scan(FOLDED) == [], "what is gone is forgotten"


def test_files_of_feedback_are_none_to_wait_for(traffic: Traffic) -> None:
    fold = collector(traffic)
    assert fold.is_read("segment/feedback/churn/2026-01-01/w-0-9")
    assert not fold.is_read("segment/predictions/churn/2026-01-01/w-0-9")


def test_a_window_is_looked_at_once_when_it_is_over_and_rows_that_come_late_are_not_tested(
    traffic: Traffic,
) -> None:
    log, reference = traffic.log, traffic.reference()
    fold, plan = collector(traffic, reference), Plan()
    look = assessor(traffic, reference, plan)
    traffic.arrive(300, hour=0)
    fold.tick()
    log.clock.advance(HOUR_S + plan.grace_us / 1e6 - 1)
    look.tick()
    assert findings(log) == []
    log.clock.advance(1)
    look.tick()
    assert [finding.comparison.rows for finding in findings(log)] == [300]
    traffic.arrive(50, hour=0)
    fold.tick()
    look.tick()
    assert traffic.counted() == {0: 350}
    assert [finding.comparison.rows for finding in findings(log)] == [300]
    assert [stored.value.pending for stored in log.store.scan(WATCHES)] == [()]


def test_a_field_that_moved_alarms_and_the_other_does_not(traffic: Traffic) -> None:
    log, reference = traffic.log, traffic.reference()
    plan = Plan(budget=Budget(learn=24))
    fold, look = collector(traffic, reference), assessor(traffic, reference, plan)
    for hour in range(40):
        traffic.arrive(400, hour=hour, shift=8.0 if hour >= 30 else 0.0)
        fold.tick()
        log.clock.advance(HOUR_S)
        look.tick()
    log.clock.advance(HOUR_S)
    look.tick()
    alarms = {
        (finding.start_us - START_US) // HOUR_US: finding.detection.alarms
        for finding in findings(log)
        if finding.detection.alarms
    }
    assert set(alarms.values()) == {("age",)}
    assert 30 <= min(alarms) <= 34
    assert len(findings(log)) == 40


def test_a_great_change_is_not_hidden_by_its_own_first_hour(traffic: Traffic) -> None:
    log, reference = traffic.log, traffic.reference()
    plan = Plan(budget=Budget(learn=24))
    fold, look = collector(traffic, reference), assessor(traffic, reference, plan)
    for hour in range(40):
        traffic.arrive(400, hour=hour, shift=1000.0 if hour >= 30 else 0.0)
        fold.tick()
        log.clock.advance(HOUR_S)
        look.tick()
    found = {(f.start_us - START_US) // HOUR_US: f for f in findings(log)}
    assert min(hour for hour, f in found.items() if f.detection.alarms) <= 33
    assert all(found[hour].comparison.fields["age"].drifted for hour in range(30, 39))


def test_a_season_of_its_own_is_no_drift(traffic: Traffic) -> None:
    """At night others ask than by day; compared with the same hour of past days nothing moved."""
    log, reference = traffic.log, traffic.reference()
    plan = Plan(reference="day", budget=Budget(learn=48))
    fold, look = collector(traffic, reference), assessor(traffic, reference, plan)
    for hour in range(24 * 5):
        traffic.arrive(200, hour=hour, shift=6.0 if hour % 24 < 8 else 0.0)
        fold.tick()
        log.clock.advance(HOUR_S)
        look.tick()
    late = [f for f in findings(log) if f.start_us >= START_US + 24 * HOUR_US]
    assert sum(f.comparison.alarm for f in late) <= 2
    assert not any(f.detection.alarms for f in late)
