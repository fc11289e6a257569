"""An endpoint whose hours pass one by one, and who watches them, as the controller does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fairlead.clock import ManualClock
from fairlead.ids import IdSource
from fairlead.monitoring import Plan
from fairlead.monitoring.assessor import Assessor
from fairlead.monitoring.choose import Chooser
from fairlead.monitoring.collector import Collector
from fairlead.monitoring.listener import Listener
from fairlead.monitoring.records import FINDINGS, Finding, Stream
from fairlead.predictionlog import PredictionFrame, encode_prediction
from fairlead.profiles import Profile, make_reference
from fairlead.signature import Batch, Field, Signature
from support.log import START_US, Log

HOUR_US = 3_600_000_000
SIGNATURE = Signature(
    inputs=(Field(name="age", kind="number"), Field(name="plan", kind="category")), outputs=()
)
PLANS = np.array(["free", "pro", "team"], dtype=object)


@dataclass
class Hours:
    """Traffic by the hour since the start, and the shells that watch it.

    Args:
        log: where all is written.
        plan: how it is watched.
        store: of the shells; another one than the log's to let them die.
    """

    log: Log
    plan: Plan = field(default_factory=Plan)
    store: Any = None

    def __post_init__(self) -> None:
        self.rng, self.ids = np.random.default_rng(7), IdSource(ManualClock(START_US))
        self.stable: Stream | None = Stream(endpoint="churn", version="churn:1", role="stable")
        self.whole = True
        self.reference = make_reference(SIGNATURE, self.batch(4000))
        self.restart()

    def restart(self) -> None:
        """The shells of another process."""
        store, blobs, clock = self.store or self.log.store, self.log.blobs, self.log.clock
        references: Mapping[str, Profile] = {
            f"churn:{number}": self.reference for number in range(4)
        }
        self.collector = Collector(store, blobs, references.get, HOUR_US, clock)
        self.assessor = Assessor(
            store, references.get, Chooser(store, blobs, references.get, clock),
            lambda _: self.plan, clock,
        )  # fmt: skip
        self.listener = Listener(
            store, references.get, lambda _: self.plan, HOUR_US, clock,
            lambda _: self.stable, lambda: self.whole,
        )  # fmt: skip

    def batch(self, rows: int) -> Batch:
        ages = self.rng.normal(40, 10, size=(rows, 1))
        return Batch(rows, ("age",), ages, {"plan": self.rng.choice(PLANS, rows)})

    def answer(self, hours: Mapping[int, int], *, version: str = "churn:1", role: str = "stable",
               inputs: Batch | None = None) -> None:  # fmt: skip
        """Answer so many rows in each of some hours; they are sealed at once."""
        starts = np.repeat(np.fromiter(hours, np.int64), list(hours.values())) * HOUR_US
        rows = len(starts)
        times = START_US + starts + self.rng.integers(0, HOUR_US, rows)
        frame = PredictionFrame(
            endpoint="churn", revision=1, arm=role, version=version, role=role, assigned_by="hash",
            outcome="ok", source="live", time_us=times.astype(np.int64), model_us=10,
            ids=self.ids.take(rows).raw(), caller_ids=None, units=None,
            slots=np.zeros(rows, np.int16), propensity=np.ones(rows),
            queue_us=np.zeros(rows, np.int32), inputs=inputs or self.batch(rows),
            outputs=Batch(rows, (), np.zeros((rows, 0)), {}),
        )  # fmt: skip
        writer = self.log.writer()
        writer.append(encode_prediction(frame))
        writer.close()
        self.log.sealer().tick(everything=True)

    def look(self) -> None:
        """Do what the controller does."""
        self.collector.tick()
        self.assessor.tick()
        self.listener.tick()

    def reach(self, hour: int) -> None:
        """Put the clock at five past an hour, without a look on the way."""
        self.log.clock.set(START_US + hour * HOUR_US + HOUR_US // 12)

    def watch(self, first: int, end: int, rows: Mapping[int, int]) -> None:
        """Let hours pass, with rows in some of them, and look twice in each."""
        for hour in range(first, end):
            self.log.clock.set(START_US + hour * HOUR_US + HOUR_US // 2)
            if rows.get(hour):
                self.answer({hour: rows[hour]})
            self.look()
            self.reach(hour + 1)
            self.look()

    def findings(self) -> dict[int, Finding]:
        """By the hour since the start."""
        found = [stored.value for stored in self.log.store.scan(FINDINGS)]
        return {(each.start_us - START_US) // HOUR_US: each for each in found}

    def silences(self) -> list[int]:
        """The hours that were found without rows."""
        found = [stored.value for stored in self.log.store.scan(FINDINGS)]
        empty = [each.start_us for each in found if each.comparison.rows == 0]
        return [(start_us - START_US) // HOUR_US for start_us in empty]
