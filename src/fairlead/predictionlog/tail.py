"""The one file that frames are appended to now: whole frames, or nothing of them."""

from __future__ import annotations

import contextlib
import os


class Tail:
    """The end of a file, open to be appended to.

    One `write` for each frame: what was written survives the death of the process. An error
    never tears the middle: what was half written is cut off again.

    Args:
        descriptor: of the file, opened to append; closed with this.
        size: of what is whole in the file, bytes.
        disk: whether each frame is to survive the death of the machine as well.
    """

    def __init__(self, descriptor: int, size: int, *, disk: bool) -> None:
        self._descriptor = descriptor
        self._disk = disk
        self.size = size

    def append(self, frame: bytes) -> None:
        """Append one frame, header and all.

        Raises:
            OSError: nothing of it is in the file, or `is_open` has become false.
        """
        try:
            self._write(frame)
        except OSError:
            self._undo()
            raise
        self.size += len(frame)

    @property
    def is_open(self) -> bool:
        """Whether more can be appended; if not, another file must be begun."""
        return self._descriptor >= 0

    def close(self) -> None:
        """Let go of the file; calling it twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, frame: bytes) -> None:
        written = os.write(self._descriptor, frame)
        while written < len(frame):  # a full disk takes a part; the next write says why
            written += os.write(self._descriptor, frame[written:])
        if self._disk:
            os.fdatasync(self._descriptor) if hasattr(os, "fdatasync") else os.fsync(
                self._descriptor
            )

    def _undo(self) -> None:
        """Cut off what was half written; if even that fails, no more is appended here."""
        try:
            os.ftruncate(self._descriptor, self.size)
        except OSError:
            with contextlib.suppress(OSError):
                self.close()
            self._descriptor = -1
