"""`fairlead jobs`: batch jobs that run by themselves."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.cli.options import reason_option
from fairlead.cli.output import moment, say, table
from fairlead.errors import NotFoundError
from fairlead.schedules import Overview, Run


@click.group("jobs")
def jobs_command() -> None:
    """See what is scheduled and how it went, ask for a run now, pause and resume."""


@jobs_command.command("list")
@click.argument("job", default="")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_command(home: Path | None, job: str, as_json: bool) -> None:
    """List the scheduled jobs; or with JOB, as `churn/nightly`, its runs, the newest first."""
    book = Workspace(home).job_book
    found: list[Run] | list[Overview] = book.runs(job) if job else book.jobs()
    if as_json:
        say(msgspec.json.encode(found).decode())
    elif job:
        rows = [_run(run) for run in book.runs(job)]
        table(("run", "state", "version", "rows", "rejected", "output", "why"), rows)
    else:
        table(("job", "next", "state", "last", "ended", "rows", "rejected"),
              [_overview(each) for each in book.jobs()])  # fmt: skip


@jobs_command.command("run")
@click.argument("job")
@click.pass_obj
def run_command(home: Path | None, job: str) -> None:
    """Run JOB, as `churn/nightly`, now; its schedule goes on as before."""
    workspace = Workspace(home)
    workspace.job_book.ask(job)
    served = workspace.home.is_served()
    say(f"{job} is run {'now' if served else 'as soon as the platform is up'}.")


@jobs_command.command("pause")
@click.argument("job")
@reason_option
@click.pass_obj
def pause_command(home: Path | None, job: str, reason: str) -> None:
    """Let nothing of JOB be due until `resume`; a run that is under way goes on."""
    Workspace(home).job_book.pause(job, reason, user())
    say(f"{job} is paused; 'fairlead jobs resume {job}' lets it go on.")


@jobs_command.command("resume")
@click.argument("job")
@reason_option
@click.pass_obj
def resume_command(home: Path | None, job: str, reason: str) -> None:
    """Let JOB go on with its next slot; those that passed meanwhile are not made up for."""
    Workspace(home).job_book.resume(job, reason, user())
    say(f"{job} goes on.")


@jobs_command.command("log")
@click.argument("job")
@click.argument("run", default="")
@click.pass_obj
def log_command(home: Path | None, job: str, run: str) -> None:
    """Print what the newest run of JOB said, or RUN, an id as `list JOB` prints it."""
    runs = Workspace(home).job_book.runs(job)
    found = next((each for each in runs if run in ("", each.id)), None)
    if found is None:
        raise NotFoundError(
            f"{job} has no such run." if run else f"{job} has no run yet.",
            hint=f"'fairlead jobs list {job}' lists them.",
        )
    for line in found.log:
        say(f"{moment(line.time_us)}  {line.text}")


def _overview(job: Overview) -> tuple[object, ...]:
    due = None if job.next_us is None else moment(job.next_us)
    state = _state(job.run) if job.run else "paused" if job.paused else "-"
    last = job.last
    if last is None:
        return job.job, due, state, None, None, None, None
    ended = None if last.ended_us is None else moment(last.ended_us)
    return job.job, due, state, last.state, ended, last.rows, last.rejected


def _run(run: Run) -> tuple[object, ...]:
    return run.id, _state(run), run.version, run.rows, run.rejected, run.output, run.error


def _state(run: Run) -> str:
    if run.state == "running" and run.total:
        return f"running, {(run.rows + run.rejected) / run.total:.0%}"
    if run.state == "waiting" and run.failures:
        return f"waits to try again at {moment(run.due_us)}"
    return run.state
