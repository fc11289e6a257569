"""Functions that users measure by, each in a process of its own: no code of theirs runs in ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.clock import Clock
from fairlead.errors import DeadlineError, ModelError
from fairlead.runners.process import ModelProcess

CHILD = "fairlead.app.function_child"
RETRY_S = 60.0


class OwnFunction:
    """Asks a function for a number of each row; its process starts with the first question.

    What cannot be loaded or took too long is not tried again for a minute.

    Args:
        folder: of the file that it is in.
        name: of the module and the function: `my_metrics:cost`.
        timeout_s: for one question of at most 50 000 rows.
        clock: for the pace of attempts.
    """

    def __init__(self, folder: Path, name: str, timeout_s: float, clock: Clock) -> None:
        self._folder = folder
        self._name = name
        self._timeout_s = timeout_s
        self._clock = clock
        self._process: ModelProcess | None = None
        self._failed: ModelError | DeadlineError | None = None
        self._retry_s = 0.0

    def __call__(self, columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """What the function gives.

        Raises:
            ModelError: it cannot be loaded, failed, or died.
            DeadlineError: it took too long, and was ended.
        """
        if self._failed is not None and self._clock.monotonic_s() < self._retry_s:
            raise self._failed
        self._failed = None
        process = self._started()
        try:
            return np.asarray(process.ask(columns)["value"])
        except DeadlineError as error:
            raise self._put_off(error) from None

    def close(self) -> None:
        """End its process."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _started(self) -> ModelProcess:
        if self._process is None:
            try:
                self._process = ModelProcess(
                    CHILD, self._folder, self._name, timeout_s=self._timeout_s,
                    what=f"'{self._name}'",
                )  # fmt: skip
            except (ModelError, DeadlineError) as error:
                raise self._put_off(error) from None
        return self._process

    def _put_off(self, error: ModelError | DeadlineError) -> ModelError | DeadlineError:
        self._failed, self._retry_s = error, self._clock.monotonic_s() + RETRY_S
        return error
