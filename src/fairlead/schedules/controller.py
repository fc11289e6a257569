"""The shell: takes every schedule as far as the time allows, with its runs beside the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from fairlead.alerts import NOTIFICATIONS, Notification
from fairlead.batch.types import Job
from fairlead.clock import Clock
from fairlead.errors import ConfigError, NotFoundError
from fairlead.ids import IdSource
from fairlead.schedules.announce import announce, in_words
from fairlead.schedules.decide import (
    begin,
    complete,
    end,
    fail,
    go_on,
    interrupt,
    is_due,
    pause,
    take,
    too_long,
)
from fairlead.schedules.fill import job_of
from fairlead.schedules.narrate import LINES_MAX, narrate
from fairlead.schedules.types import (
    RUNS,
    STANDINGS,
    Completed,
    Failed,
    Process,
    Run,
    Schedule,
    Standing,
    lease_of,
)
from fairlead.store import ABSENT, Delete, Event, Put, Store, Stored

RUNS_MAX = 50
"""Of each schedule, that are remembered."""
LEASE_US = 15_000_000
"""Until a run may be gone on with elsewhere whose process is not heard of any more."""
TELL_S = 2.0
"""Between two notes of how far a run is."""

Start = Callable[[Job, str, str], Process]
"""Starts an attempt: of a job, under a lease, held by a name."""
Resolve = Callable[[str, str], str]
"""The version that a job asks for, or else that an endpoint serves: `churn:7`."""


@dataclass(slots=True)
class _Attempt:
    """One that this process has started."""

    process: Process
    holder: str
    begun_s: float
    told_s: float = float("-inf")
    said: list[str] = field(default_factory=list)
    """Lines of its process that are not on record yet."""


class ScheduleController:
    """Runs what is due, at most so many jobs at once, and of each schedule at most one.

    A run is on record before its process starts. The process holds a lease while it lives, so that
    another controller does not start a second one; without a word from it, it is gone on with.

    Args:
        store: of standings and runs.
        clock: for what is due.
        schedules: that the settings name.
        start: starts an attempt in a process of its own.
        resolve: names the version that answers.
        at_once: runs that may be under way.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        schedules: Sequence[Schedule],
        start: Start,
        resolve: Resolve,
        at_once: int = 1,
    ) -> None:
        self._store = store
        self._clock = clock
        self._schedules: Mapping[str, Schedule] = {each.place: each for each in schedules}
        self._start = start
        self._resolve = resolve
        self._at_once = at_once
        self._ids = IdSource(clock)
        self._attempts: dict[str, _Attempt] = {}

    def tick(self) -> None:
        """Take what is due, note what came of what is under way, and start what may be."""
        waiting: list[tuple[int, str, Stored[Standing], Run]] = []
        for place, schedule in self._schedules.items():
            stored = self._taken(schedule)
            run = stored.value.run
            self._drop(place, run)
            if run is not None and place in self._attempts:
                self._hear(schedule, stored, run)
            elif run is not None:
                waiting.append((run.slot_us, place, stored, run))
        for _, place, stored, run in sorted(waiting, key=lambda each: each[:2]):
            self._try(self._schedules[place], stored, run)

    def close(self) -> None:
        """End what is under way; what it has committed stays, and it is resumed later."""
        for place, attempt in list(self._attempts.items()):
            attempt.process.close()
            stored = self._store.get(STANDINGS, STANDINGS.key(place))
            run = None if stored is None else stored.value.run
            if stored is not None and run is not None and run.holder == attempt.holder:
                paused = pause(run, self._clock.now_us())
                self._put(stored, replace(stored.value, run=paused))
            self._leave(place)

    def _put(self, stored: Stored[Standing] | None, standing: Standing) -> Stored[Standing]:
        key = STANDINGS.key(standing.place)
        expect = ABSENT if stored is None else stored.revision
        return Stored(key, standing, self._store.commit(Put(STANDINGS, key, standing, expect)))

    def _taken(self, schedule: Schedule) -> Stored[Standing]:
        """Where a schedule stands now, with what is due."""
        stored = self._store.get(STANDINGS, STANDINGS.key(schedule.place))
        before = None if stored is None else stored.value
        after = take(schedule, before, self._clock.now_us())
        if stored is not None and after == before:
            return stored
        if after.run is not None and self._is_known(schedule, after.run):
            after = replace(after, run=None)
        return self._put(stored, after)

    def _is_known(self, schedule: Schedule, run: Run) -> bool:
        """Whether there was a run of this slot, before the clock was set back."""
        return self._store.get(RUNS, RUNS.key(schedule.place, run.id)) is not None

    def _drop(self, place: str, run: Run | None) -> None:
        """End an attempt that another controller has taken over while this one stood still."""
        attempt = self._attempts.get(place)
        if attempt is not None and (run is None or run.holder != attempt.holder):
            attempt.process.close()
            self._leave(place)

    def _try(self, schedule: Schedule, stored: Stored[Standing], run: Run) -> None:
        """Start an attempt, if it is due and there is room."""
        now_us = self._clock.now_us()
        due = run.state == "running" or is_due(run, now_us)
        if not due or len(self._attempts) >= self._at_once:
            return
        holder, lease = self._ids.one(), lease_of(schedule.place)
        if not self._store.acquire(lease, holder, now_us, LEASE_US):
            return  # its process lives, as another controller's
        try:
            if run.state == "running":  # who started it is gone
                stored = self._settle(schedule, stored, interrupt(run, now_us))
            if stored.value.run is not None:
                self._begin(schedule, stored, stored.value.run, holder)
        finally:
            if schedule.place not in self._attempts:
                self._store.release(lease, holder)

    def _begin(self, schedule: Schedule, stored: Stored[Standing], run: Run, holder: str) -> None:
        now_us = self._clock.now_us()
        try:
            version = run.version or self._resolve(schedule.job.version, schedule.endpoint)
        except (ConfigError, NotFoundError) as error:
            self._settle(schedule, stored, fail(schedule, run, str(error), now_us))
            return
        job = job_of(schedule, run, version)
        run = begin(run, holder, version, job.output, now_us)
        stored = self._put(stored, replace(stored.value, run=run))
        try:
            process = self._start(job, lease_of(schedule.place), holder)
        except OSError:
            why = "No process could be started for it."
            self._settle(schedule, stored, fail(schedule, run, why, now_us))
        else:
            begun_s = self._clock.monotonic_s()
            self._attempts[schedule.place] = _Attempt(process, holder, begun_s)

    def _hear(self, schedule: Schedule, stored: Stored[Standing], run: Run) -> None:
        """Note what an attempt has told."""
        attempt, now_us = self._attempts[schedule.place], self._clock.now_us()
        told = attempt.process.look()
        attempt.said += attempt.process.lines()
        run = narrate(run, now_us, *attempt.said)
        taken_s = self._clock.monotonic_s() - attempt.begun_s
        if isinstance(told, Completed):
            ended = complete(run, told, now_us)
        elif isinstance(told, Failed):
            ended = fail(schedule, run, told.error, now_us)
        elif why := too_long(schedule, taken_s):
            ended = fail(schedule, run, why, now_us)
        else:
            self._note(attempt, stored, run if told is None else go_on(run, told, now_us))
            return
        self._settle(schedule, stored, ended)
        attempt.process.close()
        self._leave(schedule.place)

    def _note(self, attempt: _Attempt, stored: Stored[Standing], run: Run) -> None:
        """Put on record how far a run is, now and then."""
        now_s = self._clock.monotonic_s()
        if run != stored.value.run and now_s - attempt.told_s >= TELL_S:
            attempt.told_s = now_s
            self._put(stored, replace(stored.value, run=run))
            attempt.said.clear()
        del attempt.said[:-LINES_MAX]

    def _leave(self, place: str) -> None:
        attempt = self._attempts.pop(place)
        self._store.release(lease_of(place), attempt.holder)

    def _settle(self, schedule: Schedule, stored: Stored[Standing], run: Run) -> Stored[Standing]:
        """Put on record what became of an attempt; the end of a run with all that follows."""
        if run.state == "waiting":
            return self._put(stored, replace(stored.value, run=run))
        now_us = self._clock.now_us()
        standing = end(stored.value, run)
        history = self._store.scan(RUNS, f"{schedule.place}/")
        old = sorted(history, key=lambda kept: kept.value.ended_us or 0)[: 1 - RUNS_MAX]
        told = [self._told(channel, schedule, run, now_us) for channel in schedule.announce]
        changes: list[Put[Any] | Delete] = [
            Put(STANDINGS, stored.key, standing, stored.revision),
            Put(RUNS, RUNS.key(schedule.place, run.id), run, None),
            *(Delete(kept.key, kept.revision) for kept in old),
            *told,
        ]
        event = Event(
            time_us=now_us,
            actor=run.asked_by or "controller",
            action=f"job {run.state}",
            subject=RUNS.key(schedule.place, run.id),
            detail={"reason": in_words(run), "rows": run.rows, "rejected": run.rejected,
                    "version": run.version, "output": run.output},
        )  # fmt: skip
        revision = self._store.commit(*changes, events=(event,))
        return Stored(stored.key, standing, revision)

    def _told(self, channel: str, schedule: Schedule, run: Run, now_us: int) -> Put[Notification]:
        notification = Notification(
            id=self._ids.one(),
            channel=channel,
            message=announce(schedule, run),
            created_us=now_us,
            next_us=now_us,
        )
        key = NOTIFICATIONS.key(notification.id)
        return Put(NOTIFICATIONS, key, notification, ABSENT)
