"""An endpoint that was watched for hours: a real home, a real log, a clock turned by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fairlead.app.monitoring import Monitor
from fairlead.app.workspace import Workspace
from fairlead.clock import ManualClock
from fairlead.ids import IdSource
from fairlead.predictionlog import (
    FeedbackFrame,
    JournalWriter,
    PredictionFrame,
    encode_feedback,
    encode_prediction,
)
from fairlead.predictionlog.sealer import Sealer
from fairlead.routing import ROUTES, SLOTS, Arm, Route
from fairlead.runners.load import answer_all
from fairlead.signature import from_frame
from fairlead.store import ABSENT, Put
from support.log import START_US
from support.models import customers, package_churn

HOUR_US = 3_600_000_000
SETTINGS = """
[monitoring]
learn_windows = 12
"""
Change = Callable[[pd.DataFrame], pd.DataFrame]


def older(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(age=(rows["age"] + 25.0).clip(upper=90.0))


def unplanned(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(plan=None)


@dataclass
class Watched:
    """A home with `churn:1` behind `churn`, whose hours pass one by one.

    Args:
        home: its folder.
        start_us: when the first hour begins; rounded down to a whole one.
        settings: in its file.
    """

    home: Path
    start_us: int = START_US
    settings: str = SETTINGS
    hour: int = 0
    workspace: Workspace = field(init=False)
    monitor: Monitor = field(init=False)
    clock: ManualClock = field(init=False)

    def __post_init__(self) -> None:
        self.start_us -= self.start_us % HOUR_US
        self.clock = ManualClock(self.start_us)
        (self.home.parent / "fairlead.toml").write_text(self.settings)
        version = package_churn(self.home)
        self.workspace = Workspace(self.home, self.clock)
        self.monitor = Monitor(self.workspace)
        self._bundle = self.workspace.bundle(version)
        self._signature = version.signature
        self._ids = IdSource(self.clock)
        route = Route(
            endpoint="churn", revision=1, signature=version.signature,
            arms=(Arm("stable", self.workspace.ref(version), "stable", ((0, SLOTS),)),),
        )  # fmt: skip
        self.workspace.store.commit(Put(ROUTES, ROUTES.key("churn"), route, ABSENT))

    def close(self) -> None:
        self.workspace.close()

    def pass_hours(
        self, hours: int, change: Change = lambda rows: rows, rows: int = 200, *,
        labelled: float = 0.0, wrong: float = 0.0,
    ) -> None:  # fmt: skip
        """Let hours of traffic pass, and look at all when they are over; at each if it is labelled.

        Args:
            hours: how many.
            change: of the rows.
            rows: of each hour.
            labelled: share of them whose label comes when their hour is over.
            wrong: share of labels that say the opposite of what is so.
        """
        for _ in range(hours):
            frame, left = customers(rows, seed=10_000 + self.hour)
            ids = self._answer(change(frame))
            self.hour += 1
            self.clock.set(self.start_us + self.hour * HOUR_US + HOUR_US // 10)
            if labelled:
                few = np.random.default_rng(self.hour).random(rows) < wrong
                said = np.where(few, np.where(left == "left", "stayed", "left"), left)
                self._label(ids[: round(labelled * rows)], said.tolist())
                self.look()
        self.look()

    def look(self) -> None:
        """Do what the controller does."""
        space = self.workspace
        Sealer(space.store, space.blobs, space.home.journals, self.clock).tick(everything=True)
        self.monitor.collector.tick()
        self.monitor.assessor.tick()
        self.monitor.bookkeeper.tick()

    def _label(self, ids: list[bytes], said: list[Any]) -> None:
        now_us = self.clock.now_us()
        labels = FeedbackFrame(
            endpoint="churn", time_us=np.full(len(ids), now_us, np.int64), received_us=now_us,
            ids=ids, names=["label"] * len(ids), values=said[: len(ids)], source="api",
        )  # fmt: skip
        self._write("l", encode_feedback(labels))

    def _write(self, name: str, frame: bytes) -> None:
        writer = JournalWriter(self.workspace.home.journals, f"{name}{self.hour}", self.clock)
        writer.append(frame)
        writer.close()

    def _made_at(self, time_us: int) -> list[bytes]:
        """An id, as it is made when a row comes."""
        self.clock.set(time_us)
        return self._ids.take(1).raw()

    def _answer(self, frame: pd.DataFrame) -> list[bytes]:
        rows = len(frame)
        begin_us = self.start_us + self.hour * HOUR_US
        self.clock.set(begin_us)
        inputs: Any = from_frame(self._signature, frame)
        times = begin_us + np.arange(rows, dtype=np.int64) * (HOUR_US // (rows + 1))
        ids = [one for time_us in times.tolist() for one in self._made_at(time_us)]
        answered = PredictionFrame(
            endpoint="churn", revision=1, arm="stable", version="churn:1", role="stable",
            assigned_by="hash", outcome="ok", source="live", model_us=10,
            time_us=times,
            ids=ids, caller_ids=None, units=None, slots=np.zeros(rows, np.int16),
            propensity=np.ones(rows), queue_us=np.zeros(rows, np.int32), inputs=inputs,
            outputs=answer_all(self._bundle, inputs),
        )  # fmt: skip
        self._write("w", encode_prediction(answered))
        return ids
