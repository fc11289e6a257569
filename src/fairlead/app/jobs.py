"""Scheduled jobs, put together: each attempt runs in a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from multiprocessing import Pipe

import msgspec

from fairlead.app.settings import Settings, schedules
from fairlead.app.workspace import Workspace
from fairlead.batch import Job
from fairlead.errors import NotFoundError
from fairlead.logs import relay
from fairlead.routing import ROUTES
from fairlead.schedules import Completed, Failed, Going, ScheduleController, Told

CHILD = "fairlead.app.job_child"
END_S = 5.0
READ_BYTES = 1 << 16


class Asked(msgspec.Struct, frozen=True):
    """What a process is started with.

    Args:
        home: whose version, files and log.
        settings: in force.
        job: to be done.
        lease: that it holds while it lives.
        holder: its name for that.
    """

    home: str
    settings: Settings
    job: Job
    lease: str
    holder: str


class JobProcess:
    """One attempt in a process of its own, which ends when this one does.

    Args:
        asked: what it is started with; it passes through a pipe, as it may hold secrets.
    """

    def __init__(self, asked: Asked) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-m", CHILD, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
            )
        assert self._process.stderr is not None
        self._stderr = self._process.stderr
        os.set_blocking(self._stderr.fileno(), False)
        self._rest = b""
        self._told: Told | None = None
        with contextlib.suppress(OSError):  # it died, as `look` will tell
            self._connection.send_bytes(msgspec.msgpack.encode(asked))

    def look(self) -> Told | None:
        """What it told last, or that it died."""
        try:
            while not self._has_ended() and self._connection.poll():
                raw = self._connection.recv_bytes()
                self._told = msgspec.msgpack.decode(raw, type=Going | Completed | Failed)
        except (EOFError, OSError):
            self._told = Failed(self._death())
        return self._told

    def lines(self) -> list[str]:
        """What it has written to standard error since this was asked last; it is passed on."""
        if self._stderr.closed:
            return []
        with contextlib.suppress(OSError):  # nothing more is there now
            while raw := os.read(self._stderr.fileno(), READ_BYTES):
                relay(raw.decode(errors="replace"))
                self._rest += raw
        *whole, self._rest = self._rest.split(b"\n")
        self._rest = self._rest[-READ_BYTES:]
        return [line.decode(errors="replace") for line in whole]

    def close(self) -> None:
        """End it: it hears that nobody listens any more."""
        self._connection.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.lines()
        self._stderr.close()

    def _has_ended(self) -> bool:
        return isinstance(self._told, Completed | Failed)

    def _death(self) -> str:
        status = self._process.wait()
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        return (
            f"The process of the job ended {how}. If memory ran out, allow less with 'memory_mb'; "
            "what is committed is kept."
        )


def job_controller(workspace: Workspace) -> ScheduleController:
    """Runs what the settings of a workspace have scheduled."""
    settings = workspace.settings

    def start(job: Job, lease: str, holder: str) -> JobProcess:
        return JobProcess(Asked(str(workspace.home.path), settings, job, lease, holder))

    def resolve(version: str, endpoint: str) -> str:
        return workspace.registry.resolve(version or _answering(workspace, endpoint)).name

    return ScheduleController(
        workspace.store, workspace.clock, schedules(settings), start, resolve,
        settings.server.jobs_at_once,
    )  # fmt: skip


def _answering(workspace: Workspace, endpoint: str) -> str:
    """The version that an endpoint serves.

    Raises:
        NotFoundError: none.
    """
    stored = workspace.store.get(ROUTES, ROUTES.key(endpoint))
    arms = () if stored is None else stored.value.arms
    for arm in arms:
        if arm.role == "stable":
            return arm.version.name
    raise NotFoundError(
        f"No version answers the endpoint {endpoint}, so none can answer its jobs.",
        hint="Deploy one, or name one: version = 'churn@champion'.",
    )
