"""The process of one attempt at a scheduled job; it ends when the controller does.

Started as `python -m fairlead.app.job_child SOCKET`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from fairlead.app.batch import run_batch
from fairlead.app.jobs import Asked
from fairlead.app.precompute import precompute
from fairlead.app.workspace import Workspace
from fairlead.batch import Progress
from fairlead.errors import FairleadError
from fairlead.logs import inherit_logs, tell_error
from fairlead.schedules import Completed, Failed, Going, Told
from fairlead.schedules.attempts import LEASE_US

RENEW_S = LEASE_US / 1e6 / 5
TELL_S = 0.5
"""Between two words of how far it is."""


class Watch:
    """Ends this process when who asked is gone, or the lease is another's.

    Args:
        connection: to who asked.
        workspace: of the lease.
        asked: whose lease.
    """

    def __init__(self, connection: Connection, workspace: Workspace, asked: Asked) -> None:
        self._connection = connection
        self._workspace = workspace
        self._asked = asked
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def _run(self) -> None:
        renewed_s = time.monotonic()
        while not self._is_left():
            try:
                if not self._renew():
                    break
                renewed_s = time.monotonic()
            except FairleadError:  # as long as nobody else can have it
                if time.monotonic() - renewed_s > LEASE_US / 1e6 - RENEW_S:
                    break
        self.leave()

    def _is_left(self) -> bool:
        try:
            return self._connection.poll(RENEW_S)  # nothing more is said to this process
        except OSError:
            return True

    def _renew(self) -> bool:
        now_us = self._workspace.clock.now_us()
        return self._workspace.store.acquire(
            self._asked.lease, self._asked.holder, now_us, LEASE_US
        )

    def leave(self) -> None:
        """End at once: what is committed stays."""
        try:
            self._workspace.store.release(self._asked.lease, self._asked.holder)
        finally:
            os._exit(1)


def main() -> None:
    """Entry of the process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # who asks ends it
    inherit_logs("job")
    with Connection(int(sys.argv[1])) as connection:
        asked = msgspec.msgpack.decode(connection.recv_bytes(), type=Asked)
        workspace = Workspace(Path(asked.home), settings=asked.settings)
        watch = Watch(connection, workspace, asked)
        try:
            _tell(connection, _done(connection, workspace, asked))
        except OSError:  # nobody listens
            watch.leave()
        sys.stderr.flush()
        os._exit(0)  # its threads are of no more use


def _done(connection: Connection, workspace: Workspace, asked: Asked) -> Told:
    told_s = float("-inf")

    def tell(progress: Progress) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= TELL_S:
            told_s = time.monotonic()
            answered = progress.done - progress.rejected
            _tell(connection, Going(progress.rows, answered, progress.rejected))

    try:
        run = precompute if asked.job.key else run_batch
        record = run(workspace, asked.job, tell)
    except FairleadError as error:
        return Failed(str(error))
    except Exception as error:  # a fault of ours is told of as one
        tell_error("job_failed", error)
        return Failed(f"It failed with {type(error).__name__}; the log of the platform says where.")
    drifted = tuple(moved.field for moved in record.drifted)
    return Completed(record.rows, record.rejected, record.output, drifted, record.notes)


def _tell(connection: Connection, told: Told) -> None:
    connection.send_bytes(msgspec.msgpack.encode(told))


if __name__ == "__main__":
    main()
