"""Scheduled jobs, put together: each attempt runs in a process of its own."""

from __future__ import annotations

import msgspec

from fairlead.app.attempt import Asked, AttemptProcess, Speech
from fairlead.app.settings import schedules
from fairlead.app.workspace import Workspace
from fairlead.batch import Job
from fairlead.schedules import Completed, Failed, Going, ScheduleController, Told


class AskedJob(Asked, frozen=True, kw_only=True):
    """What a process is started with.

    Args:
        job: to be done.
    """

    job: Job


def _died(how: str) -> Told:
    return Failed(
        f"The process of the job ended {how}. If memory ran out, allow less with 'memory_mb'; "
        "what is committed is kept."
    )


JOBS: Speech[Told] = Speech(
    module="fairlead.app.job_child",
    read=msgspec.msgpack.Decoder(Going | Completed | Failed).decode,
    ends=(Completed, Failed),
    died=_died,
)


def job_controller(workspace: Workspace) -> ScheduleController:
    """Runs what the settings of a workspace have scheduled."""
    settings = workspace.settings

    def start(job: Job, lease: str, holder: str) -> AttemptProcess[Told]:
        home = str(workspace.home.path)
        asked = AskedJob(home=home, settings=settings, lease=lease, holder=holder, job=job)
        return AttemptProcess(JOBS, asked)

    def resolve(version: str, endpoint: str) -> str:
        return workspace.registry.resolve(version or workspace.stable(endpoint).name).name

    return ScheduleController(
        workspace.store, workspace.clock, schedules(settings), start, resolve,
        settings.server.jobs_at_once,
    )  # fmt: skip
