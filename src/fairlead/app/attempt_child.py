"""One attempt at work of the controller's, in a process of its own: the side of who does it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import msgspec

from fairlead.app.attempt import Asked
from fairlead.app.workspace import Workspace
from fairlead.errors import FairleadError
from fairlead.logs import inherit_logs
from fairlead.schedules.attempts import LEASE_US

RENEW_S = LEASE_US / 1e6 / 5
SIGNALS = (signal.SIGINT, signal.SIGTERM)

A = TypeVar("A", bound=Asked)
Tell = Callable[[msgspec.Struct], None]
"""Tells who asked."""


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
        self._telling = threading.Lock()
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def tell(self, told: msgspec.Struct) -> None:
        """Tell who asked; this process ends if nobody listens."""
        try:
            with self._telling:
                self._connection.send_bytes(msgspec.msgpack.encode(told))
        except OSError:
            self.leave()

    def leave(self) -> None:
        """End at once, with all that was started: what is committed stays."""
        try:
            self._workspace.store.release(self._asked.lease, self._asked.holder)
        finally:
            os.killpg(0, signal.SIGKILL)  # this process leads its session

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


def attend(name: str, form: type[A], do: Callable[[Workspace, A, Watch], msgspec.Struct]) -> None:
    """Do what this process was started for, tell what came of it, and end.

    Args:
        name: of the process, in what it tells the log.
        form: of what it is asked.
        do: does it.
    """
    _wait_for_the_end()
    inherit_logs(name)
    with Connection(int(sys.argv[1])) as connection:
        asked = msgspec.msgpack.decode(connection.recv_bytes(), type=form)
        workspace = Workspace(Path(asked.home), settings=asked.settings)
        watch = Watch(connection, workspace, asked)
        watch.tell(do(workspace, asked, watch))
        sys.stderr.flush()
        os._exit(0)  # its threads are of no more use; who asked ends what it has started


def _wait_for_the_end() -> None:
    """Who asks ends this process, nobody else; what it forks ends as any process does."""

    def hear(_: int, __: FrameType | None) -> None:
        """Nothing: other than ignoring it, this is not handed on to programs it starts."""

    def forget() -> Any:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)

    for number in SIGNALS:
        signal.signal(number, hear)
    os.register_at_fork(after_in_child=forget)
