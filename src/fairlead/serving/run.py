"""What became of requests that ran together, and the record of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.errors import DeadlineError, FairleadError
from fairlead.predictionlog import DecidedBy, Outcome, PredictionFrame, Source
from fairlead.routing import Arm, Route
from fairlead.serving.types import Filled, Outputs, Work
from fairlead.signature import Batch

T = TypeVar("T")


class Run(msgspec.Struct, frozen=True, eq=False):
    """Requests that share a fate.

    Args:
        items: in order; at least one, and all assigned for the same reason.
        inputs: their rows, one after the other.
        result: the answers to these rows, or why there are none.
        started_s: when the model started, on the monotonic clock.
        model_s: how long it ran.
        source: which way the answers came about.
    """

    items: list[Work]
    inputs: Batch
    result: Outputs | FairleadError
    started_s: float
    model_s: float
    source: Source = "live"

    @property
    def outcome(self) -> Outcome:
        """How it is recorded."""
        if isinstance(self.result, Outputs):
            return "ok"
        return "timeout" if isinstance(self.result, DeadlineError) else "model_error"

    def waits_s(self) -> list[float]:
        """How long each item waited for the model."""
        started_s = self.started_s
        return [max(0.0, started_s - item.ask.received_s) for item in self.items]


def alike(items: list[Work]) -> list[list[Work]]:
    """Items that one record can hold, by why they came here and by form. Usually one list."""
    if len(items) == 1:
        return [items]
    has_form = bool(form_of(items[0].ask.batch))
    if not has_form and len({item.assigned_by for item in items}) == 1:
        return [items]
    groups: dict[object, list[Work]] = {}
    for item in items:
        groups.setdefault((item.assigned_by, form_of(item.ask.batch)), []).append(item)
    return list(groups.values())


def form_of(batch: Batch) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The shape of each tensor in a row: rows whose tensors differ in length cannot be joined."""
    shaped = [(name, column) for name, column in batch.columns.items() if column.ndim > 1]
    return tuple(sorted((name, column.shape[1:]) for name, column in shaped))


def apart(run: Run) -> list[Run]:
    """The same, each request alone."""
    runs, start = [], 0
    for item in run.items:
        result = run.result
        if isinstance(result, Outputs):
            result = result.some(start, item.ids)
        batch = item.ask.batch
        runs.append(Run([item], batch, result, run.started_s, run.model_s, run.source))
        start += item.rows
    return runs


def in_time(run: Run, ended_s: float, late: FairleadError) -> list[Run]:
    """Let nobody have an answer whose time was up before the model had ended."""
    if min([item.ask.deadline_s for item in run.items]) > ended_s:
        return [run]
    return [
        one
        if one.items[0].ask.deadline_s > ended_s
        else Run(one.items, one.inputs, late, one.started_s, one.model_s, one.source)
        for one in apart(run)
    ]


def frame_of(
    run: Run,
    waits_s: list[float],
    route: Route,
    arm: Arm,
    share: npt.NDArray[np.float64],
    pending: npt.NDArray[np.bool_] | None = None,
) -> PredictionFrame:
    """The record of a run: one frame, whose rows share what is the same for all.

    Args:
        run: what became of the rows.
        waits_s: how long each item waited for the model.
        route: in force when they were admitted.
        arm: of that route.
        share: of the requests that the arm has, (1,).
        pending: of each row, whether a person decides it; None where people decide nothing.
    """
    items, rows = run.items, run.inputs.rows
    counts = [item.rows for item in items]
    asks = [item.ask for item in items]
    admitted_us = np.array([item.admitted_us for item in items], np.int64)
    queue_us = np.array([round(wait_s * 1e6) for wait_s in waits_s], np.int32)
    return PredictionFrame(  # by place: so many names would take ten times as long
        route.endpoint,
        route.revision,
        arm.name,
        arm.version.name,
        arm.role,
        items[0].assigned_by,
        run.outcome,
        run.source,
        _each(admitted_us, counts, rows),
        _joined([item.ids.raw() for item in items]),
        texts_of([ask.caller_ids for ask in asks], counts),
        texts_of([ask.units for ask in asks], counts),
        np.array(_joined([item.slots for item in items]), np.int16),
        share if rows == 1 else share.repeat(rows),
        _each(queue_us, counts, rows),
        round(run.model_s * 1e6),
        run.inputs,
        run.result.batch if isinstance(run.result, Outputs) else None,
        _traces(items),
        _parents(items),
        features=_notes(items),
        decided_by=None if pending is None else deciders(pending),
        mode=route.automation.mode,
    )


def deciders(pending: npt.NDArray[np.bool_]) -> list[DecidedBy]:
    """Who decides each row, as it is recorded."""
    return ["pending" if waits else "model" for waits in pending.tolist()]


def _joined(lists: list[list[T]]) -> list[T]:
    """The items' values, one after the other."""
    return lists[0] if len(lists) == 1 else list(chain.from_iterable(lists))


def texts_of(
    lists: Sequence[Sequence[str | None] | None], counts: Sequence[int]
) -> list[str | None] | None:
    """One text for each row of several requests; None if no request has any.

    Args:
        lists: of each request one text for each of its rows, or none.
        counts: rows of each.

    Example:
        >>> texts_of([["a"], None], [1, 2]), texts_of([None], [1])
        (['a', None, None], None)
    """
    if not any(lists):
        return None
    each = zip(lists, counts, strict=True)
    return [text for texts, rows in each for text in (texts or [None] * rows)]


def _each(values: npt.NDArray[Any], counts: list[int], rows: int) -> npt.NDArray[Any]:
    """One value for each row of items; most have one row."""
    return values if len(counts) == rows else np.repeat(values, counts)


def _traces(items: list[Work]) -> list[str | None] | None:
    """The trace of each row; None if no item has one."""
    for item in items:
        if item.ask.trace_id is not None:
            return [each.ask.trace_id for each in items for _ in range(each.rows)]
    return None


def _notes(items: list[Work]) -> list[str | None] | None:
    """What was looked up for each row; None if nothing was for any."""
    for item in items:
        if type(item.ask.batch) is Filled:
            batches = [each.ask.batch for each in items]
            lists = [batch.notes if isinstance(batch, Filled) else None for batch in batches]
            return texts_of(lists, [batch.rows for batch in batches])
    return None


def _parents(items: list[Work]) -> list[bytes | None] | None:
    """What each row belongs under; None if no row belongs under any."""
    none: list[bytes | None] = [None]
    for item in items:
        if item.parents is not None:
            return [raw for each in items for raw in each.parents or none * each.rows]
    return None
