"""The prediction record and the feedback record, as columns of a frame.

A micro-batch answers rows of one endpoint with one arm of one route revision, so what is the
same for all of them stands once, in the frame, and the rest are columns of equal length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.routing import Mode
from fairlead.signature import Batch

Outcome = Literal["ok", "model_error", "timeout"]
DecidedBy = Literal["model", "pending"]
Describe = Callable[[Sequence[bytes]], Sequence[str]]
"""Tells what is kept of pictures and sounds beside digest and size; an empty text of nothing."""
Source = Literal["live", "batch", "cache", "precomputed", "previous", "constant", "replay", "human"]


class PredictionFrame(msgspec.Struct, frozen=True, eq=False, gc=False):
    """The records of the rows that were answered together.

    One is made for every micro-batch: a Struct, which costs a fifth of a dataclass to make.

    Args:
        endpoint: who was asked.
        revision: of the route that was in force.
        arm: which arm answered.
        version: which version answered, e.g. `churn:7`.
        role: the arm's part: stable, candidate or shadow.
        source: which way the answer came about.
        step: of a pipeline; empty for a model alone.
        time_us: when the rows were admitted, (rows,) int64, microseconds since 1970.
        ids: the prediction ids, 16 bytes each.
        caller_ids: the callers' own ids; None where there is none.
        units: the keys that assignment stuck to; None where there is none.
        slots: the slot each was assigned, (rows,) int16; -1 where none was.
        assigned_by: `hash`, `override`, `test` or `fallback`.
        propensity: the chance with which the row came to this arm, (rows,) float64.
        outcome: `ok`, `model_error` or `timeout`, for all rows of the frame.
        queue_us: how long each row waited, (rows,) int32.
        model_us: how long the model ran for the whole batch.
        inputs: what was asked.
        outputs: what was answered; None unless the outcome is ok, and where no model was asked.
        trace_ids: W3C trace ids; None where there is none.
        parent_ids: prediction ids that these answers belong under; None where there is none.
        features: which inputs were looked up, in which snapshots, of which age; JSON by the name
            of the features; None where none were.
        decided_by: `model` where its answer stands, `pending` where a person decides; None where
            people decide nothing.
        mode: of the endpoint when the rows were asked for; None where that has none, as a batch.
    """

    endpoint: str
    revision: int
    arm: str
    version: str
    role: str
    assigned_by: str
    outcome: Outcome
    source: Source
    time_us: npt.NDArray[np.int64]
    ids: list[bytes]
    caller_ids: list[str | None] | None
    units: list[str | None] | None
    slots: npt.NDArray[np.int16]
    propensity: npt.NDArray[np.float64]
    queue_us: npt.NDArray[np.int32]
    model_us: int
    inputs: Batch
    outputs: Batch | None
    trace_ids: list[str | None] | None = None
    parent_ids: list[bytes | None] | None = None
    step: str = ""
    features: list[str | None] | None = None
    decided_by: list[DecidedBy] | None = None
    mode: Mode | None = None


@dataclass(frozen=True, slots=True)
class FeedbackFrame:
    """What came later under predictions' ids.

    Args:
        endpoint: whose predictions they were.
        time_us: when each outcome happened, or was received if the sender did not say;
            (rows,) int64.
        received_us: when the frame arrived.
        ids: the prediction ids, 16 bytes each.
        names: what each value is: `label`, `revenue`, a reviewer's `decision`.
        values: the values: text, numbers, booleans.
        source: who sent it: `api`, `cli`, `review`.
    """

    endpoint: str
    time_us: npt.NDArray[np.int64]
    received_us: int
    ids: list[bytes]
    names: list[str]
    values: list[bool | int | float | str]
    source: str


def say_nothing(values: Sequence[bytes]) -> Sequence[str]:
    """Keep digest and size alone."""
    return [""] * len(values)
