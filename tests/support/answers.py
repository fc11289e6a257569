"""Answers of made models on a real log, with labels that follow known chances."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fairlead.clock import ManualClock
from fairlead.predictionlog import PredictionFrame, encode_prediction
from fairlead.predictionlog.read import feedback, read
from fairlead.signature import Batch, Field, Signature
from fairlead.store import open_blobs, open_store
from support.log import START_US, Log, id_of, label

Values = npt.NDArray[Any]
PLANS = np.array(["free", "pro", "team"], dtype=object)
INPUTS = (
    Field(name="age", kind="number"),
    Field(name="plan", kind="category", categories=tuple(PLANS)),
)
CLASSIFIER = Signature(
    inputs=INPUTS,
    outputs=(
        Field(name="label", kind="category", categories=("stayed", "left")),
        Field(
            name="probabilities", kind="tensor", shape=(2,), categories=("stayed", "left")
        ),
    ),
    task="classification",
)  # fmt: skip
REGRESSOR = Signature(
    inputs=INPUTS, outputs=(Field(name="prediction", kind="number"),), task="regression"
)


@dataclass(frozen=True)
class Made:
    """Rows that were answered, and what is true of them."""

    inputs: Batch
    outputs: Batch
    truth: Values

    def frame(self, first: int, **changes: Any) -> PredictionFrame:
        rows = self.inputs.rows
        usual: dict[str, Any] = {
            "endpoint": "churn", "revision": 1, "arm": "stable", "version": "churn:1",
            "role": "stable", "assigned_by": "hash", "outcome": "ok", "source": "live",
            "model_us": 10, "time_us": np.arange(first, first + rows, dtype=np.int64) + START_US,
            "ids": [id_of(n) for n in range(first, first + rows)], "caller_ids": None,
            "units": None, "slots": np.zeros(rows, np.int16), "propensity": np.ones(rows),
            "queue_us": np.zeros(rows, np.int32), "inputs": self.inputs, "outputs": self.outputs,
        }  # fmt: skip
        return PredictionFrame(**(usual | changes))


def classified(rows: int, seed: int, *, hard: float = 0.0, wrong: float = 0.0) -> Made:
    """Answers with true chances; `hard` of them near a half, `wrong` of the labels turned."""
    random = np.random.default_rng(seed)
    free = random.random(rows) < 0.2 + hard / 2
    chance = np.where(free, random.uniform(0.35, 0.65, rows), random.beta(0.4, 0.4, rows))
    chance = np.clip(chance, 0.001, 0.999)
    truth = random.random(rows) < chance
    truth = np.where(random.random(rows) < wrong, ~truth, truth)
    outputs = {
        "label": np.where(chance >= 0.5, "left", "stayed").astype(object),
        "probabilities": np.column_stack([1 - chance, chance]),
    }
    return Made(
        _inputs(random, np.where(free, "free", random.choice(PLANS[1:], rows))),
        Batch(rows, (), np.empty((rows, 0)), outputs),
        np.where(truth, "left", "stayed").astype(object),
    )


def regressed(rows: int, seed: int, *, free: float = 0.3) -> Made:
    """Predictions that err more where the plan is free."""
    random = np.random.default_rng(seed)
    plan = np.where(random.random(rows) < free, "free", random.choice(PLANS[1:], rows))
    inputs = _inputs(random, plan)
    said = 100.0 + inputs.numbers[:, 0]
    truth = said + random.normal(0.0, np.where(plan == "free", 8.0, 2.0))
    return Made(inputs, Batch(rows, ("prediction",), said[:, None], {}), truth)


def _inputs(random: np.random.Generator, plan: Values) -> Batch:
    ages = random.uniform(18, 90, (len(plan), 1))
    return Batch(len(plan), ("age",), ages, {"plan": plan.astype(object)})


class AnswerLog:
    """A log of one endpoint, written and read as a platform does."""

    def __init__(self, folder: Path) -> None:
        (folder / "journals").mkdir()
        store = open_store(f"sqlite://{folder}/store.db")
        blobs = open_blobs(f"file://{folder}/blobs")
        self._log = Log(folder / "journals", store, blobs, ManualClock(START_US))
        self._writer = self._log.writer()
        self._rows = 0

    def answer(self, made: Made, **changes: Any) -> range:
        """Log answers; gives the numbers of the predictions."""
        first, self._rows = self._rows, self._rows + made.inputs.rows
        self._writer.append(encode_prediction(made.frame(first, **changes)))
        return range(first, self._rows)

    def feed(self, entries: list[tuple[int, Any]], *, late_s: float = 0.0, **more: Any) -> None:
        """Log feedback that is about a moment `late_s` after the start."""
        self._writer.append(label(*entries, time=round(late_s * 1e6), **more))

    def rows(self) -> pl.DataFrame:
        """The log as it is read, with labels."""
        log = self._log
        return read(log.store, log.blobs, log.folder, "churn").collect()

    def feedback(self) -> pl.DataFrame:
        """All feedback."""
        log = self._log
        return feedback(log.store, log.blobs, log.folder, "churn").collect()

    def close(self) -> None:
        self._writer.close()
        self._log.store.close()
