"""What people do with scheduled jobs: look at them, ask for a run now, pause and resume them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from fairlead.clock import Clock
from fairlead.durations import write_duration
from fairlead.errors import ConfigError, ConflictError, NotFoundError
from fairlead.nearest import nearest
from fairlead.schedules.slots import latest_slot, next_slot
from fairlead.schedules.types import RUNS, STANDINGS, Paused, Run, Schedule, Standing
from fairlead.store import ABSENT, Event, Put, Store, Stored

REASON_LENGTH_MAX = 500


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule, and how it stands.

    Args:
        job: `churn/nightly`.
        every: from slot to slot, as `1d`; empty with `cron`.
        cron: its slots.
        timezone: that these are of.
        next_us: when it is due next, microseconds since 1970; None if never, or while it is paused.
        run: that waits or is under way.
        last: that ended last.
        completed: that was completed last.
        asked_by: who asked for a run that was not begun yet; empty if nobody did.
        paused: by whom, if nothing is due until it goes on.
    """

    job: str
    every: str
    cron: str
    timezone: str
    next_us: int | None
    run: Run | None
    last: Run | None
    completed: Run | None
    asked_by: str = ""
    paused: Paused | None = None


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
            next_us=None if _is_paused(standing) else next_slot(timing, after_us),
            run=None if standing is None else standing.run,
            last=None if standing is None else standing.last,
            completed=None if standing is None else standing.completed,
            asked_by="" if standing is None else standing.asked_by,
            paused=None if standing is None else standing.paused,
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
        stored, standing = self._standing(place)
        if standing.run is not None or standing.asked_us is not None:
            raise ConflictError(
                f"A run of {place} waits or is under way.",
                hint=f"'fairlead jobs list {place}' shows how far it is.",
            )
        asked = replace(standing, asked_us=self._clock.now_us(), asked_by=actor)
        self._put(stored, asked, "job asked", actor)

    def pause(self, place: str, reason: str = "", actor: str = "cli") -> None:
        """Let nothing of a schedule be due until it is resumed; what is under way goes on.

        Args:
            place: `endpoint/schedule`.
            reason: why.
            actor: who wants it.

        Raises:
            NotFoundError: there is no such schedule.
            ConflictError: it is paused already, or it changes at this moment.
            ConfigError: the reason is too long.
        """
        _check_reason(reason)
        stored, standing = self._standing(place)
        if standing.paused is not None:
            raise ConflictError(f"{place} is paused already, by {standing.paused.by}.")
        paused = Paused(by=actor, time_us=self._clock.now_us(), reason=reason)
        self._put(stored, replace(standing, paused=paused), "job paused", actor, reason)

    def resume(self, place: str, reason: str = "", actor: str = "cli") -> None:
        """Let a schedule go on with its next slot; arguments as of `pause`.

        Raises:
            NotFoundError: there is no such schedule.
            ConflictError: it is not paused, or it changes at this moment.
            ConfigError: the reason is too long.
        """
        _check_reason(reason)
        stored, standing = self._standing(place)
        if standing.paused is None:
            raise ConflictError(f"{place} is not paused.")
        latest_us = latest_slot(self._schedules[place].timing, self._clock.now_us())
        taken_us = standing.taken_us if latest_us is None else max(latest_us, standing.taken_us)
        resumed = replace(standing, paused=None, taken_us=taken_us)
        self._put(stored, resumed, "job resumed", actor, reason)

    def _standing(self, place: str) -> tuple[Stored[Standing] | None, Standing]:
        """Where a schedule stands, also where no controller has looked at it yet."""
        schedule, stored = self._schedule(place), self._stored(place)
        if stored is not None:
            return stored, stored.value
        now_us = self._clock.now_us()
        return None, Standing(endpoint=schedule.endpoint, name=schedule.name, taken_us=now_us)

    def _put(
        self,
        stored: Stored[Standing] | None,
        standing: Standing,
        action: str,
        actor: str,
        reason: str = "",
    ) -> None:
        key = STANDINGS.key(standing.place)
        expect = ABSENT if stored is None else stored.revision
        detail: dict[str, str | int | float | bool | None] = {"reason": reason} if reason else {}
        now_us = self._clock.now_us()
        event = Event(time_us=now_us, actor=actor, action=action, subject=key, detail=detail)
        self._store.commit(Put(STANDINGS, key, standing, expect), events=(event,))

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


def _is_paused(standing: Standing | None) -> bool:
    return standing is not None and standing.paused is not None


def _check_reason(reason: str) -> None:
    if len(reason) > REASON_LENGTH_MAX:
        raise ConfigError(f"A reason has at most {REASON_LENGTH_MAX} characters.")
