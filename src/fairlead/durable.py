"""What survives the death of the machine."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Have a file's content, or the names in a folder, on the disk before anything else is done.

    Raises:
        OSError: it cannot be.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_own(path: Path, raw: bytes) -> None:
    """Write a file that its owner alone may read, all of it or nothing.

    Args:
        path: of the file; one that is there is replaced.
        raw: its content.

    Raises:
        OSError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}")
    temporary.unlink(missing_ok=True)  # of who died meanwhile; its rights may be wider
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
