"""Windows that are made beside the process that answers, by one that gives its memory back."""

from __future__ import annotations

import contextlib
from pathlib import Path

from fairlead.device.apart import ended_well, start

COUNT = """
import sys
folder, *sys.path = sys.argv[1:]
import os
from pathlib import Path
from fairlead.device.windows import make_windows
os.nice(5)  # answers go first
make_windows(Path(folder))
"""


class Counting:
    """Makes the windows of files that are written no more, one process at a time.

    Args:
        folder: of the state.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = False
        self._process: int | None = None

    def begin(self) -> None:
        """Begin to make the windows that are not there."""
        self.end()
        self._runs = True
        self._process = start(COUNT, str(self._folder))

    def end(self) -> None:
        """Wait until they are made. What cannot be made now is, the next time."""
        if self._runs and not ended_well(self._process):
            from fairlead.device.windows import make_windows

            with contextlib.suppress(OSError):
                make_windows(self._folder)
        self._runs = False

    def forget(self) -> None:
        """In a process that was forked: another one waits."""
        self._runs = False
