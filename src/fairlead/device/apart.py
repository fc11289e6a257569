"""Work in a process of its own, which gives all the memory back that it took.

A library that is imported once stays in memory, and so does the code of it that once ran. What is
done seldom and takes megabytes is done apart; where no process can be started, who asked does it.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path


def start(code: str, *arguments: str) -> int | None:
    """Start a process of this Python, which says nothing.

    Args:
        code: of Python. It finds the arguments in `sys.argv`, and behind them the entries of
            `sys.path`, which it must take over.
        arguments: for it.

    Returns:
        Its number; None if it could not be started.
    """
    if not Path(sys.executable or "").name.startswith("python"):  # it is part of another program
        return None
    command = [sys.executable, "-I", "-S", "-c", code, *arguments]
    with suppress(AttributeError, OSError):
        quiet = [(os.POSIX_SPAWN_OPEN, out, os.devnull, os.O_RDWR, 0) for out in (0, 1, 2)]
        paths = map(os.path.abspath, sys.path)
        return os.posix_spawn(sys.executable, [*command, *paths], os.environ, file_actions=quiet)
    return None


def ended_well(process: int | None) -> bool:
    """Wait for a process to end; whether it did its work."""
    with suppress(OSError):
        return process is not None and os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    return False
