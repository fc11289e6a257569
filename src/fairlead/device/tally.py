"""A number in a file, which can be raised on a full disk, too: it takes no more room."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

BYTES = 8


class Tally:
    """A number that only rises, over processes.

    Args:
        path: of its file, made if it is not there.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.pwrite(self._descriptor, _read(self._descriptor).to_bytes(BYTES, "little"), 0)

    def add(self, count: int) -> None:
        """Raise it."""
        raised = _read(self._descriptor) + count
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, raised.to_bytes(BYTES, "little"), 0)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def read_tally(path: Path) -> int:
    """The number in a file; 0 where there is none."""
    try:
        return int.from_bytes(path.read_bytes()[:BYTES], "little")
    except FileNotFoundError:
        return 0


def _read(descriptor: int) -> int:
    return int.from_bytes(os.pread(descriptor, BYTES, 0), "little")
