"""The shell: takes every schedule as far as the time allows, with its runs beside the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from fairlead.alerts import NOTIFICATIONS, Notification
from fairlead.batch.types import Job
from fairlead.clock import Clock
from fairlead.errors import ConfigError, NotFoundError
from fairlead.ids import IdSource
from fairlead.schedules.announce import announce, in_words
from fairlead.schedules.attempts import Attempt, Attempts, Process
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
    Run,
    Schedule,
    Standing,
    Told,
    lease_of,
)
from fairlead.store import ABSENT, Delete, Event, Put, Store, Stored

RUNS_MAX = 50
"""Of each schedule, that are remembered."""

Start = Callable[[Job, str, str], Process[Told]]
"""Starts an attempt: of a job, under a lease, held by a name."""
Resolve = Callable[[str, str], str]
"""The version that a job asks for, or else that an endpoint serves: `churn:7`."""


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
        self._ids = IdSource(clock)
        self._attempts = Attempts[Told](store, clock, at_once)

    def tick(self) -> None:
        """Take what is due, note what came of what is under way, and start what may be."""
        waiting: list[tuple[int, str, Stored[Standing], Run]] = []
        for place, schedule in self._schedules.items():
            stored = self._taken(schedule)
            run = stored.value.run
            attempt = self._attempt(place, run)
            if run is not None and attempt is not None:
                self._hear(schedule, stored, run, attempt)
            elif run is not None:
                waiting.append((run.slot_us, place, stored, run))
        for _, place, stored, run in sorted(waiting, key=lambda each: each[:2]):
            self._try(self._schedules[place], stored, run)

    def close(self) -> None:
        """End what is under way; what it has committed stays, and it is resumed later."""
        for place in self._attempts.places():
            attempt = self._attempts.find(place)
            assert attempt is not None
            attempt.process.close()
            stored = self._store.get(STANDINGS, STANDINGS.key(place))
            run = None if stored is None else stored.value.run
            if stored is not None and run is not None and run.holder == attempt.holder:
                paused = pause(run, self._clock.now_us())
                self._put(stored, replace(stored.value, run=paused))
            self._attempts.end(place)

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

    def _attempt(self, place: str, run: Run | None) -> Attempt[Told] | None:
        """The attempt at a run; one that another controller has taken over meanwhile is ended."""
        attempt = self._attempts.find(place)
        if attempt is not None and (run is None or run.holder != attempt.holder):
            self._attempts.end(place)
            return None
        return attempt

    def _try(self, schedule: Schedule, stored: Stored[Standing], run: Run) -> None:
        """Start an attempt, if it is due and there is room."""
        now_us = self._clock.now_us()
        due = run.state == "running" or is_due(run, now_us)
        if not due or self._attempts.is_full:
            return
        with self._attempts.claim(schedule.place, lease_of(schedule.place)) as holder:
            if holder is None:
                return  # its process lives, as another controller's
            if run.state == "running":  # who started it is gone
                stored = self._settle(schedule, stored, interrupt(run, now_us))
            if stored.value.run is not None:
                self._begin(schedule, stored, stored.value.run, holder)

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
        lease = lease_of(schedule.place)
        try:
            process = self._start(job, lease, holder)
        except OSError:
            why = "No process could be started for it."
            self._settle(schedule, stored, fail(schedule, run, why, now_us))
        else:
            self._attempts.begin(schedule.place, process, lease, holder)

    def _hear(
        self, schedule: Schedule, stored: Stored[Standing], run: Run, attempt: Attempt[Told]
    ) -> None:
        """Note what an attempt has told."""
        now_us = self._clock.now_us()
        told = attempt.process.look()
        attempt.said += attempt.process.lines()
        run = narrate(run, now_us, *attempt.said)
        if isinstance(told, Completed):
            ended = complete(run, told, now_us)
        elif isinstance(told, Failed):
            ended = fail(schedule, run, told.error, now_us)
        elif why := too_long(schedule, self._attempts.taken_s(schedule.place)):
            ended = fail(schedule, run, why, now_us)
        else:
            self._note(attempt, stored, run if told is None else go_on(run, told, now_us))
            return
        self._settle(schedule, stored, ended)
        self._attempts.end(schedule.place)

    def _note(self, attempt: Attempt[Told], stored: Stored[Standing], run: Run) -> None:
        """Put on record how far a run is, now and then."""
        if run != stored.value.run and self._attempts.is_to_tell(stored.value.place):
            self._put(stored, replace(stored.value, run=run))
            attempt.said.clear()
        del attempt.said[:-LINES_MAX]

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
