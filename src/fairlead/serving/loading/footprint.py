"""How much memory a version takes, as far as that can be told.

What a worker grew by while it loaded a version is noisy: requests take memory meanwhile, the first
load brings libraries in, and later ones fill holes that others left. What its payload says is
steady, but differs by kind: onnxruntime took 1.5 times a dense network's file and up to 8 times
that of boosted trees, and some 0.15 MB for each model. So the growth counts, held between these
two. A process of its own is measured as it is.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SESSION_BYTES = 150_000
TIMES_MIN, TIMES_MAX = 1.5, 8.0


def footprint(payload_bytes: int, grown_bytes: int) -> int:
    """The memory that a version takes in its worker, in bytes.

    Args:
        payload_bytes: size of the model's file.
        grown_bytes: what the worker grew by while it loaded it.

    Example:
        >>> footprint(1_000_000, grown_bytes=3_000_000)
        3000000
        >>> footprint(1_000_000, grown_bytes=90_000_000)
        8300000
    """
    least = int(payload_bytes * TIMES_MIN) + SESSION_BYTES
    most = int(payload_bytes * TIMES_MAX) + 2 * SESSION_BYTES
    return min(max(grown_bytes, least), most)


def resident_bytes(pid: int | None = None) -> int:
    """What a process has in memory, without what it shares; 0 where it is not told.

    Args:
        pid: of the process; this one if not given.
    """
    with contextlib.suppress(OSError):
        resident, shared = Path(f"/proc/{pid or os.getpid()}/statm").read_text().split()[1:3]
        return (int(resident) - int(shared)) * PAGE_BYTES
    return 0
