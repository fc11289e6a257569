"""The journal: a file that frames are appended to, before the replies they record go out."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Literal

from fairlead.clock import Clock
from fairlead.errors import StorageError
from fairlead.ids import IdSource
from fairlead.predictionlog.tail import Tail

SUFFIX = ".journal"
UNNAMED = ".new"  # of a journal that is not yet held by its writer
ROTATE_BYTES = 64 * 1024 * 1024
ROTATE_S = 3600.0


class JournalWriter:
    """Appends frames to a file of its own, and begins a new one when that is large or old.

    One `write` for each frame: what was written survives the death of the process. With
    `durability="disk"` it is synchronised as well and survives the death of the machine; rows
    that arrive meanwhile share the next frame, so that the wait is shared, too.

    An error never tears the middle of a file: what was half written is cut off again, or a new
    file is begun. While it lives the writer holds a lock on its file, by which a sealer tells
    the journal of a living writer from one that was left behind.

    Args:
        folder: of the journals, which must exist.
        prefix: of the files' names: who writes.
        clock: for names and age.
        durability: what an appended frame survives.
        rotate_bytes: when a file is large.
    """

    def __init__(
        self,
        folder: Path,
        prefix: str,
        clock: Clock,
        *,
        durability: Literal["process", "disk"] = "process",
        rotate_bytes: int = ROTATE_BYTES,
    ) -> None:
        self._folder = folder
        self._prefix = prefix
        self._clock = clock
        self._ids = IdSource(clock)
        self._disk = durability == "disk"
        self._rotate_bytes = rotate_bytes
        self._tail: Tail | None = None
        self._opened_s = 0.0

    def append(self, frame: bytes) -> None:
        """Append one frame, header and all.

        Raises:
            StorageError: it is not on the journal; nothing of it is.
        """
        try:
            tail = self._tail
            if tail is None or not tail.is_open or self._is_full(tail):
                tail = self._begin()
            tail.append(frame)
        except OSError as error:
            raise StorageError(
                f"The prediction log in {self._folder} cannot be written: {error.strerror}.",
                hint="Free some disk space, or see who may write there.",
            ) from error

    def close(self) -> None:
        """Let go of the file; a sealer takes it from here."""
        if self._tail is not None:
            self._tail.close()
            self._tail = None

    def _is_full(self, tail: Tail) -> bool:
        old = self._clock.monotonic_s() - self._opened_s > ROTATE_S
        return tail.size >= self._rotate_bytes or (old and tail.size > 0)

    def _begin(self) -> Tail:
        self.close()
        path = self._folder / f"{self._prefix}-{self._ids.one()}{SUFFIX}"
        hidden = path.with_suffix(UNNAMED)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(hidden, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            hidden.rename(path)  # only now, held, is it a journal that a sealer may find
        except OSError:
            os.close(descriptor)
            hidden.unlink(missing_ok=True)
            raise
        self._tail = Tail(descriptor, 0, disk=self._disk)
        self._opened_s = self._clock.monotonic_s()
        return self._tail
