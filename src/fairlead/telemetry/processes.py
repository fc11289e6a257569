"""What a process takes of the machine, as Linux tells it under `/proc`.

Bytes over the network are not told by process there, only for all that share an address.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from fairlead.telemetry.types import Sample, counted, gauged

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def measure_process(process: str, pid: int) -> list[Sample]:
    """How much a process takes.

    Args:
        process: its name, for the label `process`.
        pid: of it.

    Returns:
        What is told; nothing of a process that is gone, or where there is no `/proc`.
    """
    samples: list[Sample] = []
    for tell in (_stat, _files, _disks):
        with contextlib.suppress(OSError, ValueError):
            samples += tell(process, Path(f"/proc/{pid}"))
    return samples


def _stat(process: str, folder: Path) -> Iterator[Sample]:
    # The name stands in brackets and may hold anything; what comes after it is counted from 3.
    fields = (folder / "stat").read_text().rpartition(") ")[2].split()
    user, system, started, pages = (int(fields[place - 3]) for place in (14, 15, 22, 24))
    name = "fairlead_process_cpu_seconds_total"
    yield counted(name, (user + system) / _TICKS, process=process)
    name = "fairlead_process_resident_memory_bytes"
    yield gauged(name, pages * _PAGE_BYTES, process=process)
    name = "fairlead_process_start_time_seconds"
    yield gauged(name, _boot_s() + started / _TICKS, process=process)


def _boot_s() -> int:
    """When the machine was started, in seconds since 1970."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return int(line.split()[1])
    raise ValueError


def _files(process: str, folder: Path) -> Iterator[Sample]:
    yield gauged(
        "fairlead_process_open_fds", sum(1 for _ in (folder / "fd").iterdir()), process=process
    )
    for line in (folder / "limits").read_text().splitlines():
        if line.startswith("Max open files"):
            soft = line.split()[3]
            most = float("inf") if soft == "unlimited" else float(soft)
            yield gauged("fairlead_process_max_fds", most, process=process)


def _disks(process: str, folder: Path) -> Iterator[Sample]:
    told = dict(line.split(": ") for line in (folder / "io").read_text().splitlines())
    name = "fairlead_process_disk_read_bytes_total"
    yield counted(name, float(told["read_bytes"]), process=process)
    name = "fairlead_process_disk_written_bytes_total"
    yield counted(name, float(told["write_bytes"]), process=process)
