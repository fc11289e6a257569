"""A prediction log in a folder, rows for it, and a process that dies at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fairlead.clock import ManualClock
from fairlead.predictionlog import (
    DecidedBy,
    FeedbackFrame,
    JournalWriter,
    PredictionFrame,
    encode_feedback,
    encode_prediction,
)
from fairlead.predictionlog.compact import Compactor
from fairlead.predictionlog.read import read
from fairlead.predictionlog.sealer import Sealer
from fairlead.signature import Batch
from fairlead.store import Blobs, Store, open_blobs, open_store

DAY_US = 86_400_000_000
START_US = 20_000 * DAY_US
Labels = Literal["latest", "first"]


class Crash(BaseException):
    """The process is gone: nothing catches it."""


@dataclass
class Crashing:
    """Lets `left` calls of a method pass; in the next, or `after` it, the process dies.

    Or it fails with another error, if that is given.
    """

    target: Any
    method: str
    left: int
    after: bool = False
    error: type[BaseException] = Crash

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.target, name)
        if name != self.method:
            return found

        def counted(*args: Any, **kwargs: Any) -> Any:
            if self.left == 0:
                if self.after:
                    found(*args, **kwargs)
                raise self.error
            self.left -= 1
            return found(*args, **kwargs)

        return counted


@dataclass
class Log:
    """A prediction log in a folder."""

    folder: Path
    store: Store
    blobs: Blobs
    clock: ManualClock

    def writer(self, name: str = "w", rotate_bytes: int = 1 << 20) -> JournalWriter:
        return JournalWriter(self.folder, name, self.clock, rotate_bytes=rotate_bytes)

    def sealer(self, store: Any = None, blobs: Any = None) -> Sealer:
        return Sealer(store or self.store, blobs or self.blobs, self.folder, self.clock)

    def compactor(self, store: Any = None, blobs: Any = None) -> Compactor:
        return Compactor(store or self.store, blobs or self.blobs, self.clock)

    def rows(self, endpoint: str = "churn", labels: Labels = "latest") -> list[dict[str, Any]]:
        frame = read(self.store, self.blobs, self.folder, endpoint, labels=labels)
        return frame.collect().to_dicts()

    def ids(self, endpoint: str = "churn") -> list[int]:
        """The numbers of the predictions that are read, in order of time."""
        return [number_of(row["id"]) for row in self.rows(endpoint)]

    def journals(self) -> list[Path]:
        return sorted(self.folder.glob("*.journal"))


@contextmanager
def open_log(folder: Path) -> Iterator[Log]:
    """A log in an empty folder."""
    (folder / "journals").mkdir()
    store = open_store(f"sqlite://{folder}/store.db")
    blobs = open_blobs(f"file://{folder}/blobs")
    yield Log(folder / "journals", store, blobs, ManualClock(START_US))
    store.close()


def id_of(number: int) -> bytes:
    return number.to_bytes(16, "big")


def number_of(written: str) -> int:
    return int(written.replace("-", ""), 16)


def prediction(first: int, rows: int = 1, *, endpoint: str = "churn", day: int = 0,
               decided_by: list[DecidedBy] | None = None, **columns: Any) -> bytes:  # fmt: skip
    """Predictions with the numbers `first` and up, a microsecond apart."""
    x = np.arange(first, first + rows, dtype=np.float64)
    return encode_prediction(
        PredictionFrame(
            endpoint=endpoint, revision=1, arm="stable", version="churn:1", role="stable",
            assigned_by="hash", outcome="ok", source="live", model_us=10,
            time_us=np.arange(first, first + rows, dtype=np.int64) + START_US + day * DAY_US,
            ids=[id_of(n) for n in range(first, first + rows)],
            caller_ids=[f"ü-{n}" for n in range(first, first + rows)], units=None,
            slots=np.zeros(rows, np.int16), propensity=np.ones(rows),
            queue_us=np.zeros(rows, np.int32),
            inputs=Batch(rows, ("x",), x[:, None], {}),
            outputs=Batch(rows, (), np.zeros((rows, 0)), columns), decided_by=decided_by,
        )
    )  # fmt: skip


def label(*entries: tuple[int, bool | float | str], received: int = 0, time: int = 0,
          name: str = "label", endpoint: str = "churn") -> bytes:  # fmt: skip
    """Labels of predictions, by their numbers."""
    return encode_feedback(
        FeedbackFrame(
            endpoint=endpoint,
            time_us=np.full(len(entries), START_US + time, np.int64),
            received_us=START_US + received,
            ids=[id_of(number) for number, _ in entries],
            names=[name] * len(entries),
            values=[value for _, value in entries],
            source="api",
        )
    )
