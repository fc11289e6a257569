"""The stream of live values: made once for everyone who looks, and only while anybody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
from starlette.concurrency import run_in_threadpool

from fairlead.errors import UnavailableError
from fairlead.logs import tell_error

PERIOD_S = 1.0
QUIET_S = 15.0
"""After so long without news a comment is sent, by which both sides see that the other lives."""
READERS_MAX = 500
OF_ACTOR_MAX = 20
"""Pages that one person keeps open; nobody takes all that there are for others."""
LIFE_S = 300.0
"""After so long a stream ends. Browsers ask again, and the guard sees who still may."""


class News(msgspec.Struct, frozen=True):
    """What pages are told.

    Args:
        live: texts, by what elements name in `data-live`.
        changed: what else changed, by topic, as elements name them in `data-on`, with a number
            that is another one after each change.
    """

    live: dict[str, str] = {}
    changed: dict[str, str] = {}


class Feed:
    """Server-sent events for all who are connected.

    Args:
        make: the news of now; called in a thread, once a second at most.
        period_s: between two looks.
        life_s: of a stream.
    """

    def __init__(
        self, make: Callable[[], News], period_s: float = PERIOD_S, life_s: float = LIFE_S
    ) -> None:
        self._make = make
        self._period_s = period_s
        self._life_s = life_s
        self._readers: dict[asyncio.Queue[bytes], str] = {}
        self._last = b""
        self._pump: asyncio.Task[None] | None = None
        self._closed = False

    def open(self, actor: str) -> AsyncIterator[bytes]:
        """The events for one more reader.

        Args:
            actor: who reads.

        Raises:
            UnavailableError: there are too many, of all or of this one, or the server ends.
        """
        if self._closed or len(self._readers) >= READERS_MAX:
            raise _too_many(f"At most {READERS_MAX} pages are kept up to date at once.")
        if list(self._readers.values()).count(actor) >= OF_ACTOR_MAX:
            raise _too_many(f"At most {OF_ACTOR_MAX} pages of one person are kept up to date.")
        return self._events(actor)

    async def _events(self, actor: str) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes] = asyncio.Queue(1)
        if self._last:
            queue.put_nowait(self._last)
        self._readers[queue] = actor
        now_s = asyncio.get_running_loop().time
        until_s = now_s() + self._life_s
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._run())
        try:
            while not self._closed and (left_s := until_s - now_s()) > 0:
                try:
                    event = await asyncio.wait_for(queue.get(), min(QUIET_S, left_s))
                except TimeoutError:
                    event = b": still here\n\n"
                if event:
                    yield event
        finally:
            del self._readers[queue]

    def close(self) -> None:
        """End all streams, so that the server can end."""
        self._closed = True
        if self._pump is not None:
            self._pump.cancel()
        for queue in self._readers:
            _replace(queue, b"")

    async def _run(self) -> None:
        while self._readers:
            try:
                news = await run_in_threadpool(self._make)
            except Exception as error:
                tell_error("feed_failed", error, "The pages' live values cannot be made.")
            else:
                event = b"data: " + msgspec.json.encode(news) + b"\n\n"
                if event != self._last:
                    self._last = event
                    for queue in self._readers:
                        _replace(queue, event)
            await asyncio.sleep(self._period_s)


def _too_many(message: str) -> UnavailableError:
    return UnavailableError(message, hint="This one is as it was when it was loaded.")


def _replace(queue: asyncio.Queue[bytes], event: bytes) -> None:
    """Put the newest event; a reader that is slow misses those between."""
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(event)
