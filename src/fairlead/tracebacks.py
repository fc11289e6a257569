"""What models fail with, told to the operator and to nobody else."""

from __future__ import annotations

from typing import Any

from fairlead.clock import Clock
from fairlead.errors import FairleadError
from fairlead.logs import is_told, tell, tell_error

PACE_S = 1.0


class Tracebacks:
    """Tells what a model fails with, a bounded number of times.

    A model that fails on every request must not fill the disk that holds the log.

    Args:
        clock: for the pace.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_s = float("-inf")
        self._left_out = 0

    def show(self, error: BaseException, **fields: Any) -> None:
        """Tell an error and what it came from, unless another was told a moment ago.

        Args:
            error: what the model failed with. What is behind an error of ours without a cause was
                told elsewhere, by the process of the model.
            fields: what is known of it.
        """
        ours = isinstance(error, FairleadError) and error.__cause__ is None
        if ours and not is_told("info"):
            return
        now_s = self._clock.monotonic_s()
        if now_s < self._next_s:
            self._left_out += 1
            return
        if ours:
            tell("info", "model_failed", str(error), **fields)
        else:
            tell_error("model_failed", error, **fields)
        if self._left_out:
            text = f"{self._left_out} errors before it are not shown."
            tell("warning", "errors_left_out", text)
        self._next_s, self._left_out = now_s + PACE_S, 0
