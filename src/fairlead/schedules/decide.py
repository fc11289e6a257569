"""What becomes of a schedule and its run: no clock, no I/O.

A slot is taken when it is the latest one and later than all that were taken: so of those that were
missed only the last one is run, a clock that is set forward takes one, and after one that was set
back no slot is taken again.
"""

from __future__ import annotations

from msgspec.structs import replace

from fairlead.durations import write_duration
from fairlead.schedules.narrate import narrate
from fairlead.schedules.slots import latest_slot, run_id
from fairlead.schedules.types import Completed, Going, Run, Schedule, Standing

INTERRUPTIONS_MAX = 20
"""Attempts that ended with the platform: what ends it each time must not be begun for ever."""
RETRY_US_MAX = 3_600_000_000
NOTES_MAX = 10
"""Of a run, that are kept; its output has them all."""


def take(schedule: Schedule, before: Standing | None, now_us: int) -> Standing:
    """See whether a run is due.

    Args:
        schedule: that may be due.
        before: where it stood; None if it is seen for the first time, when nothing is due.
        now_us: microseconds since 1970.

    Returns:
        Where it stands, with the run that is under way or due, if there is one.
    """
    latest_us = latest_slot(schedule.timing, now_us)
    if before is None:
        taken_us = now_us if latest_us is None else latest_us
        return Standing(endpoint=schedule.endpoint, name=schedule.name, taken_us=taken_us)
    if before.run is not None:
        return before
    if before.asked_us is not None:
        return _asked(before, before.asked_us, latest_us, now_us)
    if latest_us is None or latest_us <= before.taken_us:
        return before
    if before.paused is not None:
        return replace(before, taken_us=latest_us)  # what passes meanwhile is not made up for
    run = Run(id=run_id(latest_us), slot_us=latest_us, due_us=now_us)
    return replace(before, taken_us=latest_us, run=run)


def _asked(before: Standing, asked_us: int, latest_us: int | None, now_us: int) -> Standing:
    """Begin what was asked for; from the present on the schedule goes on."""
    run = Run(
        id=f"{run_id(asked_us)}-asked", slot_us=asked_us, due_us=now_us, asked_by=before.asked_by
    )
    taken_us = before.taken_us if latest_us is None else latest_us
    return replace(before, taken_us=taken_us, asked_us=None, asked_by="", run=run)


def is_due(run: Run, now_us: int) -> bool:
    """Whether the time of a waiting run has come; a clock that was set back delays none for long.

    Example:
        >>> run = Run(id="r", slot_us=0, due_us=100)
        >>> is_due(run, 99), is_due(run, 100), is_due(run, 100 - 3 * RETRY_US_MAX)
        (False, True, True)
    """
    wait_us = run.due_us - now_us
    return run.state == "waiting" and (wait_us <= 0 or wait_us > RETRY_US_MAX)


def begin(run: Run, holder: str, version: str, output: str, now_us: int) -> Run:
    """An attempt is made."""
    begun = replace(
        run,
        state="running",
        begun_us=now_us if run.begun_us is None else run.begun_us,
        holder=holder,
        version=version,
        output=output,
    )
    word = "It begins" if run.begun_us is None else "It goes on with what is committed"
    return narrate(begun, now_us, f"{word}: {version} answers.")


def go_on(run: Run, told: Going, now_us: int) -> Run:
    """An attempt tells how far it is."""
    known = f"There are {told.total} rows." if told.total and told.total != run.total else ""
    after = replace(run, total=told.total, rows=told.rows, rejected=told.rejected)
    return narrate(after, now_us, known)


def complete(run: Run, told: Completed, now_us: int) -> Run:
    """An attempt did what it was to do."""
    ended = replace(
        run,
        state="completed",
        ended_us=now_us,
        total=told.rows + told.rejected,
        rows=told.rows,
        rejected=told.rejected,
        output=told.output,
        drifted=told.drifted,
        notes=told.notes[:NOTES_MAX],
        error="",
    )
    drift = f"Drift in {', '.join(told.drifted)}." if told.drifted else ""
    done = f"It is completed: {told.rows} rows answered, {told.rejected} rejected."
    return narrate(ended, now_us, done, drift)


def fail(schedule: Schedule, run: Run, error: str, now_us: int) -> Run:
    """An attempt failed: another one is due later, or the run is given up."""
    failures = run.failures + 1
    run = replace(run, failures=failures, error=error)
    said = f"Attempt {failures} of {schedule.retries + 1} failed: {error}"
    if failures > schedule.retries:
        return narrate(replace(run, state="failed", ended_us=now_us), now_us, said)
    wait_us = min(schedule.retry_us << (failures - 1), RETRY_US_MAX)
    again = f"It is tried again after {write_duration(wait_us / 1e6)}."
    return narrate(replace(run, state="waiting", due_us=now_us + wait_us), now_us, said, again)


def too_long(schedule: Schedule, taken_s: float) -> str:
    """Why an attempt must end that has taken some time; empty if it may go on.

    One that waits for a database or a disk that never answers would keep all others waiting.
    """
    if taken_s * 1e6 <= schedule.timeout_us:
        return ""
    return f"It took longer than {write_duration(schedule.timeout_us / 1e6)}, its timeout."


def pause(run: Run, now_us: int) -> Run:
    """An attempt was ended in order: it is resumed by whoever comes next."""
    return replace(run, state="waiting", due_us=now_us)


def interrupt(run: Run, now_us: int) -> Run:
    """An attempt ended with who made it, without a word: it is resumed at once."""
    run = replace(run, interruptions=run.interruptions + 1)
    run = narrate(run, now_us, "It was interrupted by the end of the platform.")
    if run.interruptions < INTERRUPTIONS_MAX:
        return pause(run, now_us)
    error = f"It was interrupted {run.interruptions} times by the end of the platform."
    return replace(run, state="failed", ended_us=now_us, error=error)


def end(standing: Standing, run: Run) -> Standing:
    """A run is completed, or given up."""
    assert run.state in ("completed", "failed")
    if run.state == "completed":
        return replace(standing, run=None, last=run, completed=run, failed=0)
    return replace(standing, run=None, last=run, failed=standing.failed + 1)
