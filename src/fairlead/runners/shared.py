"""Large columns in memory that two processes map, so that no socket carries their bytes.

A segment has no name: it lives as long as a descriptor or a mapping of it, so that whoever dies
leaves nothing behind. Each side has one that it writes to and the other reads; it is kept from
message to message, since new pages cost more than the copy, and replaced when it is too small.
Its size is sealed: a reader cannot be pulled the ground from under its feet.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Iterable

import numpy as np

from fairlead.signature import Column

SHARED_BYTES_MIN = 1 << 16
"""From here on the way through memory is cheaper than that through the socket."""

ALIGN_BYTES = 64
STEP_BYTES = 1 << 20
_SEALS = (
    (fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    if hasattr(os, "memfd_create")  # Linux; elsewhere all goes through the socket
    else 0
)


def is_shared(column: Column) -> bool:
    """Whether a column goes through memory."""
    return column.nbytes >= SHARED_BYTES_MIN and column.dtype.kind in "biufM" and bool(_SEALS)


class Outgoing:
    """The segment that this process writes to."""

    def __init__(self) -> None:
        self._map: mmap.mmap | None = None
        self._free = 0
        self._unsent: int | None = None

    def begin(self, columns: Iterable[Column]) -> None:
        """Make room for the columns of a message, over those of the last one."""
        needed = sum(_aligned(column.nbytes) for column in columns)
        self._free = 0
        if self._map is None or needed > len(self._map):
            self.close()
            self._make(-(-needed // STEP_BYTES) * STEP_BYTES)

    def _make(self, size_bytes: int) -> None:
        self._unsent = os.memfd_create("columns", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self._unsent, size_bytes)
        fcntl.fcntl(self._unsent, fcntl.F_ADD_SEALS, _SEALS)
        self._map = mmap.mmap(self._unsent, size_bytes)

    def write(self, column: Column) -> int:
        """Copy a column in; returns where it is."""
        assert self._map is not None
        at = self._free
        target: Column = np.ndarray(column.shape, column.dtype, self._map, at)
        target[...] = column
        self._free += _aligned(column.nbytes)
        return at

    def take_descriptor(self) -> int | None:
        """The descriptor of a segment that the peer does not have yet; to be closed once sent."""
        descriptor, self._unsent = self._unsent, None
        return descriptor

    def close(self) -> None:
        """Let go of it."""
        if self._unsent is not None:
            os.close(self._unsent)
        self._map = self._unsent = None


class Incoming:
    """The segment that the peer writes to."""

    def __init__(self) -> None:
        self._map: mmap.mmap | None = None

    def take(self, descriptor: int) -> None:
        """Map another segment.

        Raises:
            ValueError: its size is not sealed.
            OSError: it is none.
        """
        try:
            if fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _SEALS != _SEALS:
                raise ValueError("a segment whose size may change")
            self._map = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)

    def read(self, dtype: np.dtype[np.generic], shape: tuple[int, ...], at: int) -> Column:
        """A column in it, which the peer's next message writes over.

        Raises:
            ValueError: it is not in there.
        """
        if self._map is None or at < 0 or min(shape, default=0) < 0:
            raise ValueError("a column in no segment")
        try:
            return np.ndarray(shape, dtype, self._map, at)
        except TypeError as error:  # too small for it
            raise ValueError("a column beyond its segment") from error

    def close(self) -> None:
        """Let go of it; columns that were read and not copied keep it."""
        self._map = None


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // ALIGN_BYTES) * ALIGN_BYTES
