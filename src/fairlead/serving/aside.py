"""What would hold up the loop, done beside it: few at a time, and only so many wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fairlead.errors import DeadlineError, UnavailableError

T = TypeVar("T")

THREADS = 2
WAITING_MAX = 32


def on_loop() -> bool:
    """Whether this is called on a loop, and not in a thread beside it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class NotHereError(Exception):
    """What was begun on the loop would hold it up: it is to be done again, beside it."""


class Aside:
    """Runs work in threads, and goes on on the loop.

    Args:
        threads: that run at a time.
        waiting_max: pieces of work that are taken on, with those that run.
    """

    def __init__(self, threads: int = THREADS, waiting_max: int = WAITING_MAX) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="aside")
        self._waiting = 0
        self._waiting_max = waiting_max

    def admit(
        self, work: Callable[[], T], until_s: float, then: Callable[[T | BaseException], None]
    ) -> None:
        """Do some work of a request, if there is room and time for it.

        Args:
            work: called in a thread.
            until_s: when it is worth nothing any more, on the loop's clock.
            then: called on the loop with what became of it.

        Raises:
            UnavailableError: too much waits already.
        """
        if self._waiting >= self._waiting_max:
            raise UnavailableError("Too many requests wait to be read.", shed="reading")
        loop = asyncio.get_running_loop()

        def in_time() -> T:
            if loop.time() >= until_s:
                raise DeadlineError("The request's time was up before it could be read.")
            return work()

        self.run(in_time, then)

    def run(self, work: Callable[[], T], then: Callable[[T | BaseException], None]) -> None:
        """Do work that must be done, however much waits.

        Args:
            work: called in a thread.
            then: called on the loop with what became of it.
        """
        self._waiting += 1

        def done(future: asyncio.Future[T]) -> None:
            self._waiting -= 1
            if not future.cancelled():
                then(future.exception() or future.result())

        asyncio.get_running_loop().run_in_executor(self._pool, work).add_done_callback(done)

    def close(self) -> None:
        """Take on nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
