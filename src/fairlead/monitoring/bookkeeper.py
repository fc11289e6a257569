"""The shell that keeps account of performance: settles windows, takes in labels, guards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import polars as pl
from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.monitoring.accounts import (
    ACCOUNTS,
    BOOKED,
    STATEMENTS,
    STRAYS,
    Account,
    Booked,
    Statement,
    Strays,
    shorten,
)
from fairlead.monitoring.appraise import Asked, Function, sum_gains
from fairlead.monitoring.business import total, weigh
from fairlead.monitoring.divide import divisions_of
from fairlead.monitoring.gather import LABEL, Gatherer, resolve
from fairlead.monitoring.inquire import inquire
from fairlead.monitoring.ledger import settle
from fairlead.monitoring.performance import coverage_of
from fairlead.monitoring.reckon import Model, Part, add_parts, columns_of, realise, reckon
from fairlead.monitoring.records import Stream, moment
from fairlead.monitoring.retain import first_day, first_hour
from fairlead.monitoring.take import close, take
from fairlead.monitoring.types import Plan
from fairlead.predictionlog.attempts import Attempts
from fairlead.predictionlog.segments import SEGMENTS, Segment
from fairlead.store import ABSENT, Blobs, Delete, Put, Store

TICK_S = 0.25
PACES = 12
AGES = 24
"""Labels that trickle in wait for a twelfth of a window's length or a 24th of its age, whichever is
longer, to be taken in together."""
PATIENCE_US = 180_000_000
RETRY_S = 15.0

NO_FUNCTIONS: Mapping[str, Function] = {}

Steps = Iterator[None]


class Bookkeeper:
    """Keeps a statement of each window and an account of each stream.

    Each sealed file is read once: one commit marks the windows that it has predictions of or
    labels for, and that it was read. A marked window is settled from the join of all that is
    sealed, when it is over and then, as late labels come, the more seldom the older it is.
    One commit puts the statement, unmarks the window, and takes in the losses of rows that have
    a label for the first time; these are tested together, once, when the hour in which they came
    is over. So killed anywhere it does again what it had not finished, and nothing twice; tests
    that were made stay made.

    Work is done in steps of at most one file or 50 000 rows. A tick ends with the step in which
    its time is up, and the next one goes on from there.

    Args:
        store: of segments, statements and accounts.
        blobs: of the sealed files.
        models: what a version promised, by its name; None if it is not known.
        plan: how an endpoint is watched, by its name.
        length_us: of a window.
        clock: tells which windows are over.
        functions: that goals are made of, by name.
        tick_s: after how long a tick starts no other step.
    """

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        models: Callable[[str], Model | None],
        plan: Callable[[str], Plan],
        length_us: int,
        clock: Clock,
        *,
        functions: Mapping[str, Function] = NO_FUNCTIONS,
        tick_s: float = TICK_S,
    ) -> None:
        self._store = store
        self._log = Gatherer(store, blobs)
        self._models = models
        self._plan = plan
        self._length_us = length_us
        self._clock = clock
        self._functions = functions
        self._tick_s = tick_s
        self._attempts = Attempts(clock, "No account can be kept of {}")
        self._waiting: dict[str, float] = {}
        self._names: set[str] = set()
        self._round: Steps | None = None

    def is_read(self, segment: str) -> bool:
        """Whether the file of a segment's record has been read."""
        return self._store.get(BOOKED, BOOKED.key(segment)) is not None

    def tick(self) -> None:
        """Go on with what is to be done, for a while.

        Raises:
            StorageError: files cannot be read; all others are accounted for.
        """
        until_s = self._clock.monotonic_s() + self._tick_s
        steps, self._round = self._round or self._steps(), None
        for _ in steps:
            if self._clock.monotonic_s() >= until_s:
                self._round = steps
                return
        self._attempts.settle(self._names)

    def _steps(self) -> Steps:
        """A round: every file and every window that is due, step by step."""
        self._names = set()
        for name, job in self._jobs():
            self._names.add(name)
            moved = [True]
            while moved:
                moved.clear()
                self._attempts.attempt(name, partial(_advance, job, moved))
                yield

    def _jobs(self) -> Iterator[tuple[str, Steps]]:
        yield from self._unread()
        for stored in self._store.scan(ACCOUNTS):
            account = stored.value
            plan, model = self._plan(account.stream.endpoint), self._models(account.stream.version)
            if model is None:
                continue
            now_us = self._clock.now_us()
            for start_us, due_us in sorted(account.due.items(), key=lambda item: item[1]):
                if due_us <= now_us:
                    job = self._settle(account.stream, model, plan, start_us, due_us)
                    yield f"{account.stream.place}/{moment(start_us)}", job
            yield f"{account.stream.place}", self._guard(stored.key, model, plan)

    def _unread(self) -> Iterator[tuple[str, Steps]]:
        booked = {stored.key: stored for stored in self._store.scan(BOOKED)}
        segments = {BOOKED.key(s.key): s.value for s in self._store.scan(SEGMENTS)}
        for key, segment in segments.items():
            if key not in booked and not segment.merged:
                read = self._mark if segment.kind == "predictions" else self._take_labels
                yield key, read(key, segment)
        gone = [Delete(s.key, s.revision) for key, s in booked.items() if key not in segments]
        if gone:
            self._store.commit(*gone)

    def _mark(self, key: str, segment: Segment) -> Steps:
        """Mark the windows of a file of predictions."""
        marks = self._marks(self._log.windows(segment, self._length_us))
        self._store.commit(*marks, Put(BOOKED, key, Booked(len(marks)), ABSENT))
        yield

    def _take_labels(self, key: str, segment: Segment) -> Steps:
        """Mark the windows that a file's labels are for, once these predictions are sealed."""
        if self._clock.monotonic_s() < self._waiting.get(key, 0.0):
            return
        fed = self._log.fed(segment, {LABEL, *self._names_of(segment.endpoint)})
        labels = fed.filter(pl.col("name") == LABEL)["prediction_id"]
        left, known = pl.DataFrame(), dict[Stream, set[int]]()
        ids = fed["prediction_id"]
        for still in self._log.search(segment.endpoint, ids, self._length_us, known):
            left = still
            yield
        # These may still be on the way into the sealed log.
        young = (left["made_us"] - self._clock.now_us()).abs() < PATIENCE_US
        if young.any():
            self._waiting[key] = self._clock.monotonic_s() + RETRY_S
            return
        self._waiting.pop(key, None)
        marks: list[Put[Any]] = [*self._marks(known)]
        strays = self._strays(
            segment.endpoint, len(labels), int(labels.is_in(left["id"].implode()).sum())
        )
        self._store.commit(*marks, strays, Put(BOOKED, key, Booked(len(marks)), ABSENT))
        yield

    def _strays(self, endpoint: str, labels: int, unknown: int) -> Put[Strays]:
        stored = self._store.get(STRAYS, STRAYS.key(endpoint))
        before = Strays(endpoint=endpoint) if stored is None else stored.value
        after = replace(
            before,
            labels=before.labels + labels,
            unknown=before.unknown + unknown,
            last_us=self._clock.now_us() if unknown else before.last_us,
        )
        revision = ABSENT if stored is None else stored.revision
        return Put(STRAYS, STRAYS.key(endpoint), after, revision)

    def _marks(self, found: dict[Stream, set[int]]) -> list[Put[Account]]:
        return [
            self._marked(stream, starts)
            for stream, starts in found.items()
            if self._models(stream.version) is not None
        ]

    def _marked(self, stream: Stream, starts: Iterable[int]) -> Put[Account]:
        """An account with windows that are due, when over, or a while from now."""
        key = ACCOUNTS.key(stream.place)
        stored = self._store.get(ACCOUNTS, key)
        account = Account(stream=stream) if stored is None else stored.value
        due = dict(account.due)
        kept_us = first_day(self._clock.now_us())
        for start_us in (start for start in starts if start >= kept_us):
            # A microsecond later: who settles it just now sees that it was marked again.
            due[start_us] = due[start_us] + 1 if start_us in due else self._due(stream, start_us)
        marked = replace(account, due=due)
        return Put(ACCOUNTS, key, marked, ABSENT if stored is None else stored.revision)

    def _due(self, stream: Stream, start_us: int) -> int:
        """From when on a window is to be settled: when it is over; anew, after a while.

        That is longer for older ones, so that each is settled some dozens of times at most.
        """
        if self._store.get(STATEMENTS, STATEMENTS.key(stream.place, moment(start_us))) is None:
            return start_us + self._length_us + self._plan(stream.endpoint).grace_us
        now_us = self._clock.now_us()
        return now_us + max(self._length_us // PACES, (now_us - start_us) // AGES)

    def _settle(
        self, stream: Stream, model: Model, plan: Plan, start_us: int, due_us: int
    ) -> Steps:
        """Make the statement of one window, from all that is sealed."""
        sums = Part()
        for part in self._parts(stream, model, start_us):
            if part is not None:
                sums = add_parts(sums, part)
            yield
        key, place = STATEMENTS.key(stream.place, moment(start_us)), ACCOUNTS.key(stream.place)
        before, stored = self._store.get(STATEMENTS, key), self._store.get(ACCOUNTS, place)
        if stored is None or stored.value.due.get(start_us) != due_us:
            return  # marked again meanwhile
        statement = self._statement(stream, model, start_us, sums)
        kept = statement if start_us >= first_hour(self._clock.now_us()) else shorten(statement)
        known = None if before is None else before.value
        account = take(stored.value, known, statement, model, plan, self._clock.now_us())
        revision = ABSENT if before is None else before.revision
        self._store.commit(
            Put(STATEMENTS, key, kept, revision),
            Put(ACCOUNTS, place, account, stored.revision),
        )

    def _parts(self, stream: Stream, model: Model, start_us: int) -> Iterator[Part | None]:
        """What a window adds up to, part by part; None for a step that only read."""
        end_us = start_us + self._length_us
        low, high = "~", ""
        for rows in self._log.rows(stream, start_us, end_us, ()):
            if rows.height:
                low = min(low, str(rows["id"].min()))
                high = max(high, str(rows["id"].max()))
            yield None
        tables: list[pl.DataFrame] = []
        names = (LABEL, *self._names_of(stream.endpoint))
        for table in self._log.feedback(stream.endpoint, start_us, low, high, names):
            tables.append(table)
            yield None
        labels, asked = self._came(stream.endpoint, tables[::-1])
        columns = columns_of(model.signature) | ({"unit"} if asked is not None else set())
        named = self._plan(stream.endpoint).slices
        divisions = divisions_of(model.signature, model.profile, named)
        for rows in self._log.rows(stream, start_us, end_us, columns):
            yield reckon(model, rows, labels, asked, divisions)

    def _came(
        self, endpoint: str, tables: list[pl.DataFrame]
    ) -> tuple[pl.DataFrame | None, Asked | None]:
        """Feedback of a window, the oldest first: its labels, and what its goals are made of."""
        goals = self._plan(endpoint).goals
        if not tables:
            return None, Asked(goals, functions=self._functions) if goals else None
        came = pl.concat(tables)
        is_label = pl.col("name") == LABEL
        labels = resolve(came.filter(is_label))
        if not goals:
            return labels, None
        return labels, Asked(goals, total(came.filter(~is_label)), self._functions)

    def _names_of(self, endpoint: str) -> set[str]:
        """Of the feedback that an endpoint's goals are made of, beside labels."""
        return {name for goal in self._plan(endpoint).goals.values() for name in goal.names}

    def _statement(self, stream: Stream, model: Model, start_us: int, sums: Part) -> Statement:
        estimator = model.estimator
        ledger = None
        if estimator is not None and sums.tally is not None:
            ledger = settle(estimator, sums.tally)
        goals = self._plan(stream.endpoint).goals
        worth = sum_gains(goals, sums.gains)
        values = {name: value for name, one in worth.items() if (value := weigh(one)) is not None}
        return Statement(
            stream=stream,
            start_us=start_us,
            end_us=start_us + self._length_us,
            settled_us=self._clock.now_us(),
            coverage=coverage_of(sums.answered, sums.delays_s),
            realised=realise(sums.latest),
            tally=sums.tally,
            ledger=ledger,
            duplicates=sums.duplicates,
            contradicted=sums.contradicted,
            first=sums.first,
            worth=worth,
            goals=values,
            failed=dict(sums.gains.failed),
            slices=sums.slices,
        )

    def _guard(self, key: str, model: Model, plan: Plan) -> Steps:
        """Test what was taken in, when its hour is over; then look into what was proven."""
        stored = self._store.get(ACCOUNTS, key)
        if stored is None:
            return
        closed = close(stored.value, model, plan.terms, self._length_us, self._clock.now_us())
        if closed != stored.value:
            self._store.commit(Put(ACCOUNTS, key, closed, stored.revision))
            yield
        for name in closed.unexplained:
            yield from self._explain(key, name, model)

    def _explain(self, key: str, name: str, model: Model) -> Steps:
        stored = self._store.get(ACCOUNTS, key)
        if stored is None or name not in stored.value.guards:
            return
        stream, state = stored.value.stream, stored.value.guards[name]
        now_us, found = self._clock.now_us(), None
        for step in inquire(self._log, stream, model, name, state.since_us, now_us):
            found = step
            yield
        stored = self._store.get(ACCOUNTS, key)
        if stored is None or found is None:
            return
        left = tuple(other for other in stored.value.unexplained if other != name)
        explained = stored.value.explanations | {name: found}
        told = replace(stored.value, unexplained=left, explanations=explained)
        self._store.commit(Put(ACCOUNTS, key, told, stored.revision))
        yield


def _advance(job: Steps, moved: list[bool]) -> None:
    """Take one step of a job, if there is one."""
    for _ in job:
        moved.append(True)
        return
