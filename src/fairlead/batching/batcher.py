"""The shell: a bounded queue on an event loop whose items run together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Generic, Protocol, TypeVar

from fairlead.batching.lane import Lane
from fairlead.batching.policy import take
from fairlead.errors import UnavailableError


class Sized(Protocol):
    """What a batcher needs to know of an item."""

    @property
    def rows(self) -> int:
        """How many rows it brings."""
        ...


Item = TypeVar("Item", bound=Sized)
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Collects items and runs them together, in order, one batch at a time.

    Items of one turn of the loop share a batch, and so do all that arrive while a batch runs
    on a thread. There is no timer: a lone item never waits.

    Args:
        loop: that everything but `run` happens on.
        run: computes a batch, where the lane says; must not raise.
        finish: takes the items and what `run` gave, on the loop; if it fails, the loop is told
            and the next batch runs all the same.
        rows_max: of a batch.
        queue_rows_max: waiting at any time.
        lane: where batches run; None for the loop, however many rows they have.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        run: Callable[[list[Item]], Result],
        finish: Callable[[list[Item], Result], None],
        *,
        rows_max: int,
        queue_rows_max: int,
        lane: Lane | None = None,
    ) -> None:
        self._loop = loop
        self._run = run
        self._finish = finish
        self._rows_max = rows_max
        self._queue_rows_max = queue_rows_max
        self._lane = lane or Lane()
        self._queue: deque[Item] = deque()
        self._rows = 0
        self._scheduled = False

    @property
    def queued_rows(self) -> int:
        """Rows that wait for the next batch."""
        return self._rows

    def submit(self, item: Item) -> None:
        """Queue an item; its batch starts in this turn of the loop or after the running one.

        Raises:
            UnavailableError: the queue is full.
        """
        if self._rows and self._rows + item.rows > self._queue_rows_max:
            raise UnavailableError("The model is busy and its queue is full.", shed="queue")
        self._queue.append(item)
        self._rows += item.rows
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        rows = self._rows
        items = self._take()
        if rows - self._rows > self._lane.rows_on_loop:
            self._lane.run(self._loop, partial(self._run, items), partial(self._after, items))
            return
        try:
            self._finish(items, self._run(items))
        finally:
            self._go_on()

    def _take(self) -> list[Item]:
        """What runs next, out of the queue: mostly all of it."""
        if self._rows <= self._rows_max:
            items = list(self._queue)
            self._queue.clear()
            self._rows = 0
            return items
        count = take((item.rows for item in self._queue), self._rows_max)
        items = [self._queue.popleft() for _ in range(count)]
        self._rows -= sum(item.rows for item in items)
        return items

    def _go_on(self) -> None:
        """Run what came meanwhile; not at once: others get their turn between two batches."""
        self._scheduled = bool(self._queue)
        if self._scheduled:
            self._loop.call_soon(self._next)

    def _after(self, items: list[Item], done: Future[Result]) -> None:
        try:
            self._finish(items, done.result())
        finally:
            self._go_on()
