"""What one device keeps: a folder of rows and windows, within a number of bytes.

    lock              held by the one process that writes here
    device            this device's own id, drawn when the folder was made
    unlogged          how many rows were answered that could not be kept: 8 bytes, little-endian
    rows/             files of rows, see `segments`; the last one is written now
    windows/          what was seen in each file of rows that is written no more, see `windows`
    references/       of each bundle whose rows are here, the profile that they are counted on

The folder, where it is made here, and every file are for their owner alone. A row is on the file
before its answer goes out. A file that is full, or of another day than now, is written no more:
its window is made, in a process of its own, and what is beyond the number of bytes goes, oldest
first.
"""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from contextlib import ExitStack
from pathlib import Path

from fairlead.device.counting import Counting
from fairlead.device.segments import (
    JOURNAL,
    REFERENCES,
    ROWS,
    WINDOW,
    WINDOWS,
    Extent,
    Segment,
    list_segments,
    measure,
    name_of,
)
from fairlead.device.spare import oldest_first
from fairlead.device.tally import Tally
from fairlead.durable import sync, write_own
from fairlead.errors import ConflictError, StorageError
from fairlead.locks import hold
from fairlead.predictionlog.tail import Tail

SEGMENT_BYTES_MAX = 1 << 20
BEGUN_BYTES = 64 << 10
"""For the window that is being made and the block that is begun."""

SEGMENTS_MIN = 8
"""Of the room there is, a file of rows takes at most one part in so many."""

DAY_US = 86_400_000_000


