"""One attempt at work of the controller's, in a process of its own: the side of who asks."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pipe
from typing import Generic, TypeVar

import msgspec

from fairlead.app.settings import Settings
from fairlead.logs import relay

END_S = 5.0
READ_BYTES = 1 << 16
READS_MAX = 16
"""At one look: what writes faster than it is read must not hold up who reads."""

Told = TypeVar("Told")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What every process of an attempt is started with.

    Args:
        home: whose records and files.
        settings: in force.
        lease: that it holds while it lives.
        holder: its name for that.
    """

    home: str
    settings: Settings
    lease: str
    holder: str


@dataclass(frozen=True, slots=True)
class Speech(Generic[Told]):
    """What the processes of one kind of attempt say.

    Args:
        module: that the process runs.
        read: what it told, from MessagePack.
        ends: the types after which nothing more is told.
        died: what is told in its place when it died, from how.
    """

    module: str
    read: Callable[[bytes], Told]
    ends: tuple[type, ...]
    died: Callable[[str], Told]


class AttemptProcess(Generic[Told]):
    """An attempt in a process of its own, which ends, with all that it started, when this one does.

    Args:
        speech: what it says.
        asked: what it is started with; it passes through a pipe, as it may hold secrets.
    """

    def __init__(self, speech: Speech[Told], asked: Asked) -> None:
        self._speech = speech
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                [sys.executable, "-m", speech.module, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        assert self._process.stderr is not None
        self._stderr = self._process.stderr
        os.set_blocking(self._stderr.fileno(), False)
        self._rest = b""
        self._told: Told | None = None
        with contextlib.suppress(OSError):  # it died, as `look` will tell
            self._connection.send_bytes(msgspec.msgpack.encode(asked))

    @property
    def pid(self) -> int:
        """The number of the process, which leads a session of its own."""
        return self._process.pid

    def look(self) -> Told | None:
        """What it told last, or that it died."""
        dead = self._process.poll() is not None  # before what it told is read to its end
        try:
            while not self._has_ended() and self._connection.poll():
                self._told = self._speech.read(self._connection.recv_bytes())
        except (EOFError, OSError):
            dead = True
        if dead and not self._has_ended():  # what it started may hold the line open
            self._told = self._speech.died(self._death())
        return self._told

    def lines(self) -> list[str]:
        """What it has written to standard error since this was asked last; it is passed on."""
        if self._stderr.closed:
            return []
        with contextlib.suppress(OSError):  # nothing more is there now
            for _ in range(READS_MAX):
                raw = os.read(self._stderr.fileno(), READ_BYTES)
                if not raw:
                    break
                relay(raw.decode(errors="replace"))
                self._rest += raw
        *whole, self._rest = self._rest.split(b"\n")
        self._rest = self._rest[-READ_BYTES:]
        return [line.decode(errors="replace") for line in whole]

    def close(self) -> None:
        """End it and all that it started: it hears that nobody listens any more."""
        self._connection.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.lines()
        self._stderr.close()

    def _has_ended(self) -> bool:
        return isinstance(self._told, self._speech.ends)

    def _death(self) -> str:
        status = self._process.wait()
        return f"by signal {-status}" if status < 0 else f"with status {status}"
