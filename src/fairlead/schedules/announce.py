"""What is said of a run that has ended: what it was, what came of it, where the answers are."""

from __future__ import annotations

from fairlead.alerts import Evidence, Message
from fairlead.alerts.compose import TITLE_LENGTH_MAX, clean
from fairlead.schedules.types import Run, Schedule

DRIFTED_MAX = 10


def announce(schedule: Schedule, run: Run) -> Message:
    """Write the message about a run.

    Args:
        schedule: of the run.
        run: completed, or failed.
    """
    assert run.ended_us is not None
    title = f"[{run.state}] {schedule.place}: {in_words(run)}"
    detail: Evidence = {
        "schedule": schedule.place, "run": run.id, "state": run.state, "version": run.version,
        "rows": run.rows, "rejected": run.rejected, "output": run.output,
        "seconds": (run.ended_us - (run.begun_us or run.ended_us)) / 1e6,
        "failures": run.failures, "drifted": ", ".join(run.drifted[:DRIFTED_MAX]),
        "error": run.error,
    }  # fmt: skip
    lines = [f"Run {run.id} of {schedule.place} is {run.state}.", in_words(run)]
    if run.state == "completed":
        key = schedule.job.key
        lines.append(f"Looked up by '{key}'." if key else f"Written to {run.output}.")
    lines += [f"Drift in {detail['drifted']}."] if run.drifted else []
    return Message(
        endpoint=schedule.endpoint,
        cause=f"job {schedule.name}",
        severity="digest" if run.state == "completed" else "ticket",
        title=clean(title)[:TITLE_LENGTH_MAX],
        text="\n".join(map(clean, lines)),
        alerts=(),
        event=f"job {run.state}",
        detail=detail,
    )


def in_words(run: Run) -> str:
    """What came of a run, in a line."""
    if run.state == "failed":
        return run.error
    return f"{run.rows} rows answered by {run.version}, {run.rejected} rejected."
