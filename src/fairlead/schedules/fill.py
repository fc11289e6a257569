"""From a schedule and a run of it to the job that is done."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from fairlead.batch.types import Job
from fairlead.schedules.slots import date_of, run_id
from fairlead.schedules.types import Run, Schedule, Timing

DATE, RUN = "{date}", "{run}"


def job_of(schedule: Schedule, run: Run, version: str) -> Job:
    """The job of a run: the same one at every attempt, so that it is gone on with.

    Args:
        schedule: whose.
        run: of it.
        version: that answers.

    Example:
        >>> from fairlead.schedules.types import Timing
        >>> job = Job(version="", inputs=("in/{date}.csv",), output="out/{run}")
        >>> nightly = Schedule(
        ...     endpoint="churn", name="nightly", timing=Timing(every_us=10**6), job=job
        ... )
        >>> filled = job_of(nightly, Run(id="1970-01-01T000000Z", slot_us=0, due_us=0), "churn:1")
        >>> filled.inputs, filled.output
        (('in/1970-01-01.csv',), 'out/1970-01-01T000000Z')
    """
    job = schedule.job
    date = date_of(schedule.timing, run.slot_us)
    fill = partial(_fill, date=date, run=run.id)
    # What was asked for by hand is beside what was due on that day, not in its place.
    output = _fill(job.output, date=run.id if run.asked_by else date, run=run.id)
    return replace(
        job,
        version=version,
        inputs=tuple(map(fill, job.inputs)),
        query=fill(job.query),
        output=output,
        name=f"{schedule.name}-{run.id}",
    )


def output_of(output: str, timing: Timing, slot_us: int) -> str:
    """Where the answers of a slot's run go."""
    return _fill(output, date=date_of(timing, slot_us), run=run_id(slot_us))


def _fill(text: str, date: str, run: str) -> str:
    return text.replace(DATE, date).replace(RUN, run)
