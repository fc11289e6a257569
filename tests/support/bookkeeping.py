"""Traffic whose labels come when they will, on a real log with ids of our own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fairlead.ids import IdSource
from fairlead.monitoring import Plan
from fairlead.monitoring.accounts import ACCOUNTS, STATEMENTS, STRAYS, Account, Statement, Strays
from fairlead.monitoring.bookkeeper import Bookkeeper
from fairlead.monitoring.estimate import fit_estimator
from fairlead.monitoring.evaluate import metrics_of
from fairlead.monitoring.reckon import Model
from fairlead.predictionlog import FeedbackFrame, encode_feedback, encode_prediction
from fairlead.profiles import make_reference
from fairlead.signature import Signature
from support.answers import CLASSIFIER, REGRESSOR, Made, classified, regressed
from support.log import START_US, Log

HOUR_US = 3_600_000_000
HOUR_S = 3600.0


def model_of(signature: Signature, made: Made) -> Model:
    """What a version promised, that was packaged with these rows."""
    return Model(
        signature=signature,
        metrics=metrics_of(made.outputs, signature, made.truth),
        rows=made.inputs.rows,
        estimator=fit_estimator(signature, made.inputs, made.outputs, made.truth),
        profile=make_reference(signature, made.inputs, made.outputs),
    )


def classifier() -> Model:
    return model_of(CLASSIFIER, classified(4000, 0))


def regressor() -> Model:
    return model_of(REGRESSOR, regressed(4000, 0))


@dataclass
class Desk:
    """An endpoint, those who send labels, and who keeps account of both.

    Args:
        log: where all is written.
        model: that answers, as churn:1.
        plan: how it is watched.
    """

    log: Log
    model: Model
    plan: Plan = field(default_factory=Plan)

    def __post_init__(self) -> None:
        self.ids = IdSource(self.log.clock)

    def keeper(self, store: object = None, **changes: Any) -> Bookkeeper:
        """Who keeps account; another one each time, as after a crash."""
        models = {"churn:1": self.model}
        return Bookkeeper(
            store or self.log.store,  # type: ignore[arg-type]
            self.log.blobs,
            models.get,
            lambda _: self.plan,
            HOUR_US,
            self.log.clock,
            **changes,
        )

    def answer(self, made: Made, *, seal: bool = True, **changes: Any) -> list[bytes]:
        """Answer rows in this moment; gives the ids of the predictions."""
        rows = made.inputs.rows
        ids = self.ids.take(rows).raw()
        times = np.full(rows, self.log.clock.now_us(), np.int64)
        frame = made.frame(0, ids=ids, time_us=times, **changes)
        self._write(encode_prediction(frame), seal)
        return ids

    def label(
        self, ids: list[bytes], values: list[Any], *, seal: bool = True, happened_s: float = 0.0,
        name: str = "label",
    ) -> None:  # fmt: skip
        """Send labels in this moment, of what happened a while from now."""
        now_us = self.log.clock.now_us()
        frame = FeedbackFrame(
            endpoint="churn", time_us=np.full(len(ids), now_us + round(happened_s * 1e6), np.int64),
            received_us=now_us, ids=ids, names=[name] * len(ids), values=values, source="api",
        )  # fmt: skip
        self._write(encode_feedback(frame), seal)

    def seal(self) -> None:
        """Seal all that was written."""
        self.log.sealer().tick(everything=True)

    def hours(self, count: float) -> None:
        """Let time pass."""
        self.log.clock.advance(count * HOUR_S)

    def statements(self) -> dict[int, Statement]:
        """By the hour since the start."""
        found = [stored.value for stored in self.log.store.scan(STATEMENTS)]
        return {(each.start_us - START_US) // HOUR_US: each for each in found}

    def account(self) -> Account:
        """Of the one stream there is."""
        (stored,) = self.log.store.scan(ACCOUNTS)
        return stored.value

    def strays(self) -> Strays:
        """Of the endpoint."""
        (stored,) = self.log.store.scan(STRAYS)
        return stored.value

    def _write(self, frame: bytes, seal: bool) -> None:
        writer = self.log.writer()
        writer.append(frame)
        writer.close()
        if seal:
            self.seal()


def truth(made: Made) -> list[Any]:
    """Labels as callers send them."""
    values: list[Any] = made.truth.tolist()
    return values
