"""Locks on files that tell whether the process that holds one lives: the system lets go of them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold a file, which is made if need be, while a block runs.

    Raises:
        BlockingIOError: another process holds it.
        FileNotFoundError: it was removed meanwhile by who held it before.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
            raise FileNotFoundError
        yield
    finally:
        os.close(descriptor)
