"""What an endpoint answered of late, one by one."""

from __future__ import annotations

from typing import Any

import msgspec

LIMIT, LIMIT_MAX = 50, 500


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which predictions are looked for.

    Args:
        hours: how far to look back; of an id that tells its time, round that.
        id: the prediction's; any if empty.
        caller_id: the caller's own; likewise.
        unit: that assignment stuck to; likewise.
        limit: how many at most, the newest.
    """

    hours: float
    id: str = ""
    caller_id: str = ""
    unit: str = ""
    limit: int = LIMIT


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """What came later under a prediction's id.

    Args:
        name: `label`, a business outcome, a reviewer's decision.
        value: as text.
        time_us: when it happened, microseconds since 1970.
        received_us: when it was received.
        source: who sent it.
    """

    name: str
    value: str
    time_us: int
    received_us: int
    source: str


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was answered, as the log has it: fields that it drops or hashes are so here.

    Args:
        id: of the prediction.
        caller_id: the caller's own; None if there was none.
        time_us: when it was admitted, microseconds since 1970.
        version: that answered.
        arm: which did.
        role: of the arm.
        revision: of the route.
        assigned_by: why that arm.
        propensity: the chance of it.
        unit: that assignment stuck to; None if there was none.
        outcome: `ok`, `model_error` or `timeout`.
        decided_by: whose word counts, a model's or a person's; None where that was not asked.
        source: which way the answer came about.
        queue_us: how long it waited.
        model_us: how long the model ran for its batch.
        trace_id: of W3C; None if there was none.
        parent_id: of the prediction that it belongs under; None if to none.
        features: which inputs were looked up, as JSON; None if none were.
        inputs: what was asked, by field.
        outputs: what was answered.
        withheld: whether the outputs are left out, because a person is yet to decide the row.
        feedback: what came later, oldest first.
    """

    id: str
    caller_id: str | None
    time_us: int
    version: str
    arm: str
    role: str
    revision: int
    assigned_by: str
    propensity: float
    unit: str | None
    outcome: str
    decided_by: str | None
    source: str
    queue_us: int
    model_us: int
    trace_id: str | None
    parent_id: str | None
    features: str | None
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    withheld: bool = False
    feedback: tuple[Came, ...] = ()


class Predictions(msgspec.Struct, frozen=True, kw_only=True):
    """What was found.

    Args:
        predictions: the newest first.
        since_us: from when on was looked, microseconds since 1970.
        until_us: up to when.
        files: that were looked into.
        is_whole: whether no file was left out for want of time.
    """

    predictions: tuple[Prediction, ...]
    since_us: int
    until_us: int
    files: int
    is_whole: bool
