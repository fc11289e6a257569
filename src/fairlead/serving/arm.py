"""One arm of one route revision at work: batch, run, log, answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from msgspec.structs import replace

from fairlead.batching import Batcher, Lane
from fairlead.clock import Clock
from fairlead.errors import (
    DeadlineError,
    FairleadError,
    ModelError,
    StorageError,
    UnavailableError,
)
from fairlead.predictionlog import Source as LogSource
from fairlead.routing import Arm, Route
from fairlead.serving.counters import ArmCounters, Labels
from fairlead.serving.failures import known
from fairlead.serving.held import Splitter, held_result
from fairlead.serving.loading.versions import LoadedVersion
from fairlead.serving.run import Run, alike, apart, form_of, frame_of, in_time
from fairlead.serving.sink import LogSink
from fairlead.serving.types import Answered, Outputs, Source, Work
from fairlead.signature import Batch, concat
from fairlead.tracebacks import Tracebacks

ROW_WEIGHT = 0.2
"""How much of the estimate of a row's time the last batch makes."""


@dataclass(frozen=True, slots=True)
class ArmLimits:
    """How much an arm takes on.

    Args:
        batch_rows_max: that run together.
        queue_rows_max: that wait.
    """

    batch_rows_max: int
    queue_rows_max: int


class _Known(NamedTuple):
    """Rows whose answers are known, and how old each is."""

    work: Work
    outputs: Batch
    ages_s: Sequence[float]


