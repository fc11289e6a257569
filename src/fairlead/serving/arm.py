"""One arm of one route revision at work: batch, run, log, answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairlead.batching import Batcher
from fairlead.clock import Clock
from fairlead.errors import DeadlineError, FairleadError, ModelError, StorageError
from fairlead.predictionlog import Outcome, PredictionFrame
from fairlead.routing import Arm, AssignedBy, Route
from fairlead.serving.counters import ArmCounters
from fairlead.serving.sink import LogSink
from fairlead.serving.tracebacks import Tracebacks
from fairlead.serving.types import Answered, Work
from fairlead.serving.versions import LoadedVersion
from fairlead.signature import Batch, concat

Result = Batch | FairleadError


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of the items of one batch.

    Args:
        results: one for each item, in order.
        started_s: when the model started, on the monotonic clock.
        model_s: how long it ran.
    """

    results: list[Result]
    started_s: float
    model_s: float


@dataclass(frozen=True, slots=True)
class ArmLimits:
    """How much an arm takes on.

    Args:
        batch_rows_max: that run together.
        queue_rows_max: that wait.
    """

    batch_rows_max: int
    queue_rows_max: int


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
    ) -> None:
        self.arm = arm
        self.version = version
        self._route = route
        self._sink = sink
        self._counters = counters
        self._clock = clock
        self._tracebacks = Tracebacks(clock)
        self._batcher: Batcher[Work, Ran] = Batcher(
            loop,
            self._run,
            self._finish,
            rows_max=limits.batch_rows_max,
            queue_rows_max=limits.queue_rows_max,
            executor=version.executor,
        )

    def submit(self, work: Work) -> None:
        """Take rows on.

        Raises:
            UnavailableError: too many rows wait already.
        """
        self._batcher.submit(work)
        self.version.in_flight += 1

    def _run(self, items: list[Work]) -> Ran:
        """Run the model once for all items.

        If that fails it runs item by item, so that one request's rows cannot fail another's.
        """
        started_s = self._clock.monotonic_s()
        results: list[Result] = [_LATE] * len(items)
        live = [place for place, item in enumerate(items) if item.deadline_s > started_s]
        if live:
            joint = self._predict([items[place] for place in live])
            if isinstance(joint, Batch):
                start = 0
                for place in live:
                    rows = items[place].rows
                    whole = len(live) == 1
                    results[place] = joint if whole else joint.take(slice(start, start + rows))
                    start += rows
            elif len(live) == 1:
                results[live[0]] = joint
            else:
                for place in live:
                    results[place] = self._predict([items[place]])
        ended_s = self._clock.monotonic_s()
        for place in live:
            if items[place].deadline_s <= ended_s:
                results[place] = _TOO_LONG
        return Ran(results, started_s, ended_s - started_s)

    def _predict(self, items: list[Work]) -> Result:
        try:
            batch = concat([item.batch for item in items])
            answers = self.version.runner.predict(batch)
            if answers.rows == batch.rows:
                return answers
            return ModelError(
                f"The model of {self.version.ref.name} gave {answers.rows} answers for "
                f"{batch.rows} rows."
            )
        except FairleadError as error:
            if error.__cause__ is not None:
                self._tracebacks.show(error)
            return error
        except Exception as error:  # a model may raise anything; its text may hold values
            self._tracebacks.show(error)
            return ModelError(f"The model of {self.version.ref.name} failed on these rows.")

    def _finish(self, items: list[Work], ran: Ran) -> None:
        """Record every row, then answer every caller."""
        self.version.in_flight -= len(items)
        groups: dict[tuple[Outcome, AssignedBy], list[int]] = {}
        for place, (item, result) in enumerate(zip(items, ran.results, strict=True)):
            groups.setdefault((outcome(result), item.assigned_by), []).append(place)
        held_back: dict[int, FairleadError] = {}
        for (kind, _), places in groups.items():  # usually one
            held_back |= self._record(kind, places, items, ran)
        now_s = self._clock.monotonic_s()
        self._counters.batch(sum(item.rows for item in items), ran.model_s)
        for place, (item, result) in enumerate(zip(items, ran.results, strict=True)):
            self._counters.request(outcome(result), item.rows, now_s - item.received_s)
            result = held_back.get(place, result)
            if isinstance(result, Batch):
                waited_s = max(0.0, ran.started_s - item.received_s)
                item.done(Answered(result, waited_s, ran.model_s))
            else:
                item.done(result)

    def _record(
        self, kind: Outcome, places: list[int], items: list[Work], ran: Ran
    ) -> dict[int, FairleadError]:
        """Write one frame for the items at some places, alike in outcome and assignment.

        Returns:
            By place, why an item must not be answered: the log failed and the endpoint is to
            stop then, or its values are none that the log can hold.
        """
        outputs = [r for r in (ran.results[place] for place in places) if isinstance(r, Batch)]
        try:
            self._sink.predictions(
                self._frame([items[place] for place in places], kind, outputs, ran)
            )
        except StorageError as error:
            return dict.fromkeys(places, error)
        except Exception as error:  # a model may answer anything
            if len(places) > 1:
                each = [self._record(kind, [place], items, ran) for place in places]
                return {place: why for held_back in each for place, why in held_back.items()}
            self._tracebacks.show(error)
            unfit = ModelError(f"The answer of {self.version.ref.name} cannot be recorded.")
            return dict.fromkeys(places, unfit)
        return {}

    def _frame(
        self, items: Sequence[Work], kind: Outcome, outputs: list[Batch], ran: Ran
    ) -> PredictionFrame:
        counts = [item.rows for item in items]
        waited_us = [max(0, round((ran.started_s - item.received_s) * 1e6)) for item in items]
        return PredictionFrame(
            endpoint=self._route.endpoint,
            revision=self._route.revision,
            arm=self.arm.name,
            version=self.arm.version.name,
            role=self.arm.role,
            assigned_by=items[0].assigned_by,
            outcome=kind,
            source="live",
            time_us=np.repeat(np.array([i.admitted_us for i in items], np.int64), counts),
            ids=[row for item in items for row in item.ids],
            caller_ids=_texts(items, [item.caller_ids for item in items]),
            units=_texts(items, [item.units for item in items]),
            slots=np.array([slot for item in items for slot in item.slots], np.int16),
            propensity=np.full(sum(counts), self.arm.weight),
            queue_us=np.repeat(np.array(waited_us, np.int32), counts),
            model_us=round(ran.model_s * 1e6),
            inputs=concat([item.batch for item in items]),
            outputs=concat(outputs) if outputs else None,
        )


def outcome(result: Result) -> Outcome:
    """How a result is recorded."""
    if isinstance(result, Batch):
        return "ok"
    return "timeout" if isinstance(result, DeadlineError) else "model_error"


def _texts(
    items: Sequence[Work], lists: Sequence[list[str | None] | None]
) -> list[str | None] | None:
    """Join the items' lists; None if no item has one."""
    if all(texts is None for texts in lists):
        return None
    return [
        text
        for item, texts in zip(items, lists, strict=True)
        for text in (texts if texts is not None else [None] * item.rows)
    ]


_LATE = DeadlineError("The request's time was up before the model could run.")
_TOO_LONG = DeadlineError("The request's time was up before the model had answered.")
