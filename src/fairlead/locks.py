"""Locks on files that tell whether the process that holds one lives: the system lets go of them."""

from __future__ import annotations

import fcntl
from pathlib import Path


def is_held(path: Path) -> bool:
    """Whether a living process holds a file; who looks is in nobody's way but a writer's.

    Raises:
        FileNotFoundError: there is no such file, any more.
    """
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
