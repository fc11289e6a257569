"""The sum over processes, dead ones included, in a bounded number of files."""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterable
from operator import add
from pathlib import Path

import msgspec

from fairlead.locks import is_held
from fairlead.telemetry.file import read_file
from fairlead.telemetry.types import Sample, Series

SUFFIX = ".metrics"
TOTAL = "total.json"


class _Total(msgspec.Struct, frozen=True):
    """What dead processes counted.

    Args:
        samples: summed.
        folded: the files that are in the sum; they may still lie there.
    """

    samples: tuple[Sample, ...] = ()
    folded: tuple[str, ...] = ()


def read(folder: Path) -> list[Sample]:
    """All that was counted, over all processes that ever wrote into a folder."""
    while True:
        total = _read_total(folder)
        samples = [total.samples]
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            if path.name not in total.folded:
                with contextlib.suppress(FileNotFoundError):
                    samples.append(tuple(read_file(path)))
        if _read_total(folder) == total:  # else a file was folded away meanwhile: look again
            return _summed(samples)


def fold(folder: Path) -> None:
    """Add the files of dead processes to the total, and remove them.

    The total names what is in it, so that a file counts once wherever this is interrupted.
    """
    with (folder / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        total = _read_total(folder)
        files = sorted(folder.glob(f"*{SUFFIX}"))
        dead = [p for p in files if p.name not in total.folded and not is_held(p)]
        left = tuple(p.name for p in files if p.name in total.folded)
        if dead:
            samples = _summed([total.samples, *(tuple(read_file(path)) for path in dead)])
            names = (*left, *(path.name for path in dead))
            _write_total(folder, _Total(tuple(samples), names))
        for path in files:
            if path in dead or path.name in left:
                path.unlink(missing_ok=True)


def _summed(groups: Iterable[Iterable[Sample]]) -> list[Sample]:
    sums: dict[Series, tuple[float, ...]] = {}
    for group in groups:
        for sample in group:
            before = sums.get(sample.series)
            together = max if sample.series.latest else add
            values = sample.values if before is None else map(together, before, sample.values)
            sums[sample.series] = tuple(values)
    return [Sample(series, values) for series, values in sums.items()]


def _read_total(folder: Path) -> _Total:
    try:
        return msgspec.json.decode((folder / TOTAL).read_bytes(), type=_Total)
    except (FileNotFoundError, msgspec.DecodeError):
        return _Total()


def _write_total(folder: Path, total: _Total) -> None:
    temporary = folder / f".{uuid.uuid4().hex}"
    with temporary.open("wb") as file:
        file.write(msgspec.json.encode(total))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / TOTAL)
