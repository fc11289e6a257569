"""The stream of live values: one look for all who read, and the newest for who is slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from fairlead.console.feed import OF_ACTOR_MAX, READERS_MAX, Feed, News
from fairlead.errors import UnavailableError

PERIOD_S = 0.001


class Looks:
    """What is seen, one more each time."""

    def __init__(self) -> None:
        self.count = 0
        self.failing = False

    def __call__(self) -> News:
        self.count += 1
        if self.failing:
            raise RuntimeError("the store is gone")
        return News(live={"count": str(self.count)})


async def read(events: AsyncIterator[bytes]) -> int:
    event = await asyncio.wait_for(anext(events), 10)
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    return int(msgspec.json.decode(event[6:], type=News).live["count"])


def test_all_readers_are_told_the_same_and_nobody_looks_twice_for_them() -> None:
    async def run() -> None:
        looks = Looks()
        feed = Feed(looks, PERIOD_S)
        readers = [feed.open(f"user-{n}") for n in range(50)]
        first = await asyncio.gather(*(read(reader) for reader in readers))
        assert set(first) <= set(range(1, looks.count + 1))
        assert looks.count < len(readers)
        feed.close()

    asyncio.run(run())


def test_nobody_looks_while_nobody_reads() -> None:
    async def run() -> None:
        looks = Looks()
        feed = Feed(looks, PERIOD_S)
        assert looks.count == 0
        reader = feed.open("ann")
        await read(reader)
        await reader.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(20 * PERIOD_S)
        seen = looks.count
        await asyncio.sleep(20 * PERIOD_S)
        assert looks.count == seen
        later = feed.open("ann")
        told = [await read(later), await read(later)]
        assert told[1] > seen  # it goes on
        feed.close()

    asyncio.run(run())


def test_who_is_slow_is_told_the_newest() -> None:
    async def run() -> None:
        looks = Looks()
        feed = Feed(looks, PERIOD_S)
        slow, quick = feed.open("ann"), feed.open("ann")
        await read(slow)
        for _ in range(5):
            newest = await read(quick)
        assert await read(slow) >= newest - 1
        feed.close()

    asyncio.run(run())


def test_a_look_that_fails_ends_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    async def run() -> None:
        looks = Looks()
        feed = Feed(looks, PERIOD_S)
        reader = feed.open("ann")
        before = await read(reader)
        looks.failing = True
        until = looks.count + 3
        while looks.count < until:
            await asyncio.sleep(PERIOD_S)
        looks.failing = False
        while await read(reader) <= until:
            pass
        assert before < until
        feed.close()

    asyncio.run(run())
    assert "the store is gone" in capfd.readouterr().err


def test_an_end_is_an_end_for_all() -> None:
    async def run() -> None:
        feed = Feed(Looks(), PERIOD_S)
        reader = feed.open("ann")
        await read(reader)
        feed.close()
        rest = [event async for event in reader]
        assert len(rest) <= 1
        with pytest.raises(UnavailableError):
            feed.open("ann")

    asyncio.run(asyncio.wait_for(run(), 10))


def test_there_are_only_so_many_readers() -> None:
    async def run() -> None:
        feed = Feed(Looks(), 60.0)
        readers = [feed.open(f"user-{n}") for n in range(READERS_MAX)]
        first = [asyncio.ensure_future(anext(reader)) for reader in readers]
        await asyncio.gather(*first)
        with pytest.raises(UnavailableError, match=str(READERS_MAX)):
            feed.open("ann")
        feed.close()

    asyncio.run(run())


def test_one_person_does_not_take_what_others_read() -> None:
    async def run() -> None:
        feed = Feed(Looks(), 60.0)
        readers = [feed.open("ann") for _ in range(OF_ACTOR_MAX)]
        await asyncio.gather(*(read(reader) for reader in readers))
        with pytest.raises(UnavailableError, match=str(OF_ACTOR_MAX)):
            feed.open("ann")
        assert await read(feed.open("bob"))
        await readers[0].aclose()  # type: ignore[attr-defined]
        assert await read(feed.open("ann")), "one page was closed"
        feed.close()

    asyncio.run(run())


def test_a_stream_ends_by_itself_so_that_who_reads_is_asked_again_who_they_are() -> None:
    async def run() -> None:
        feed = Feed(Looks(), PERIOD_S, life_s=0.05)
        async for _ in feed.open("ann"):
            pass
        feed.close()
        feed = Feed(Looks(), PERIOD_S, life_s=60.0)
        assert await read(feed.open("ann")), "not before"
        feed.close()

    asyncio.run(asyncio.wait_for(run(), 10))
