"""One process's counters, in a file that is mapped into its memory.

The file is the process's memory: raising a counter is one addition there, and what was counted
is still in the file when the process is killed. The first part names the series, one line of
JSON each; the second holds their numbers, as doubles, in the same order. The file takes of the
disk what is used of it: room for some ten thousand arms costs nothing where there are ten.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from fairlead.locks import is_held
from fairlead.telemetry.types import Sample, Series

NAMES_BYTES = 32 << 20
NUMBERS_MAX = 1 << 20
FILE_BYTES = NAMES_BYTES + 8 * NUMBERS_MAX
BLOCK_BYTES = 64 << 10

_decode = msgspec.json.Decoder(Series).decode


class _Number:
    """One number of the file.

    Args:
        numbers: where it is.
        place: which of them.
    """

    __slots__ = ("_numbers", "_place")

    def __init__(self, numbers: memoryview[float], place: int) -> None:
        self._numbers = numbers
        self._place = place


class Counter(_Number):
    """A number that only rises."""

    __slots__ = ()

    def add(self, amount: float) -> None:
        """Raise it."""
        self._numbers[self._place] += amount


class Gauge(_Number):
    """A number that tells how things are now."""

    __slots__ = ()

    def set(self, value: float) -> None:
        """Tell another."""
        self._numbers[self._place] = value


class Histogram:
    """How often values fell into each bucket, and their sum.

    Args:
        numbers: where they are.
        place: the first of them.
        edges: upper edges of the buckets.
    """

    __slots__ = ("_edges", "_numbers", "_place", "_sum")

    def __init__(self, numbers: memoryview[float], place: int, edges: tuple[float, ...]) -> None:
        self._numbers = numbers
        self._place = place
        self._edges = edges
        self._sum = place + len(edges) + 1

    def observe(self, value: float) -> None:
        """Count a value."""
        self._numbers[self._place + bisect_left(self._edges, value)] += 1
        self._numbers[self._sum] += value

    def observe_all(self, values: Sequence[float], more: float = 0.0) -> None:
        """Count values, each raised by the same; cheaper than one by one, bucket by bucket."""
        if len(values) == 1:
            self.observe(values[0] + more)
            return
        numbers, edges = self._numbers, self._edges
        raised = sorted([value + more for value in values])
        start, end = 0, len(raised)
        while start < end:
            bucket = bisect_left(edges, raised[start])
            here = bisect_right(raised, edges[bucket], start) if bucket < len(edges) else end
            numbers[self._place + bucket] += here - start
            start = here
        numbers[self._sum] += sum(raised)


class MetricsFile:
    """Makes the counters of one process. The file is locked while that process lives.

    Where the file is full, or its disk, further series are counted in memory alone and are not
    exposed: a bound on what labels can cost.

    Args:
        path: of the file, made here.
    """

    def __init__(self, path: Path) -> None:
        hidden = path.with_suffix(".new")
        self._descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        os.ftruncate(self._descriptor, FILE_BYTES)
        hidden.rename(path)  # only now, held, may another process find it: it would fold it away
        self._map = mmap.mmap(self._descriptor, FILE_BYTES)
        self._numbers = memoryview(self._map)[NAMES_BYTES:].cast("d")
        self._named = 0
        self._next = 0
        self._places: dict[Series, tuple[memoryview[float], int]] = {}

    def counter(self, name: str, **labels: str) -> Counter:
        """The counter of a name and labels, made on first use."""
        return Counter(*self._place(Series(name, tuple(sorted(labels.items())))))

    def gauge(self, name: str, **labels: str) -> Gauge:
        """The gauge of a name and labels, made on first use."""
        return Gauge(*self._place(Series(name, tuple(sorted(labels.items())), gauge=True)))

    def latest(self, name: str, **labels: str) -> Gauge:
        """The time of a name and labels, made on first use; the latest of all processes counts."""
        return Gauge(*self._place(Series(name, tuple(sorted(labels.items())), latest=True)))

    def histogram(self, name: str, edges: tuple[float, ...], **labels: str) -> Histogram:
        """The histogram of a name and labels, made on first use."""
        series = Series(name, tuple(sorted(labels.items())), edges)
        return Histogram(*self._place(series), edges)

    def _place(self, series: Series) -> tuple[memoryview[float], int]:
        found = self._places.get(series)
        if found is None:
            found = self._places[series] = self._make(series)
        return found

    def _make(self, series: Series) -> tuple[memoryview[float], int]:
        line = msgspec.json.encode(series) + b"\n"
        full = self._named + len(line) >= NAMES_BYTES or self._next + series.size > NUMBERS_MAX
        if full or not self._write(line, series.size):
            return memoryview(bytearray(8 * series.size)).cast("d"), 0
        place, self._named, self._next = (
            self._next,
            self._named + len(line),
            self._next + series.size,
        )
        return self._numbers, place

    def _write(self, line: bytes, size: int) -> bool:
        """Write a series and its zeros, if the disk takes them.

        Not through the map: a process that touches a page there for which the disk has no room
        is killed.
        """
        zeros = bytes(8 * size)
        try:
            return os.pwrite(self._descriptor, zeros, NAMES_BYTES + 8 * self._next) == len(
                zeros
            ) and os.pwrite(self._descriptor, line, self._named) == len(line)
        except OSError:
            return False

    def close(self) -> None:
        """Let go of the file; what was counted stays in it."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # the map has a descriptor of its own
        os.close(self._descriptor)


def read_file(path: Path) -> list[Sample]:
    """What a process counted so far, or until it died; gauges only of one that lives.

    Nothing of a file that another release laid out in another way.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size != FILE_BYTES:
            return []
        *lines, _ = _read_names(file).split(b"\n")
        series = [_decode(line) for line in lines]
        file.seek(NAMES_BYTES)
        raw = file.read(8 * sum(one.size for one in series))
    numbers = memoryview(raw[: len(raw) // 8 * 8]).cast("d")
    alive = not any(one.gauge for one in series) or is_held(path)
    samples, place = [], 0
    for one in series:
        if alive or not one.gauge:
            samples.append(Sample(one, tuple(numbers[place : place + one.size])))
        place += one.size
    return samples


def _read_names(file: BinaryIO) -> bytes:
    """All up to the first zero; most of the file is a hole."""
    names = bytearray()
    while block := file.read(BLOCK_BYTES):
        head, zero, _ = block.partition(b"\0")
        names += head
        if zero:
            break
    return bytes(names)
