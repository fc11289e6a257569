"""What models fail with, shown to the operator and to nobody else."""

from __future__ import annotations

import sys
import traceback

from fairlead.clock import Clock

PACE_S = 1.0


class Tracebacks:
    """Prints tracebacks on stderr, a bounded number of them.

    A model that fails on every request must not fill the disk that holds the log.

    Args:
        clock: for the pace.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_s = float("-inf")
        self._left_out = 0

    def show(self, error: BaseException) -> None:
        """Print an error and what it came from, unless another was printed a moment ago."""
        now_s = self._clock.monotonic_s()
        if now_s < self._next_s:
            self._left_out += 1
            return
        traceback.print_exception(error, file=sys.stderr)
        if self._left_out:
            print(f"fairlead: {self._left_out} errors before it are not shown.", file=sys.stderr)  # noqa: T201
        self._next_s, self._left_out = now_s + PACE_S, 0
