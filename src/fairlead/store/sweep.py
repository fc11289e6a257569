"""Removing what a killed process left half made."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable
from pathlib import Path


def sweep(leftovers: Iterable[Path], before_s: float) -> None:
    """Remove files and folders in which nothing was written for long.

    Names alone do not tell a leftover from what a living process is just making; only time does.
    Should a writer have paused for so long, it finds its file gone and fails, and nothing that
    has its final name is touched. What cannot be removed stays until the next time.

    Args:
        leftovers: things under names that nothing finished has; they may vanish meanwhile.
        before_s: when they must have been written last, seconds since 1970.
    """
    for path in leftovers:
        with contextlib.suppress(OSError):
            if _written_s(path) < before_s:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _written_s(path: Path) -> float:
    """When anything in a file or folder was written last."""
    return max(found.lstat().st_mtime for found in (path, *path.rglob("*")))
