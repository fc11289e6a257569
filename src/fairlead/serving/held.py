"""Where people decide: which rows wait for a person, and what their callers are given."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from fairlead.clock import Clock
from fairlead.errors import ConfigError, ConflictError, FairleadError
from fairlead.ids import Ids
from fairlead.logs import tell
from fairlead.routing import Condition, Route, read_condition
from fairlead.serving.counters import Counters
from fairlead.serving.record import record_of
from fairlead.serving.run import Run, deciders
from fairlead.serving.sink import LogSink
from fairlead.serving.types import Answer, Answered, Ask, Done, Held, Outputs, Part, Source
from fairlead.signature import Batch, Field

HUMAN = Source.of("human", "human", "human", None)


def check_held(route: Route, *, holds: bool) -> None:
    """Refuse a protocol that knows answers alone where people decide.

    Args:
        route: in force.
        holds: whether the protocol has replies without answers.

    Raises:
        ConflictError: it has none.
    """
    mode = route.automation.mode
    if mode == "full" or holds:
        return
    what = "some rows" if mode == "partial" else "every row"
    raise ConflictError(
        f"A person decides {what} here (mode '{mode}'), which this protocol cannot say.",
        hint="Ask POST /v1/endpoints/NAME/predict, which gives the ids that decisions come under.",
    )


class Splitter:
    """Says which rows of an arm's answers wait for a person.

    Rows that the model failed at are on the log like all others, and a person decides them.

    Args:
        condition: that holds for rows which the model decides; None if a person decides all.
    """

    def __init__(self, condition: Condition | None) -> None:
        self._condition = condition

    @staticmethod
    def of(route: Route, fields: Sequence[Field]) -> Splitter | None:
        """What splits the answers of an arm; None where people decide nothing.

        Args:
            route: of the arm.
            fields: that its version answers with.
        """
        automation = route.automation
        if automation.mode == "full":
            return None
        if automation.mode != "partial":
            return Splitter(None)
        try:
            return Splitter(read_condition(automation.auto_if, fields))
        except ConfigError as error:  # a version that answers otherwise decides nothing
            tell("warning", "condition_unfit", str(error), endpoint=route.endpoint)
            return Splitter(None)

    def pending(self, run: Run) -> npt.NDArray[np.bool_]:
        """Which rows of a run wait for a person."""
        if self._condition is None or not isinstance(run.result, Outputs):
            return np.ones(run.inputs.rows, np.bool_)
        return ~self._condition.holds(run.result.batch)


def held_result(
    run: Run, pending: npt.NDArray[np.bool_], source: Source, fields: tuple[Field, ...]
) -> Outputs:
    """What callers are given of a run that is on the log.

    Args:
        run: answered or failed.
        pending: which rows wait for a person.
        source: who was asked.
        fields: of the answers.
    """
    outputs = run.result
    if not isinstance(outputs, Outputs):
        ids = [item.ids for item in run.items]
        outputs = Outputs(source, fields, _nothing(run.inputs.rows), ids)
    outputs.pending = pending
    return outputs


class Holder:
    """Takes rows on of which no model is asked.

    Args:
        sink: where every row is recorded before its caller has the id.
        counters: of the worker.
        clock: for times.
    """

    def __init__(self, sink: LogSink, counters: Counters, clock: Clock) -> None:
        self._sink = sink
        self._counters = counters
        self._clock = clock

    def hold(self, route: Route, ask: Ask, ids: Ids, done: Done) -> None:
        """Record rows that a person decides, and give their ids.

        Args:
            route: in force.
            ask: the rows.
            ids: of them.
            done: takes the ids, or the reason why nothing was recorded.
        """
        outputs = Outputs(HUMAN, route.signature.outputs, _nothing(ids.count), [ids])
        outputs.pending = np.ones(ids.count, np.bool_)
        frame = record_of(
            route, [ask], outputs, self._clock.now_us(), source="human",
            decided_by=deciders(outputs.pending),
        )  # fmt: skip
        try:
            self._sink.predictions(frame)
        except FairleadError as error:
            done(error)
            return
        arm = self._counters.arm(route.endpoint, HUMAN.version, HUMAN.arm)
        wait_s = max(0.0, self._clock.monotonic_s() - ask.received_s)
        arm.known("ok", ids.count, [wait_s], 0.0)
        part = Part(None, ids, Answered(outputs, 0, 0.0, 0.0))
        done(Held(route.endpoint, route.revision, ids.count, (part,)))


def hold(done: Done) -> Done:
    """A `done` whose answers say who decides each row."""
    return partial(_held, done)


def _held(done: Done, answer: Answer | FairleadError) -> None:
    if isinstance(answer, Answer):
        answer = Held(
            answer.endpoint, answer.revision, answer.rows, answer.parts, answer.queue_s,
            answer.model_s,
        )  # fmt: skip
    done(answer)


def _nothing(rows: int) -> Batch:
    """No answer to some rows."""
    return Batch(rows, (), np.empty((rows, 0)), {})
