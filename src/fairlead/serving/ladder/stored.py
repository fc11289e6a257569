"""Answers that are there already: recorded as predictions, and given as a model's are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from fairlead.clock import Clock
from fairlead.errors import ConfigError, FairleadError, UnavailableError
from fairlead.ids import Ids
from fairlead.logs import tell, tell_error
from fairlead.lookup import Row
from fairlead.precomputed import Precomputed, answers_of, parent_of
from fairlead.predictionlog import Source as LogSource
from fairlead.routing import Arm, Route
from fairlead.serving.cache.response import ResponseCache
from fairlead.serving.counters import ArmCounters, Counters
from fairlead.serving.ladder.constant import read_constant
from fairlead.serving.ladder.types import Ladder
from fairlead.serving.record import record_of
from fairlead.serving.run import form_of
from fairlead.serving.sink import LogSink
from fairlead.serving.types import Answered, Ask, Outputs, Source
from fairlead.signature import Batch, Field, concat

CONSTANT: LogSource = "constant"


class Kept(NamedTuple):
    """An answer that was kept.

    Args:
        outputs: one row.
        age_s: of it.
    """

    outputs: Batch
    age_s: float


Take = Callable[[Answered | FairleadError], None]


class _Waits(NamedTuple):
    """Rows whose predictions were found."""

    route: Route
    ask: Ask
    ids: Ids
    made: Precomputed
    rows: list[Row]
    done: Take


class Stored:
    """Gives answers that no model has to be asked for.

    Args:
        sink: where every row is recorded before it is answered.
        counters: of the worker.
        clock: for times.
        caches: of the endpoints that have one.
    """

    def __init__(
        self,
        sink: LogSink,
        counters: Counters,
        clock: Clock,
        caches: Mapping[str, ResponseCache] = {},
    ) -> None:
        self._sink = sink
        self._counters = counters
        self._clock = clock
        self._caches = caches
        self._arms: dict[tuple[str, str, str], ArmCounters] = {}
        self._constants: dict[str, tuple[tuple[Field, ...], Batch | None]] = {}
        self._problems: dict[str, str] = {}
        self._waiting: dict[object, list[_Waits]] = {}
        self._unread: dict[str, Precomputed] = {}

    def problems(self) -> list[str]:
        """What an operator should know, in words."""
        return [*self._problems.values()]

    def precomputed(self, route: Route, ask: Ask, ids: Ids, done: Take) -> None:
        """The predictions that were made ahead for rows, all of which were found.

        What is asked for in one turn of the loop is written and recorded together.
        """
        keys = ask.keys
        assert keys is not None
        assert keys.made is not None
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._answer_waiting)
        alike = id(route), id(keys.made), form_of(ask.batch)
        rows = [row for row in keys.rows if row is not None]
        self._waiting.setdefault(alike, []).append(_Waits(route, ask, ids, keys.made, rows, done))

    def _answer_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for some in waiting.values():
            self._answer_together(some)

    def _answer_together(self, some: Sequence[_Waits]) -> None:
        try:
            answered = self._precomputed(some)
        except FairleadError as error:  # the log cannot be written
            for one in some:
                one.done(error)
            return
        except Exception as error:  # a table may hold anything
            if len(some) > 1:  # those whose rows are sound still have their answer
                for one in some:
                    self._answer_together([one])
                return
            some[0].done(self._unreadable(some[0], error))
            return
        start = 0
        for one in some:
            one.done(Answered(answered, start, 0.0, 0.0))
            start += one.ids.count

    def _unreadable(self, one: _Waits, error: Exception) -> UnavailableError:
        """What a caller hears of rows that are no answers; the operator hears it once a table."""
        endpoint = one.route.endpoint
        if self._unread.get(endpoint) != one.made:
            self._unread[endpoint] = one.made
            tell_error("precomputed_unreadable", error, endpoint=endpoint, version=one.made.version)
        return UnavailableError(
            "The predictions that were made ahead cannot be read.",
            hint="Its operator has to precompute them again.",
        )

    def _precomputed(self, some: Sequence[_Waits]) -> Outputs:
        route, made, rows = some[0].route, some[0].made, [row for one in some for row in one.rows]
        age_s = round(max(0, self._clock.now_us() - made.made_us) / 1e6, 3)
        source = Source.of("precomputed", made.version, "precomputed", age_s)
        outputs = Outputs(source, made.outputs, answers_of(made, rows), [one.ids for one in some])
        parents: list[bytes | None] = [parent_of(row) for row in rows]
        record = partial(record_of, source="precomputed", parent_ids=parents)
        self._record(record, route, [one.ask for one in some], outputs)
        return outputs

    def kept(self, route: Route, ask: Ask) -> list[Kept | None]:
        """The last answers of the version in force to some rows, however old they are."""
        cache = self._caches.get(route.endpoint)
        known = None if cache is None else cache.digests(ask.batch)
        if cache is None or known is None:
            return [None] * ask.batch.rows
        version = _answering(route).version.digest
        return [
            None if one is None else Kept(*one) for one in (cache.stale(version, d) for d in known)
        ]

    def cached(self, route: Route, ask: Ask, ids: Ids, kept: Sequence[Kept]) -> Answered:
        """Answers that were kept.

        Raises:
            StorageError: they cannot be recorded, and must not be answered then.
        """
        arm = _answering(route)
        source = Source.of(arm.name, arm.version.name, "cached", None)
        answers, ages_s = concat([one.outputs for one in kept]), [one.age_s for one in kept]
        outputs = Outputs(source, route.signature.outputs, answers, [ids], ages_s)
        record = partial(record_of, source="cache", role=arm.role, assigned_by="fallback")
        return self._answered(record, route, ask, outputs)

    def constant(self, route: Route, ladder: Ladder) -> Batch | None:
        """The constant of a ladder as an answer; None if there is none that fits."""
        if not ladder.constant:
            return None
        outputs, known = route.signature.outputs, self._constants.get(route.endpoint)
        if known is None or known[0] is not outputs:
            known = outputs, self._read(route, ladder)
            self._constants[route.endpoint] = known
        return known[1]

    def _read(self, route: Route, ladder: Ladder) -> Batch | None:
        self._problems.pop(route.endpoint, None)
        try:
            return read_constant(route.endpoint, route.signature.outputs, ladder.constant)
        except ConfigError as error:
            tell("warning", "constant_unfit", str(error), endpoint=route.endpoint)
            self._problems[route.endpoint] = error.message
            return None

    def constant_of(self, route: Route, ladder: Ladder, ask: Ask, ids: Ids) -> Answered:
        """The constant, for each of some rows.

        Raises:
            StorageError: as of `cached`.
        """
        one = self.constant(route, ladder)
        assert one is not None
        answers = one.take(np.zeros(ids.count, np.intp))
        outputs = Outputs(
            Source.of(CONSTANT, CONSTANT, CONSTANT, None), route.signature.outputs, answers, [ids]
        )
        return self._answered(partial(record_of, source=CONSTANT), route, ask, outputs)

    def _answered(self, record: Any, route: Route, ask: Ask, outputs: Outputs) -> Answered:
        self._record(record, route, [ask], outputs)
        return Answered(outputs, 0, 0.0, 0.0)

    def _record(self, record: Any, route: Route, asks: Sequence[Ask], outputs: Outputs) -> None:
        self._sink.predictions(record(route, asks, outputs, self._clock.now_us()))
        now_s = self._clock.monotonic_s()
        waits_s = [max(0.0, now_s - ask.received_s) for ask in asks]
        self._arm(route, outputs.source).known("ok", outputs.batch.rows, waits_s, 0.0)

    def _arm(self, route: Route, source: Source) -> ArmCounters:
        named = route.endpoint, source.version, source.arm
        found = self._arms.get(named)
        if found is None:
            found = self._arms[named] = self._counters.arm(*named)
        return found


def _answering(route: Route) -> Arm:
    """The arm whose answers are kept."""
    return next((arm for arm in route.arms if arm.role == "stable"), route.arms[0])
