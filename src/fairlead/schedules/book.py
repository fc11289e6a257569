"""What people do with scheduled jobs: look at them, and ask for a run now."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.durations import write_duration
from fairlead.errors import ConflictError, NotFoundError
from fairlead.nearest import nearest
from fairlead.schedules.slots import next_slot
from fairlead.schedules.types import RUNS, STANDINGS, Run, Schedule, Standing
from fairlead.store import ABSENT, Event, Put, Store, Stored


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule, and how it stands.

    Args:
        job: `churn/nightly`.
        every: from slot to slot, as `1d`; empty with `cron`.
        cron: its slots.
        timezone: that these are of.
        next_us: when it is due next, microseconds since 1970; None if never.
        run: that waits or is under way.
        last: that ended last.
        completed: that was completed last.
    """

    job: str
    every: str
    cron: str
    timezone: str
    next_us: int | None
    run: Run | None
    last: Run | None
    completed: Run | None


class JobBook:
    """The scheduled jobs of a platform.

    Args:
        store: of the records.
        clock: for what comes next.
        schedules: that the settings name.
    """

    def __init__(self, store: Store, clock: Clock, schedules: Sequence[Schedule]) -> None:
        self._store = store
        self._clock = clock
        self._schedules = {each.place: each for each in schedules}

    def jobs(self) -> list[Overview]:
        """All of them, by name."""
        return [self.job(place) for place in sorted(self._schedules)]

    def job(self, place: str) -> Overview:
        """One of them, by `endpoint/schedule`.

        Raises:
            NotFoundError: there is none; names the nearest.
        """
        schedule, stored = self._schedule(place), self._stored(place)
        standing, now_us = None if stored is None else stored.value, self._clock.now_us()
        after_us = now_us if standing is None else max(now_us, standing.taken_us)
        timing = schedule.timing
        return Overview(
            job=place,
            every=write_duration(timing.every_us / 1e6) if timing.every_us else "",
            cron=timing.cron,
            timezone=timing.timezone,
            next_us=next_slot(timing, after_us),
            run=None if standing is None else standing.run,
            last=None if standing is None else standing.last,
            completed=None if standing is None else standing.completed,
        )

    def runs(self, place: str) -> list[Run]:
        """The runs of one of them, the newest first; that which is under way is the first.

        Raises:
            NotFoundError: there is no such schedule.
        """
        self._schedule(place)
        ended = [stored.value for stored in self._store.scan(RUNS, f"{place}/")]
        stored = self._stored(place)
        current = [] if stored is None or stored.value.run is None else [stored.value.run]
        return current + sorted(ended, key=lambda run: run.ended_us or 0, reverse=True)

    def ask(self, place: str, actor: str = "cli") -> None:
        """Ask for a run now; the controller begins it.

        Args:
            place: `endpoint/schedule`.
            actor: who asks, for the audit.

        Raises:
            NotFoundError: there is no such schedule.
            ConflictError: a run is under way, or was asked for.
        """
        schedule, stored = self._schedule(place), self._stored(place)
        now_us = self._clock.now_us()
        standing = (
            Standing(endpoint=schedule.endpoint, name=schedule.name, taken_us=now_us)
            if stored is None
            else stored.value
        )
        if standing.run is not None or standing.asked_us is not None:
            raise ConflictError(
                f"A run of {place} waits or is under way.",
                hint=f"'fairlead jobs list {place}' shows how far it is.",
            )
        key = STANDINGS.key(place)
        self._store.commit(
            Put(
                STANDINGS,
                key,
                replace(standing, asked_us=now_us, asked_by=actor),
                ABSENT if stored is None else stored.revision,
            ),
            events=(Event(time_us=now_us, actor=actor, action="job asked", subject=key),),
        )

    def _stored(self, place: str) -> Stored[Standing] | None:
        return self._store.get(STANDINGS, STANDINGS.key(place))

    def _schedule(self, place: str) -> Schedule:
        if place in self._schedules:
            return self._schedules[place]
        close = nearest(place, self._schedules)
        raise NotFoundError(
            "There is no schedule of this name.",
            hint=f"Did you mean '{close}'?"
            if close
            else "They are tables [endpoint.NAME.batch.SCHEDULE] in fairlead.toml.",
        )
