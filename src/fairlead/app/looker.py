"""Who looks at pictures and listens to sounds before they are sealed: a process of its own.

What callers send is decoded by other hands' C code: whatever that makes of hostile bytes must not
keep the log from being sealed. A process that dies, takes long or takes much memory costs no more
than the measures of some pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from fairlead.clock import Clock
from fairlead.errors import FairleadError
from fairlead.logs import tell
from fairlead.runners.process import ModelProcess
from fairlead.signature import Column

PART, PART_BYTES = 16, 4 * 1024 * 1024
"""Pictures that are looked at together, and are lost together."""
PART_S, LEFT_S, SHARE = 2.0, 4.0, 0.2
"""For a part; at once; and of all time: sealing must go on whatever there is to look at."""
MODULE = "fairlead.app.looker_child"


class Process(Protocol):
    """What looks."""

    def ask(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """Answer about a column `data` with a column `told`."""
        ...

    def close(self) -> None:
        """End it."""
        ...


Start = Callable[[], Process]


def _start() -> Process:
    return ModelProcess(MODULE, Path(), timeout_s=PART_S)


class Looker:
    """Describes pictures and sounds, as many as there is time for.

    Args:
        clock: for the time it takes.
        start: starts the process, when there is something to look at.
    """

    def __init__(self, clock: Clock, start: Start = _start) -> None:
        self._clock = clock
        self._start = start
        self._process: Process | None = None
        self._left_s = LEFT_S
        self._since_s = clock.monotonic_s()

    def describe(self, values: Sequence[bytes]) -> list[str]:
        """What is told of each; an empty text of those that there was no time for."""
        self._spend(-SHARE)
        told: list[str] = []
        for part in _parts(values):
            if self._left_s <= 0.0:
                break
            told += self._look(part)
            self._spend(1.0)
        return [*told, *[""] * (len(values) - len(told))]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close()

    def _spend(self, rate: float) -> None:
        """Count the time since the last look, that was spent or saved."""
        before_s, self._since_s = self._since_s, self._clock.monotonic_s()
        self._left_s = min(self._left_s - rate * (self._since_s - before_s), LEFT_S)

    def _look(self, part: Sequence[bytes]) -> list[str]:
        column = np.empty(len(part), dtype=object)
        column[:] = part
        try:
            if self._process is None:
                self._process = self._start()
            told = self._process.ask({"data": column})["told"].tolist()
        except Exception as error:  # whatever it is, the log is sealed
            why = str(error) if isinstance(error, FairleadError) else type(error).__name__
            tell("warning", "media_not_measured", f"{len(part)} pictures or sounds: {why}")
            return [""] * len(part)
        return [str(text) for text in told] if len(told) == len(part) else [""] * len(part)


def _parts(values: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    start = size = 0
    for place, value in enumerate(values):
        if place > start and (place - start == PART or size + len(value) > PART_BYTES):
            yield values[start:place]
            start, size = place, 0
        size += len(value)
    if start < len(values):
        yield values[start:]