class State:
    """The folder, opened to write; one process at a time.

    Args:
        folder: made if it is not there.
        digest: of the bundle that answers.
        reference: the profile of its reference rows as the bundle has it; None without one.
        limit_bytes: that rows and windows may take together.
        disk: whether each row is to survive a power cut, not the death of the process alone.

    Attributes:
        device: this device's id.
        unlogged: how many rows were answered that could not be kept.
        last_id: of the last row that was kept, 16 bytes; empty if there is none.

    Raises:
        ConflictError: another process writes there.
        OSError: it cannot be written.
    """

    def __init__(
        self, folder: Path, digest: str, reference: bytes | None, limit_bytes: int, *, disk: bool
    ) -> None:
        self._folder, self._digest, self._disk = folder, digest, disk
        self._limit_bytes = limit_bytes
        self._segment_bytes = min(SEGMENT_BYTES_MAX, limit_bytes // SEGMENTS_MIN)
        self._tail: Tail | None = None
        self._counting = Counting(folder)
        self._day = 0  # of the first row of the file
        self._next = 1  # number of the next row
        self._used_bytes = 0
        self.last_id = b""
        with ExitStack() as held:
            for own in (folder, *(folder / name for name in (ROWS, WINDOWS, REFERENCES))):
                own.mkdir(parents=True, exist_ok=True, mode=0o700)  # parents' rights are others'
            try:
                held.enter_context(hold(folder / "lock"))
            except BlockingIOError:
                raise ConflictError(
                    f"Another process keeps rows in the folder {folder.name}.",
                    hint="Close it first, or give each a folder of its own: --state DIR.",
                ) from None
            self.device = _own_id(folder / "device")
            self.unlogged = Tally(folder / "unlogged")
            held.callback(self.unlogged.close)
            if reference is not None and not self._reference_of(digest).exists():
                write_own(self._reference_of(digest), reference)
            self._go_on()
            self._count_room()
            self._held = held.pop_all()

    def append(self, frame: bytes, rows: int, last_id: bytes, now_us: int) -> None:
        """Keep the rows of a frame.

        Raises:
            OSError: they are not kept.
        """
        tail = self._tail
        day = now_us // DAY_US
        full = (
            tail is not None
            and tail.size
            and (tail.size + len(frame) > self._segment_bytes or day != self._day)
        )
        if tail is None or not tail.is_open or full:
            tail = self._begin()
            self._forget_references()
            if self.last_id:
                self._counting.begin()
        self._make_room(len(frame), tail)
        tail.append(frame)
        if tail.size == len(frame):
            self._day = day
        self._used_bytes += len(frame)
        self._next += rows
        self.last_id = last_id

    def close(self) -> None:
        """Let go of the folder; calling it twice is harmless."""
        self._counting.end()
        if self._tail is not None:
            self._tail.close()
            self._tail = None
        self._held.close()

    def leave(self) -> None:
        """Let go of it in a process that was forked: all of it is another's."""
        self._counting.forget()
        self.close()

    def _go_on(self) -> None:
        """Go on where the last process ended, however it did."""
        rows, windows = self._segments(), list_segments(self._folder / WINDOWS, WINDOW)
        extent = None
        for last in reversed(rows):
            extent = measure(last.path)
            self._next = max(self._next, last.first + extent.rows)
            self.last_id = extent.last_id
            if self.last_id:
                break
        if not rows and windows:
            self._go_on_after(windows[-1])
        if rows and extent is not None:
            self._take_up(rows[-1], extent if rows[-1] is last else measure(rows[-1].path))

    def _go_on_after(self, last: Segment) -> None:
        from fairlead.device.windows import read_window
        from fairlead.ids import parse

        with contextlib.suppress(StorageError):
            window = read_window(last.path)
            self._next = window.first + window.rows
            self.last_id = parse(window.last_id) or b""

    def _take_up(self, last: Segment, extent: Extent) -> None:
        """Write on in the last file, if it is this bundle's and whole; a torn end is cut off."""
        if extent.broken:
            self._next += 1  # the gap tells that some are missing
            return
        if not self._digest.startswith(last.digest):
            return
        if extent.torn:
            os.truncate(last.path, extent.end)
        self._tail = Tail(_opened(last.path), extent.end, disk=self._disk)
        self._day = extent.first_us // DAY_US

    def _begin(self) -> Tail:
        if self._tail is not None:
            self._tail.close()
        path = self._folder / ROWS / name_of(self._next, self._digest, JOURNAL)
        descriptor = _opened(path)
        os.ftruncate(descriptor, 0)  # what is there is of no whole row
        self._tail = Tail(descriptor, 0, disk=self._disk)
        if self._disk:
            sync(path.parent)
        self._count_room()
        return self._tail

    def _forget_references(self) -> None:
        """Remove those of bundles that answer no more and whose rows have their windows."""
        for path in (self._folder / REFERENCES).iterdir():
            if not self._digest.startswith(path.name):
                needed = any(each.digest == path.name for each in self._segments())
                if not needed:
                    path.unlink(missing_ok=True)

    def _count_room(self) -> None:
        references = (self._folder / REFERENCES).iterdir()
        files = (*self._segments(), *list_segments(self._folder / WINDOWS, WINDOW))
        self._used_bytes = sum(each.room for each in files) + BEGUN_BYTES
        self._used_bytes += sum(each.stat().st_size for each in references)

    def _make_room(self, size: int, tail: Tail) -> None:
        """Remove what is oldest, until a frame has room.

        Raises:
            OSError: it has none, whatever went.
        """
        if tail.size + size > self._limit_bytes // 2:
            raise OSError(errno.EFBIG, "more rows at once than there is room for")
        over_bytes = self._used_bytes + size - self._limit_bytes
        if over_bytes <= 0:
            return
        windows = list_segments(self._folder / WINDOWS, WINDOW)
        for each in oldest_first(self._segments()[:-1], windows, over_bytes):
            each.path.unlink(missing_ok=True)
        self._count_room()

    def _segments(self) -> list[Segment]:
        return list_segments(self._folder / ROWS, JOURNAL)

    def _reference_of(self, digest: str) -> Path:
        return self._folder / REFERENCES / name_of(0, digest, "").rpartition("-")[2]


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _own_id(path: Path) -> str:
    """This device's own id, drawn when it is first asked for, and when it is none any more."""
    with contextlib.suppress(FileNotFoundError, ValueError):  # of bytes that are no text, too
        return str(uuid.UUID(path.read_text().strip()))
    drawn = str(uuid.uuid4())
    write_own(path, drawn.encode())
    return drawn
