"""Whether processes that live on go on growing.

What a process allocated for itself (`Anonymous` of smaps_rollup) is looked at twice a second;
pages of files, which the kernel brings and takes as it likes, are left out. A batch that was just
read or a version that is being loaded lies on top of it for a moment, so of each third of the time
the least counts: what never goes away again. The first third is for warming up; the last is
compared with the middle.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

LOOK_S = 0.5


def anonymous_bytes(pid: int) -> int:
    """What a process allocated for itself and has not given back."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Anonymous:\s+(\d+) kB", text, re.MULTILINE)
    assert found
    return int(found[1]) << 10


def growth(sizes: list[int]) -> float:
    """By which share the least size of the last third is above that of the middle third."""
    third = len(sizes) // 3
    middle, last = sizes[third : 2 * third], sizes[2 * third :]
    return min(last) / min(middle) - 1


class Scale(threading.Thread):
    """Weighs processes until told to stop.

    Args:
        pids: of the processes.
    """

    def __init__(self, pids: list[int]) -> None:
        super().__init__(daemon=True)
        self.sizes: dict[int, list[int]] = {pid: [] for pid in pids}
        self._enough = threading.Event()

    def run(self) -> None:
        while not self._enough.wait(LOOK_S):
            for pid, sizes in self.sizes.items():
                sizes.append(anonymous_bytes(pid))

    def stop(self) -> None:
        """Weigh no more."""
        self._enough.set()
        self.join(10)
