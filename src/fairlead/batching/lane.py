"""Where the batches of a model run: on the loop while they are short, else on a thread."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

ALL = sys.maxsize
"""Rows of a batch, however many."""


class Lane:
    """Says which batches run on the loop, and runs the others on a thread of its own.

    A model is asked from one thread at a time: while the thread has work, all batches queue there.

    Args:
        rows_max: of a batch that runs on the loop; 0 to run none there.
        name: of the thread, which is made when it is first needed.

    Attributes:
        rows_on_loop: that the next batch may have to run on the loop: 0 while the thread has work.
        has_loop: whether any batch may run on the loop.
    """

    def __init__(self, rows_max: int = ALL, name: str = "lane") -> None:
        self.rows_on_loop = rows_max
        self.has_loop = rows_max > 0
        self._rows_max = rows_max
        self._name = name
        self._thread: ThreadPoolExecutor | None = None
        self._busy = 0

    def run(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[], Result],
        then: Callable[[Future[Result]], None],
    ) -> None:
        """Do work on the thread, after what it has; to be called on the loop.

        Args:
            loop: that it is called on.
            work: called on the thread.
            then: called on the loop with what became of it.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        self._busy += 1
        self.rows_on_loop = 0

        def after(done: Future[Result]) -> None:
            self._busy -= 1
            if not self._busy:
                self.rows_on_loop = self._rows_max
            then(done)

        future = self._thread.submit(work)
        future.add_done_callback(lambda done: loop.call_soon_threadsafe(after, done))

    def close(self) -> None:
        """Let the thread go, if there is one; nothing may be under way."""
        if self._thread is not None:
            self._thread.shutdown(wait=False)
