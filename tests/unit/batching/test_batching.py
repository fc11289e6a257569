"""Micro-batches: everything once, in order, within bounds, whatever fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.batching import Batcher, take
from fairlead.errors import UnavailableError


@dataclass(frozen=True)
class Item:
    name: int
    rows: int = 1


class Log:
    """A model that notes its batches; may wait and may fail."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.finished: list[int] = []
        self.gate: threading.Event | None = None
        self.fails_on: int | None = None

    def run(self, items: list[Item]) -> int:
        if self.gate is not None:
            assert self.gate.wait(10)
        self.batches.append([item.name for item in items])
        return sum(item.rows for item in items)

    def finish(self, items: list[Item], rows: int) -> None:
        assert rows == sum(item.rows for item in items)
        self.finished += [item.name for item in items]
        if self.fails_on in [item.name for item in items]:
            raise RuntimeError("finishing failed")


def play(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not look():
            await asyncio.sleep(0)


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 60))
def test_a_batch_is_the_longest_prefix_that_fits_and_never_empty(
    rows: list[int], most: int
) -> None:
    count = take(rows, most)
    assert (count == 0) == (not rows)
    if count > 1:
        assert sum(rows[:count]) <= most
    if 0 < count < len(rows):
        assert sum(rows[: count + 1]) > most


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(1, 12))
def test_every_item_runs_once_and_in_order(rows: list[int], most: int) -> None:
    log = Log()

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        batcher = Batcher[Item, int](
            loop, log.run, log.finish, rows_max=most, queue_rows_max=10_000
        )
        for name, count in enumerate(rows):
            batcher.submit(Item(name, count))
        assert batcher.queued_rows == sum(rows)
        await until(lambda: len(log.finished) == len(rows))
        assert batcher.queued_rows == 0

    play(scenario)
    assert log.finished == list(range(len(rows)))
    assert [name for batch in log.batches for name in batch] == log.finished


def test_what_arrives_while_a_batch_runs_runs_together() -> None:
    log = Log()

    async def scenario() -> None:
        gate = log.gate = threading.Event()
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher[Item, int](
                asyncio.get_running_loop(), log.run, log.finish,
                rows_max=64, queue_rows_max=100, executor=executor,
            )  # fmt: skip
            batcher.submit(Item(0))
            await until(lambda: batcher.queued_rows == 0)
            for name in range(1, 6):
                batcher.submit(Item(name))
                await asyncio.sleep(0)
            gate.set()
            await until(lambda: len(log.finished) == 6)

    play(scenario)
    assert log.batches == [[0], [1, 2, 3, 4, 5]]


def test_a_full_queue_says_when_to_come_again() -> None:
    log = Log()

    async def scenario() -> None:
        batcher = Batcher[Item, int](
            asyncio.get_running_loop(), log.run, log.finish, rows_max=4, queue_rows_max=10
        )
        batcher.submit(Item(0, 6))
        batcher.submit(Item(1, 4))
        with pytest.raises(UnavailableError) as refused:
            batcher.submit(Item(2, 1))
        assert refused.value.retry_after_s > 0
        await until(lambda: log.finished == [0, 1])
        batcher.submit(Item(3, 50))
        await until(lambda: log.finished == [0, 1, 3])

    play(scenario)


@pytest.mark.parametrize("threaded", [False, True])
def test_a_batch_whose_end_fails_stops_no_other(threaded: bool) -> None:
    log = Log()
    told: list[object] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
        with ThreadPoolExecutor(1) as executor:
            log.fails_on = 0
            batcher = Batcher[Item, int](
                loop, log.run, log.finish, rows_max=1, queue_rows_max=10,
                executor=executor if threaded else None,
            )  # fmt: skip
            batcher.submit(Item(0))
            batcher.submit(Item(1))
            await until(lambda: log.finished == [0, 1])
            batcher.submit(Item(2))
            await until(lambda: log.finished == [0, 1, 2])

    play(scenario)
    assert [str(error) for error in told] == ["finishing failed"]


def test_other_work_of_the_loop_gets_its_turn_between_batches() -> None:
    log = Log()
    turns: list[int] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        batcher = Batcher[Item, int](loop, log.run, log.finish, rows_max=1, queue_rows_max=100)
        for name in range(20):
            batcher.submit(Item(name))
        while len(log.finished) < 20:
            turns.append(len(log.finished))
            await asyncio.sleep(0)

    play(scenario)
    assert len(turns) >= 20
