"""A platform that runs: started, waited for, released to, stopped."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import msgspec

from fairlead.app.home import Home
from fairlead.app.supervisor import Addresses, Supervisor, stop_on_signals
from fairlead.app.tls import own_context
from fairlead.app.workspace import Workspace
from fairlead.client import bearer
from fairlead.errors import ConfigError, ConflictError, FairleadError, UnavailableError
from fairlead.logs import configure_logs
from fairlead.releases import MOVING, NOW, Plan, Release
from fairlead.routing import ROUTES, VersionRef
from fairlead.serving.types import FleetStatus

POLL_S = 0.05
STOP_S_MAX = 60.0
LOCK_S_MAX = 0.5
"""Another command may hold the lock for a moment, to see whether a platform does."""

_started: dict[int, subprocess.Popen[bytes]] = {}
"""Platforms that this process started, to take note of their end."""


@contextmanager
def _locked(home: Home) -> Iterator[None]:
    """Only one platform serves a home at a time; a killed one's lock is free again."""
    descriptor = os.open(home.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    deadline_s = time.monotonic() + LOCK_S_MAX
    try:
        while not _take(descriptor):
            if time.monotonic() > deadline_s:
                raise ConflictError(
                    "A platform is already running at this home.",
                    hint="Use it ('fairlead deploy'), or start another with --home.",
                )
            time.sleep(POLL_S)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def run_platform(workspace: Workspace, work: Callable[[Addresses], None]) -> None:
    """Run a platform in this process until Ctrl-C or SIGTERM, or until `work` fails.

    Args:
        workspace: whose home is served.
        work: called beside it, in a thread, once the processes are being started.

    Raises:
        ConflictError: one is running at this home already.
        UnavailableError: an address is taken.
    """
    home = workspace.home
    with _locked(home):
        server = workspace.settings.server
        configure_logs("supervisor", server.log_format, server.log_level)
        supervisor = Supervisor(home, workspace.settings)
        stop_on_signals(supervisor)
        if supervisor.addresses.keys:
            workspace.operator_secret()  # so that the workers know it from the start
        home.write_run_file(home.addresses_file, msgspec.json.encode(supervisor.addresses))
        failed: list[FairleadError] = []

        def attempt() -> None:
            try:
                work(supervisor.addresses)
            except FairleadError as error:
                failed.append(error)
                supervisor.stop()

        threading.Thread(target=attempt, daemon=True).start()
        try:
            supervisor.run()
        finally:
            home.addresses_file.unlink(missing_ok=True)
        if failed:
            raise failed[0]


def start_platform(workspace: Workspace, *arguments: str, timeout_s: float = 60.0) -> Addresses:
    """Start a platform in a process of its own, and wait until it is reached.

    Args:
        workspace: whose home is served.
        arguments: further ones for `fairlead up`.
        timeout_s: how long to wait.

    Raises:
        UnavailableError: it did not start; its log says why.
    """
    log = workspace.home.log_file
    with log.open("ab") as output:
        start = output.tell()
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-m", "fairlead", "--home", str(workspace.home.path), "up",
             *arguments],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    _started[process.pid] = process
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            said = log.read_bytes()[start:].decode(errors="replace").rpartition("Error: ")[2]
            raise UnavailableError(
                f"The platform ended at once. {' '.join(said.split())}", hint=f"Its log is {log}."
            )
        addresses = _addresses(workspace)
        if addresses and addresses.pid == process.pid and is_ready(addresses, "/health/live"):
            return addresses
        time.sleep(POLL_S)
    raise UnavailableError("The platform did not start in time.", hint=f"Its log is {log}.")


def _addresses(workspace: Workspace) -> Addresses | None:
    """Where a platform is reached; a killed one may have left its own."""
    try:
        return workspace.addresses()
    except UnavailableError:
        return None


def is_ready(addresses: Addresses, path: str = "/health/ready") -> bool:
    """Whether the data plane answers 200 on a path of its health."""
    return _get(addresses, addresses.api, path, {}) is not None