class LiveArm:
    """Answers the rows that a route assigned to one arm.

    Args:
        loop: that it runs on.
        route: the revision it belongs to.
        arm: of that route.
        version: loaded and warm.
        sink: where every row is recorded before it is answered.
        counters: of this arm.
        limits: of its queue and batches.
        clock: for durations.
        lane: that it runs in, in place of its version's; None for that.
        rung: of the endpoint's ladder that this is; None if it has none.

    Attributes:
        repeatable: whether answers that were given apart can be put together.
        queue_rows_max: that wait.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        route: Route,
        arm: Arm,
        version: LoadedVersion,
        sink: LogSink,
        counters: ArmCounters,
        limits: ArmLimits,
        clock: Clock,
        lane: Lane | None = None,
        rung: Literal["live", "previous"] | None = None,
    ) -> None:
        self.arm = arm
        told = f"arm={arm.name}, version={arm.version.name}, share={arm.weight:g}"
        self._source = Source(arm.name, arm.version.name, told.encode())
        if rung is not None:
            told = f"{told}, source={rung}"
            self._source = Source(arm.name, arm.version.name, told.encode(), rung, 0.0)
        self._splitter = Splitter.of(route, version.fields) if arm in route.arms else None
        self._logged: LogSource = rung or "live"
        self._share = np.array([arm.weight])
        self.version = version
        self._route = route
        self._sink = sink
        self._counters = counters
        self._clock = clock
        self._batch_rows_max = limits.batch_rows_max
        self.queue_rows_max = limits.queue_rows_max
        self._row_s = 0.0
        self._loop = loop
        self._known: list[_Known] = []
        self.repeatable = all(-1 not in field.shape for field in version.fields)
        self._tracebacks = Tracebacks(clock)
        self._batcher: Batcher[Work, list[Run]] = Batcher(
            loop,
            self._run,
            self._finish,
            rows_max=limits.batch_rows_max,
            queue_rows_max=limits.queue_rows_max,
            lane=lane or version.lane,
        )

    def owns(self, slot: int) -> bool:
        """Whether rows of a slot are for this arm."""
        return any(start <= slot < end for start, end in self.arm.slots)

    def missed(self, rows: int) -> None:
        """Note rows that were for this arm, a shadow, and for which it had no time."""
        self._counters.missed(rows)

    @property
    def labels(self) -> Labels:
        """That this arm is counted under."""
        return self._counters.labels

    @property
    def queued_rows(self) -> int:
        """Rows that wait for the model."""
        return self._batcher.queued_rows

    def submit(self, work: Work) -> None:
        """Take rows on.

        Raises:
            UnavailableError: too many rows wait already, or so many that its time would be up.
        """
        waiting_rows = self._batcher.queued_rows
        if waiting_rows > self._batch_rows_max:
            wait_s = waiting_rows * self._row_s
            if self._clock.monotonic_s() + wait_s > work.ask.deadline_s:
                raise UnavailableError(
                    "The model is too busy to answer in time.", retry_after_s=wait_s, shed="late"
                )
        self._batcher.submit(work)
        version = self.version
        version.in_flight += 1
        version.used_s = work.ask.received_s

    def answer(self, work: Work, outputs: Batch, ages_s: Sequence[float]) -> None:
        """Take rows on whose answers are known; in one turn of the loop they share a record.

        Args:
            work: the rows.
            outputs: the answers.
            ages_s: how old each is.
        """
        if not self._known:
            self._loop.call_soon(self._answer_known)
        self._known.append(_Known(work, outputs, ages_s))
        self.version.used_s = work.ask.received_s

    def _answer_known(self) -> None:
        known, self._known = self._known, []
        for some in _fitting(known):
            items, ages_s = [one.work for one in some], [age for one in some for age in one.ages_s]
            inputs = concat([item.ask.batch for item in items])
            answers, ids = concat([one.outputs for one in some]), [item.ids for item in items]
            outputs = Outputs(self._source, self.version.fields, answers, ids, ages_s)
            self._settle(Run(items, inputs, outputs, self._clock.monotonic_s(), 0.0, "cache"))

    def _run(self, items: list[Work]) -> list[Run]:
        """Run the model once for all items that still have time."""
        now_s = self._clock.monotonic_s()
        live = [item for item in items if item.ask.deadline_s > now_s]
        runs = [run for group in alike(live) for run in self._run_together(group)] if live else []
        if len(live) < len(items):
            late = [item for item in items if item.ask.deadline_s <= now_s]
            runs += [Run([item], item.ask.batch, _LATE, now_s, 0.0, self._logged) for item in late]
        return runs

    def _run_together(self, items: list[Work]) -> list[Run]:
        """Run the model for all; if that fails one by one, so that no rows can fail another's."""
        inputs = concat([item.ask.batch for item in items])
        started_s = self._clock.monotonic_s()
        result = self._predict(inputs, items)
        ended_s = self._clock.monotonic_s()
        self._row_s += ROW_WEIGHT * ((ended_s - started_s) / inputs.rows - self._row_s)
        if isinstance(result, FairleadError) and len(items) > 1:
            return [run for item in items for run in self._run_together([item])]
        run = Run(items, inputs, result, started_s, ended_s - started_s, self._logged)
        return in_time(run, ended_s, _TOO_LONG)

    def _predict(self, batch: Batch, items: list[Work]) -> Outputs | FairleadError:
        try:
            answers = self.version.runner.predict(batch)
            if answers.rows == batch.rows:
                ids = [item.ids for item in items]
                return Outputs(self._source, self.version.fields, answers, ids)
            return ModelError(
                f"The model of {self.version.ref.name} gave {answers.rows} answers for "
                f"{batch.rows} rows."
            )
        except FairleadError as error:
            self._tracebacks.show(error, **known(self._route, self.arm, items))
            return error
        except Exception as error:  # a model may raise anything; its text may hold values
            self._tracebacks.show(error, **known(self._route, self.arm, items))
            return ModelError(f"The model of {self.version.ref.name} failed on these rows.")

    def _finish(self, items: list[Work], runs: list[Run]) -> None:
        self.version.in_flight -= len(items)
        for run in runs:
            self._settle(run)

    def _settle(self, run: Run) -> None:
        """Record every row, then answer every caller.

        They get an error where the log failed and the endpoint is to stop then, or where the
        model answered what no log can hold.
        """
        held_back: FairleadError | None = None
        waits_s = run.waits_s()
        pending = None
        try:
            if self._splitter is not None:
                pending = self._splitter.pending(run)
            self._sink.predictions(
                frame_of(run, waits_s, self._route, self.arm, self._share, pending)
            )
        except StorageError as error:
            held_back = error
        except Exception as error:  # a model may answer anything
            if len(run.items) > 1:
                for one in apart(run):
                    self._settle(one)
                return
            self._tracebacks.show(error, **known(self._route, self.arm, run.items))
            held_back = ModelError(f"The answer of {self.version.ref.name} cannot be recorded.")
            if isinstance(run.result, Outputs):  # that it has none is recorded instead
                self._settle(replace(run, result=held_back))
                return
        since_s = self._clock.monotonic_s() - run.started_s
        self._counters.asked(run.items[-1].admitted_us)
        if run.source == "cache":
            self._counters.known(run.outcome, run.inputs.rows, waits_s, since_s)
        else:
            self._counters.run(run.outcome, run.inputs.rows, run.model_s, waits_s, since_s)
        if pending is not None:
            held = held_result(run, pending, self._source, self.version.fields)
            run = replace(run, result=held)
        _answer(run, waits_s, held_back)


def _fitting(known: list[_Known]) -> Iterable[list[_Known]]:
    """Those whose rows have one form, together. Usually one list."""
    groups: dict[object, list[_Known]] = {}
    for one in known:
        groups.setdefault(form_of(one.work.ask.batch), []).append(one)
    return groups.values()


def _answer(run: Run, waits_s: list[float], held_back: FairleadError | None) -> None:
    result, start = held_back or run.result, 0
    for item, wait_s in zip(run.items, waits_s, strict=True):
        if isinstance(result, Outputs):
            item.done(Answered(result, start, wait_s, run.model_s))
            start += item.rows
        else:
            item.done(result)


_LATE = DeadlineError("The request's time was up before the model could run.")
_TOO_LONG = DeadlineError("The request's time was up before the model had answered.")
