"""The values of this package: a schedule, its runs, and where it stands."""

from __future__ import annotations

from typing import Literal

import msgspec

from fairlead.batch.types import Job
from fairlead.records import Kind

State = Literal["waiting", "running", "completed", "failed"]


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """When a schedule is due.

    Args:
        every_us: from slot to slot, microseconds, counted from 1970 in UTC; 0 with `cron`.
        cron: the slots as a cron expression.
        timezone: that the expression is read in, and that dates in paths are of.
    """

    every_us: int = 0
    cron: str = ""
    timezone: str = "UTC"


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is run again and again.

    Args:
        endpoint: whose; the predictions are kept in its log.
        name: of the schedule.
        timing: when it is due.
        job: what is to be done. Its inputs, query and output may hold `{date}` and `{run}`; an
            empty version stands for what the endpoint serves.
        retries: further attempts after the first one that fails.
        retry_us: before the first of these, microseconds; it doubles from one to the next.
        timeout_us: that one attempt may take, microseconds.
        announce: channels that are told how each run ended.
    """

    endpoint: str
    name: str
    timing: Timing
    job: Job
    retries: int = 2
    retry_us: int = 60_000_000
    timeout_us: int = 12 * 3_600_000_000
    announce: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """As people write it: `churn/nightly`."""
        return f"{self.endpoint}/{self.name}"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of what a run says of itself.

    Args:
        time_us: when it came, microseconds since 1970.
        text: it.
    """

    time_us: int
    text: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a schedule: what it is about, how far it is, what came of it.

    Args:
        id: of the run, the time of its slot in UTC: `2026-11-22T030000Z`.
        slot_us: when it was due, or when it was asked for; microseconds since 1970.
        asked_by: who asked for it; empty if it was due.
        state: where it is.
        due_us: when its next attempt is due, while it waits.
        begun_us: when it was first started.
        ended_us: when it was completed, or given up.
        failures: attempts that failed.
        interruptions: attempts that ended with the platform.
        holder: who made the last attempt, as it holds the lease.
        version: that answers, from the first attempt on.
        output: where the answers are, or will be.
        total: rows that there are, as soon as it is known.
        rows: that were answered.
        rejected: rows that were set aside.
        drifted: fields that differ from the version's reference.
        notes: what a reader of the answers should know, in words.
        error: why the last attempt failed, in words.
        log: the last lines of what it said, and of what its process wrote to standard error.
    """

    id: str
    slot_us: int
    due_us: int
    asked_by: str = ""
    state: State = "waiting"
    begun_us: int | None = None
    ended_us: int | None = None
    failures: int = 0
    interruptions: int = 0
    holder: str = ""
    version: str = ""
    output: str = ""
    total: int = 0
    rows: int = 0
    rejected: int = 0
    drifted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    log: tuple[Line, ...] = ()


class Paused(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing of a schedule is due until somebody lets it go on.

    Args:
        by: who paused it.
        time_us: when, microseconds since 1970.
        reason: why.
    """

    by: str
    time_us: int
    reason: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a schedule stands.

    Args:
        endpoint: of the schedule.
        name: of the schedule.
        taken_us: its last slot that was taken, or that was over when it was first seen.
        asked_us: when a run was asked for that was not begun yet.
        asked_by: who asked.
        run: that waits or is under way.
        last: that ended last.
        completed: that was completed last.
        failed: runs in a row that failed, up to the last one.
        paused: by whom, if nothing is due until it goes on; a run that was asked for is made.
    """

    endpoint: str
    name: str
    taken_us: int
    asked_us: int | None = None
    asked_by: str = ""
    run: Run | None = None
    last: Run | None = None
    completed: Run | None = None
    failed: int = 0
    paused: Paused | None = None

    @property
    def place(self) -> str:
        """As people write it: `churn/nightly`."""
        return f"{self.endpoint}/{self.name}"


STANDINGS = Kind("schedule", Standing)
RUNS = Kind("run", Run)
"""Those that have ended, by endpoint, schedule and id."""


class Going(msgspec.Struct, frozen=True, tag="going"):
    """How far a run is.

    Args:
        total: rows that there are.
        rows: that were answered, in this attempt or before.
        rejected: rows that were set aside.
    """

    total: int
    rows: int
    rejected: int


class Completed(msgspec.Struct, frozen=True, tag="completed"):
    """A run did what it was to do.

    Args:
        rows: that were answered.
        rejected: rows that were set aside.
        output: where the answers are.
        drifted: fields that differ from the version's reference.
        notes: what a reader of the answers should know, in words.
    """

    rows: int
    rejected: int
    output: str
    drifted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """An attempt failed.

    Args:
        error: why, in words without secrets.
    """

    error: str


Told = Going | Completed | Failed


def lease_of(place: str) -> str:
    """The lease that is held while a schedule's run is under way, by who runs it."""
    return f"schedule/{place}"
