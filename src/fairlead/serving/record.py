"""The record of answers that no model was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairlead.predictionlog import DecidedBy, PredictionFrame
from fairlead.predictionlog import Source as LogSource
from fairlead.routing import Route
from fairlead.serving.run import texts_of
from fairlead.serving.types import Ask, Outputs
from fairlead.signature import concat


def record_of(
    route: Route,
    asks: Sequence[Ask],
    outputs: Outputs,
    now_us: int,
    *,
    source: LogSource,
    role: str = "",
    assigned_by: str = "",
    parent_ids: list[bytes | None] | None = None,
    decided_by: list[DecidedBy] | None = None,
) -> PredictionFrame:
    """The record of rows that no arm of the route has answered.

    Args:
        route: in force.
        asks: that share it.
        outputs: the answers.
        now_us: microseconds since 1970.
        source: which way the answers came about.
        role: that stands for an arm's; the source if it is empty.
        assigned_by: likewise.
        parent_ids: as of `PredictionFrame`.
        decided_by: as of `PredictionFrame`; where people decide, there are no answers.
    """
    rows, counts = outputs.batch.rows, [ask.batch.rows for ask in asks]
    traces = [ask.trace_id and [ask.trace_id] * ask.batch.rows for ask in asks]
    return PredictionFrame(
        endpoint=route.endpoint,
        revision=route.revision,
        arm=outputs.source.arm,
        version=outputs.source.version,
        role=role or source,
        assigned_by=assigned_by or source,
        outcome="ok",
        source=source,
        time_us=np.full(rows, now_us, np.int64),
        ids=[raw for ids in outputs.ids for raw in ids.raw()],
        caller_ids=texts_of([ask.caller_ids for ask in asks], counts),
        units=texts_of([ask.units for ask in asks], counts),
        slots=np.full(rows, -1, np.int16),
        propensity=np.ones(rows),
        queue_us=np.zeros(rows, np.int32),
        model_us=0,
        inputs=concat([ask.batch for ask in asks]),
        outputs=outputs.batch if decided_by is None else None,
        trace_ids=texts_of(traces, counts),
        parent_ids=parent_ids,
        decided_by=decided_by,
        mode=route.automation.mode,
    )
