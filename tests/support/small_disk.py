"""A disk with room for little, for one process and those it starts."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

MOUNT = ["unshare", "-Urm", "sh", "-c"]


def on_small_disk(folder: Path, size: str) -> list[str]:
    """What starts a program that finds such a disk at a folder.

    Args:
        folder: made if it is not there.
        size: as `mount` takes it, such as `64k`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = shlex.quote(str(folder))
    return [*MOUNT, f'mount -t tmpfs -o size={size} none {place} && exec "$0" "$@"']


def _can_mount() -> bool:
    if sys.platform != "linux":
        return False
    try:
        tried = [*MOUNT, "mount -t tmpfs -o size=64k none /mnt"]
        return subprocess.run(tried, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


needs_small_disk = pytest.mark.skipif(
    not _can_mount(), reason="a small disk needs user namespaces, which this machine does not allow"
)
