"""Data that other projects' wheels carry: unpacked once, without what they depend on."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

INSTALL_S_MAX = 300


@cache
def unpacked(requirement: str) -> Path | None:
    """The folder of a wheel's files, kept under the user's cache for the next run.

    Args:
        requirement: as pip takes it, pinned.

    Returns:
        None where pip cannot have it.
    """
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = place / "fairlead-benchmarks" / f"{requirement}-py{sys.version_info.minor}"
    done = folder / "complete"
    if not done.exists() and not _installed(requirement, folder):
        return None
    done.touch()
    return folder


def _installed(requirement: str, folder: Path) -> bool:
    quiet = ["--quiet", "--no-input", "--no-compile", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *quiet, "--no-deps", "--only-binary=:all:"]
    own = {key: value for key, value in os.environ.items() if key != "PIP_CONSTRAINT"}
    try:
        ran = subprocess.run(
            [*command, "--upgrade", "--target", str(folder), requirement],
            env=own, capture_output=True, timeout=INSTALL_S_MAX, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return ran.returncode == 0