def _get(addresses: Addresses, url: str, path: str, headers: dict[str, str]) -> bytes | None:
    """What a plane answers on a path; None if it does not, or with another status than 200."""
    address = urlsplit(url)
    host, port = address.hostname or "", address.port
    connection = (
        HTTPSConnection(host, port, timeout=2.0, context=own_context(addresses.tls_cert))
        if addresses.tls_cert
        else HTTPConnection(host, port, timeout=2.0)
    )
    try:
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        return reply.read() if reply.status == 200 else None
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def wait_followed(workspace: Workspace, timeout_s: float = 5.0) -> bool:
    """Wait until every worker has seen the store as it is now, with all keys in it.

    Args:
        workspace: whose platform, if one runs.
        timeout_s: how long to wait.

    Returns:
        Whether they have; also if there is none.
    """
    revision, deadline_s = workspace.store.revision(), time.monotonic() + timeout_s
    while (addresses := _addresses(workspace)) and workspace.home.is_served():
        shown = bearer(workspace.operator_secret()) if addresses.keys else {}
        told = _get(addresses, addresses.control, "/v1/workers", shown)
        fleet = FleetStatus(()) if told is None else msgspec.json.decode(told, type=FleetStatus)
        if fleet.workers and all(worker.revision >= revision for worker in fleet.workers):
            return True
        if time.monotonic() > deadline_s:
            return False
        time.sleep(POLL_S)
    return True


def stop_platform(workspace: Workspace) -> None:
    """Stop the platform of a home and wait until it is gone; nothing to do if none runs."""
    if not workspace.home.is_served():  # the number of a killed one may be another's by now
        return
    pid = workspace.addresses().pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline_s = time.monotonic() + STOP_S_MAX
    while workspace.home.is_served() and time.monotonic() < deadline_s:
        time.sleep(POLL_S)
    if pid in _started:
        _started.pop(pid).wait(max(0.0, deadline_s - time.monotonic()))


def deploy(
    workspace: Workspace,
    reference: str,
    endpoint: str | None = None,
    *,
    allow_pickle: bool = False,
    actor: str = "cli",
    timeout_s: float = 300.0,
    told: Callable[[Release], None] = lambda _: None,
    plan: Plan = NOW,
) -> Release:
    """Release a version to an endpoint of the running platform, and wait for its first step.

    Args:
        workspace: whose platform.
        reference: of the version: `churn:2`, `churn@champion`.
        endpoint: its name; the model's if not given.
        allow_pickle: whether a pickled payload may be loaded.
        actor: who asks, for the audit.
        timeout_s: how long to wait.
        told: called at each change of state.
        plan: how it goes on.

    Returns:
        The release, with its first step in force, or ended.

    Raises:
        NotFoundError: there is no such version.
        ConflictError: another release of the endpoint is under way.
        UnavailableError: it did not end in time; it goes on.
    """
    version = workspace.registry.resolve(reference)
    if version.pickle and not allow_pickle:
        raise ConfigError(
            f"{version.name} is a pickle: loading it runs whatever code is in it.",
            hint="If you trust where it came from, say --allow-pickle.",
        )
    ref = workspace.ref(version, allow_pickle=allow_pickle)
    name = endpoint or version.model
    release = _under_way(workspace, name, ref) or workspace.releases.request(
        name, ref, version.signature, actor, plan
    )
    return wait_settled(workspace, release, timeout_s, told)


def wait_settled(
    workspace: Workspace,
    release: Release,
    timeout_s: float = 300.0,
    told: Callable[[Release], None] = lambda _: None,
) -> Release:
    """Wait until a release has obeyed what it was told, and every worker answers as it says.

    Args:
        workspace: whose platform.
        release: as it was.
        timeout_s: how long to wait.
        told: called at each change of state.

    Raises:
        UnavailableError: that takes longer; it goes on.
    """
    deadline_s = time.monotonic() + timeout_s
    state = release.state
    while release.order is not None or (release.state in MOVING and not release.paused):
        if time.monotonic() > deadline_s:
            raise UnavailableError(f"The release is still {release.state}: {release.reason}")
        time.sleep(POLL_S)
        release = workspace.releases.get(release)
        if release.state != state:
            state = release.state
            told(release)
    return release


def _under_way(workspace: Workspace, endpoint: str, ref: VersionRef) -> Release | None:
    """The release that was asked for, if it goes on already: its command may have been killed."""
    release = workspace.releases.under_way(endpoint)
    return release if release is not None and release.version == ref else None


def answers(workspace: Workspace, endpoint: str) -> str | None:
    """The version that answers all of an endpoint's requests; None if there is no such one."""
    stored = workspace.store.get(ROUTES, ROUTES.key(endpoint))
    arms = stored.value.arms if stored else ()
    alone = len(arms) == 1 and arms[0].role != "shadow"  # which is so beside a person
    return arms[0].version.name if alone else None


def wait_ready(addresses: Addresses, timeout_s: float = 120.0) -> None:
    """Wait until the platform answers every endpoint it has.

    Raises:
        UnavailableError: it does not in time.
    """
    deadline_s = time.monotonic() + timeout_s
    while not is_ready(addresses):
        if time.monotonic() > deadline_s:
            raise UnavailableError("The platform was not ready in time.")
        time.sleep(POLL_S)
