"""How quick a model is, by its own rows: one alone, and many together."""

from __future__ import annotations

import sys

import numpy as np

from fairlead.clock import Clock
from fairlead.runners.types import Runner
from fairlead.signature import Batch

RUNS = 5
MANY_ROWS = 256
MANY_RUNS = 3


def rows_within(limit_s: float, runner: Runner, rows: Batch, clock: Clock) -> int:
    """How many rows a runner answers together within a time; also warms it.

    What one row takes is mostly what a call costs; what each further row adds is told by many.

    Args:
        limit_s: the time.
        runner: proven.
        rows: that it answers; repeated, where they are not many.
        clock: for durations.

    Returns:
        The rows; 0 where not even one is in time, or where it waits for another process.
    """
    one_s = _fastest_s(runner, rows.take(slice(0, 1)), RUNS, clock)
    if runner.blocking or one_s > limit_s:
        return 0
    many = rows.take(np.arange(MANY_ROWS) % rows.rows)
    many_s = _fastest_s(runner, many, MANY_RUNS, clock)
    row_s = (many_s - one_s) / (MANY_ROWS - 1)
    return 1 + int((limit_s - one_s) / row_s) if row_s > 0.0 else sys.maxsize


def _fastest_s(runner: Runner, batch: Batch, runs: int, clock: Clock) -> float:
    durations_s = []
    for _ in range(runs):
        started_s = clock.monotonic_s()
        runner.predict(batch)
        durations_s.append(clock.monotonic_s() - started_s)
    return min(durations_s)
