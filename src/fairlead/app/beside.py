"""Work that takes seconds, done beside the controller's loop and outside of its memory."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fairlead.errors import ModelError
from fairlead.monitoring.domain import Domain
from fairlead.runners.process import ModelProcess
from fairlead.stats import Estimate

CHILD = "fairlead.app.telling_child"
TELL_S_MAX = 300.0

Rows = npt.NDArray[np.float64]


class Beside:
    """Does a piece of work in a thread; while that lasts, its ticks do nothing.

    Args:
        work: to be done again and again.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._threads = ThreadPoolExecutor(1, "beside")
        self._running: Future[None] | None = None

    def tick(self) -> None:
        """Start the work, unless it is on the way.

        Raises:
            StorageError: as the work did, the last time.
        """
        running, self._running = self._running, None
        if running is not None and not running.done():
            self._running = running
            return
        if running is not None:
            running.result()
        self._running = self._threads.submit(self._work)

    def close(self) -> None:
        """Wait for what is on the way."""
        self._threads.shutdown(cancel_futures=True)


class TellingProcess:
    """Tells samples apart in a process that ends with it: what it needs takes 200 MB."""

    def __init__(self) -> None:
        self._process: ModelProcess | None = None
        self._closed = False

    def __call__(self, reference: Rows, current: Rows) -> Domain:
        """How well the samples can be told apart.

        Raises:
            ModelError: the process died, or this is closed.
            DeadlineError: it took too long.
        """
        if self._closed:
            raise ModelError("The comparison of all fields is closed.")
        self._process = ModelProcess(
            CHILD, Path(), timeout_s=TELL_S_MAX, what="The comparison of all fields"
        )
        try:
            answer = self._process.ask({"reference": reference, "current": current})
        finally:
            self._process.close()
        auc, low, high, p_value = answer["found"].tolist()
        return Domain(
            auc=Estimate(auc, low, high),
            p_value=p_value,
            rows=len(reference) + len(current),
            drops=tuple(answer["drops"].tolist()),
        )

    def close(self) -> None:
        """End the process, whatever it does."""
        self._closed = True
        if self._process is not None:
            self._process.close()
