"""What an attempt may take of memory, with all the processes that it starts."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

PROC = Path("/proc")
SESSION, RESIDENT = 3, 21
"""Places in `/proc/PID/stat` behind the name."""
LOOK_S = 0.2
PAGE_BYTES = resource.getpagesize()


def watch_memory(limit_bytes: int, too_much: Callable[[], None]) -> None:
    """Keep this process, which leads its session, and what it starts within a limit.

    One allocation that is larger than all of it fails at once; what they hold together is looked
    at several times a second.

    Args:
        limit_bytes: beyond what is held now, of one process; and of all together.
        too_much: is called, in a thread, when they hold more.
    """
    limit_memory(limit_bytes)
    watch_session(os.getpid(), limit_bytes, too_much, threading.Event())


def watch_session(
    session: int, limit_bytes: int, too_much: Callable[[], None], end: threading.Event
) -> None:
    """Look several times a second at what the processes of a session hold together.

    Args:
        session: its number, which is that of the process that leads it.
        limit_bytes: that they may hold.
        too_much: is called, in a thread, each time they hold more.
        end: nobody looks any more once it is set.
    """

    def look() -> None:
        while not end.wait(LOOK_S):
            if session_bytes(session, limit_bytes) > limit_bytes:
                too_much()

    if PROC.exists():  # which is on Linux
        threading.Thread(target=look, name="memory", daemon=True).start()


def limit_memory(limit_bytes: int) -> None:
    """Let this process, and each that it starts, take so much more of its own.

    Args:
        limit_bytes: beyond what it has now.
    """
    most = _of_status("VmData") + limit_bytes
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def session_bytes(session: int, enough: int) -> int:
    """What the processes of a session hold in memory, counting what they share once.

    Args:
        session: its number.
        enough: up to which it does not matter what they share.
    """
    found = dict(_resident(session))
    if sum(found.values()) <= enough:
        return sum(found.values())
    return sum(_own_share(pid, resident) for pid, resident in found.items())


def _resident(session: int) -> Iterator[tuple[int, int]]:
    for entry in PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError, IndexError):  # it ended meanwhile
            told = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(told[SESSION]) == session:
                yield int(entry.name), int(told[RESIDENT]) * PAGE_BYTES


def _own_share(pid: int, resident: int) -> int:
    """What it holds, pages of several processes in parts; this takes long, for large ones."""
    with contextlib.suppress(OSError, ValueError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return resident


def _of_status(name: str) -> int:
    """What the system says of this process's memory, in bytes; 0 where it does not."""
    with contextlib.suppress(OSError, ValueError):
        for line in (PROC / "self" / "status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0


def in_words(size_bytes: int) -> str:
    """A size as settings have it.

    Example:
        >>> in_words(8 << 30), in_words(1_500_000_000), in_words(512 << 20)
        ('8 GiB', '1.4 GiB', '512 MiB')
    """
    unit, name = (1 << 30, "GiB") if size_bytes >= 1 << 30 else (1 << 20, "MiB")
    return f"{size_bytes / unit:.1f}".removesuffix(".0") + f" {name}"
