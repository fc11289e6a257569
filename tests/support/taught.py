"""A learner in a world of its own: a log that is written and sealed by hand, and no registry."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fairlead.bundle import Learned
from fairlead.clock import ManualClock
from fairlead.learning.decide import begin
from fairlead.learning.labels import LabelLog
from fairlead.learning.student import Student
from fairlead.learning.tutor import Tutor
from fairlead.learning.types import LEARNERS, Learner, OnlineSpec
from fairlead.predictionlog import FeedbackFrame, PredictionFrame
from fairlead.predictionlog.sealer import write_segment
from fairlead.predictionlog.segments import SEGMENTS, SegmentKind, segment_key
from fairlead.predictionlog.tables import table_of
from fairlead.runners.sklearn import import_skops, load_skops
from fairlead.signature import Batch, Field, Signature
from fairlead.store import Put, open_blobs
from fairlead.store.memory import MemoryStore
from support.online import FIELDS, classifier

SIGNATURE = Signature(
    inputs=tuple(Field(name=name, kind="number") for name in FIELDS),
    outputs=(Field(name="label", kind="category", dtype="object", categories=("no", "yes")),),
    task="classification",
)
SPEC = OnlineSpec(endpoint="tide", labels=64, every_us=10**15, least_us=0)


@dataclass
class FakeVersions:
    """States as skops keeps them, by name."""

    kept: dict[str, bytes] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    learned: list[Learned] = field(default_factory=list)
    broken: BaseException | None = None

    def load(self, version: str) -> Student:
        return Student(load_skops(self.kept[version]), "numpy", SIGNATURE)

    def save(self, student: Student, rows: Batch, parent: str, note: str, learned: Learned) -> str:
        assert parent in self.kept
        if self.broken is not None:
            raise self.broken
        self.rows.append(rows.rows)
        self.learned.append(learned)
        return self.add(student.model)

    def add(self, model: Any) -> str:
        name = f"tide:{len(self.kept) + 1}"
        raw = io.BytesIO()
        import_skops().dump(model, raw)
        self.kept[name] = raw.getvalue()
        return name


class Taught:
    """One learner, what it is taught, and processes that learn.

    Args:
        folder: of the log.
        spec: how it learns.
    """

    def __init__(self, folder: Path, spec: OnlineSpec = SPEC, model: Any = None) -> None:
        self.spec = spec
        self.clock = ManualClock()
        self.store = MemoryStore()
        self.blobs = open_blobs(f"file://{folder}/blobs")
        self.versions = FakeVersions()
        self.base = self.versions.add(model or classifier())
        self.log = LabelLog(self.store, self.blobs, "tide", self.clock)
        first = begin(spec, self.base, self.log.files(), self.clock.now_us())
        self.store.commit(Put(LEARNERS, self.key, first, None))
        self._files = 0
        self._rows = 0

    @property
    def key(self) -> str:
        return LEARNERS.key("tide")

    @property
    def learner(self) -> Learner:
        stored = self.store.get(LEARNERS, self.key)
        assert stored is not None
        return stored.value

    def tutor(self, store: Any = None) -> Tutor:
        """A process that begins, or begins again."""
        return Tutor(store or self.store, self.log, self.versions, self.spec, self.clock)

    def ask(self, X: Any, *, seal: bool = True) -> list[bytes]:
        """Ask the endpoint; the ids of the rows."""
        now_us = self.clock.now_us()
        ids = [_id(now_us, self._rows + place) for place in range(len(X))]
        self._rows += len(X)
        frame = PredictionFrame(
            endpoint="tide", revision=1, arm="stable", version="tide:1", role="stable",
            assigned_by="hash", outcome="ok", source="live", model_us=10,
            time_us=np.full(len(X), now_us), ids=ids, caller_ids=None, units=None,
            slots=np.zeros(len(X), np.int16), propensity=np.ones(len(X)),
            queue_us=np.zeros(len(X), np.int32),
            inputs=Batch(len(X), FIELDS, np.ascontiguousarray(X), {}),
            outputs=Batch(len(X), (), np.zeros((len(X), 0)), {"label": X[:, 0].astype(object)}),
        )  # fmt: skip
        if seal:
            self._seal("predictions", table_of("predictions", [frame]))
        return ids

    def label(self, ids: list[bytes], values: Any) -> str:
        """Say what came later; a second goes by, and it is sealed. The file's name."""
        self.clock.advance(1)
        now_us = self.clock.now_us()
        frame = FeedbackFrame(
            endpoint="tide", time_us=np.full(len(ids), now_us), received_us=now_us, ids=ids,
            names=["label"] * len(ids), values=list(values), source="api",
        )  # fmt: skip
        return self._seal("feedback", table_of("feedback", [frame]))

    def teach(self, X: Any, y: Any) -> str:
        """Ask for rows, and say at once what is true of them."""
        return self.label(self.ask(X), y)

    def _seal(self, kind: SegmentKind, rows: pl.DataFrame) -> str:
        self._files += 1
        name = f"w-{self._files:04d}"
        segment = write_segment(self.blobs, kind, "tide", "2023-11-14", name, rows)
        key = segment_key(kind, "tide", "2023-11-14", name)
        self.store.commit(Put(SEGMENTS, key, segment, None))
        return key


def _id(now_us: int, number: int) -> bytes:
    """A UUIDv7 of this time."""
    head = (now_us // 1000).to_bytes(6, "big")
    return head + b"\x70\x00" + b"\x80\x00" + number.to_bytes(6, "big")
