"""Environments of their own for other projects' clients, whose pins do not meet ours."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest

INSTALL_S_MAX = 900
RUN_S_MAX = 120


def environment(name: str, requirements: Sequence[str]) -> Path:
    """The interpreter of a virtual environment that holds some packages and nothing of ours.

    Made on first use, and kept under the user's cache for the next run: its folder's name
    derives from the requirements and the version of Python. Several test runs may ask at once.
    The pip of this environment installs: one in each, and bytecode of what is never imported,
    would take longer than all else. Skips the test where the packages cannot be installed.

    Args:
        name: of the environment, for people.
        requirements: as pip takes them, pinned.

    Returns:
        Path of its `python`.
    """
    key = "\n".join([sys.version, *sorted(requirements)])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fairlead-tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    done = folder / "complete"
    with (cache / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _make(name, folder, requirements)
            done.touch()
    return folder / "bin" / "python"


def requirements_of(path: Path) -> list[str]:
    """The lines of a requirements file, without comments."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def run_in(python: Path, script: Path, *arguments: str) -> str:
    """Run a script in an environment, seeing nothing of this one; give what it printed."""
    ran = subprocess.run(
        [str(python), str(script), *arguments],
        env=_bare(),
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
        check=False,
    )
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def _make(name: str, folder: Path, requirements: Sequence[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # half made, if at all
    venv.create(folder, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install"]
    try:
        ran = subprocess.run(
            [*pip, "--quiet", "--no-input", "--no-compile", *requirements],
            env=_bare(),
            capture_output=True,
            text=True,
            timeout=INSTALL_S_MAX,
            check=False,
        )
        failed = ran.stderr.strip() if ran.returncode else ""
    except subprocess.TimeoutExpired:
        failed = f"not done after {INSTALL_S_MAX} s"
    if failed:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"pip cannot install {name}: {failed.splitlines()[-1]}")


def _bare() -> dict[str, str]:
    """This process's environment without what points Python at our packages, and our pins."""
    ours = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_CONSTRAINT"}
    return {key: value for key, value in os.environ.items() if key not in ours}
