"""Items of one turn, or that arrive while a batch runs, run together; nobody waits for a timer."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.batching import Batcher, Lane, take
from fairlead.errors import UnavailableError


@dataclass(frozen=True)
class Item:
    """A request of some rows."""

    name: int
    rows: int = 1


class Turns:
    """A loop that makes one turn when it is told to."""

    def __init__(self) -> None:
        self._due: deque[Callable[[], object]] = deque()

    def call_soon(self, callback: Callable[..., object], *args: object) -> None:
        self._due.append(lambda: callback(*args))

    def turn(self) -> None:
        """Call what was due when the turn began."""
        due, self._due = self._due, deque()
        for callback in due:
            callback()

    def settle(self) -> None:
        while self._due:
            self.turn()

    @property
    def idle(self) -> bool:
        return not self._due


class Bench:
    """A batcher on a loop, and all that it did.

    Args:
        rows_max: of a batch.
        queue_rows_max: waiting.
    """

    def __init__(self, rows_max: int = 8, queue_rows_max: int = 100) -> None:
        self.loop = Turns()
        self.batches: list[list[int]] = []
        self.finished: list[tuple[int, int]] = []
        self.failing: set[int] = set()
        loop: Any = self.loop
        self.batcher: Batcher[Item, list[int]] = Batcher(
            loop, self._run, self._finish, rows_max=rows_max, queue_rows_max=queue_rows_max
        )

    def _run(self, items: list[Item]) -> list[int]:
        self.batches.append([item.name for item in items])
        if self.failing & {item.name for item in items}:
            raise RuntimeError("the model broke its promise")
        return [item.name * 10 for item in items]

    def _finish(self, items: list[Item], results: list[int]) -> None:
        self.finished += zip((item.name for item in items), results, strict=True)

    def submit(self, *names: int, rows: int = 1) -> None:
        for name in names:
            self.batcher.submit(Item(name, rows))


def test_items_of_one_turn_share_a_batch_and_get_their_own_results() -> None:
    bench = Bench()
    bench.submit(1, 2, 3)
    assert bench.batches == []
    bench.loop.turn()
    assert bench.batches == [[1, 2, 3]]
    assert bench.finished == [(1, 10), (2, 20), (3, 30)]
    bench.loop.settle()
    bench.submit(4)
    bench.loop.turn()
    assert bench.batches == [[1, 2, 3], [4]]


def test_a_lone_item_runs_in_the_turn_that_follows() -> None:
    bench = Bench()
    bench.submit(1)
    bench.loop.turn()
    assert bench.finished == [(1, 10)]
    bench.loop.turn()
    assert bench.loop.idle


def test_a_batch_holds_no_more_rows_than_allowed_and_other_work_gets_its_turn_between() -> None:
    bench = Bench(rows_max=4)
    bench.submit(1, 2, 3, 4, 5, rows=2)
    seen: list[list[list[int]]] = []
    bench.loop.call_soon(lambda: seen.append(list(bench.batches)))
    bench.loop.turn()
    assert seen == [[[1, 2]]]
    bench.loop.settle()
    assert bench.batches == [[1, 2], [3, 4], [5]]
    assert bench.batcher.queued_rows == 0


def test_an_item_larger_than_a_batch_runs_alone() -> None:
    bench = Bench(rows_max=4, queue_rows_max=4)
    bench.submit(1, rows=50)
    with pytest.raises(UnavailableError):
        bench.submit(2)
    bench.loop.settle()
    bench.submit(2)
    bench.loop.settle()
    assert bench.batches == [[1], [2]]


def test_a_full_queue_refuses_and_takes_again_when_it_has_run() -> None:
    bench = Bench(rows_max=2, queue_rows_max=5)
    bench.submit(1, 2, 3, 4, 5)
    assert bench.batcher.queued_rows == 5
    with pytest.raises(UnavailableError) as refused:
        bench.submit(6)
    assert refused.value.retry_after_s > 0
    bench.loop.turn()
    assert bench.batcher.queued_rows == 3
    bench.submit(7, 8)
    with pytest.raises(UnavailableError):
        bench.submit(9)
    bench.loop.settle()
    assert [name for name, _ in bench.finished] == [1, 2, 3, 4, 5, 7, 8]


def test_a_run_that_raises_does_not_stop_the_batches_after_it() -> None:
    bench = Bench(rows_max=2)
    bench.failing = {1}
    bench.submit(1, 2, 3)
    with pytest.raises(RuntimeError):
        bench.loop.turn()
    bench.submit(4)
    bench.loop.settle()
    assert bench.finished == [(3, 30), (4, 40)]
    bench.submit(5)
    bench.loop.settle()
    assert bench.finished[-1] == (5, 50)


@given(rows=st.lists(st.integers(0, 9), max_size=9), rows_max=st.integers(1, 12))
def test_take_fills_a_batch_and_never_overfills_it(rows: list[int], rows_max: int) -> None:
    count = take(rows, rows_max)
    assert bool(count) == bool(rows)
    assert count <= 1 or sum(rows[:count]) <= rows_max
    assert count == len(rows) or sum(rows[: count + 1]) > rows_max


@given(
    turns=st.lists(st.lists(st.integers(1, 6), max_size=5), max_size=6),
    rows_max=st.integers(1, 8),
    queue_rows_max=st.integers(1, 20),
)
def test_every_item_taken_on_runs_exactly_once_and_in_order(
    turns: list[list[int]], rows_max: int, queue_rows_max: int
) -> None:
    bench = Bench(rows_max, queue_rows_max)
    rows_of: dict[int, int] = {}
    for sizes in turns:
        for rows in sizes:
            name = len(rows_of)
            try:
                bench.batcher.submit(Item(name, rows))
            except UnavailableError:
                assert bench.batcher.queued_rows + rows > queue_rows_max
                continue
            rows_of[name] = rows
        bench.loop.turn()
    bench.loop.settle()
    assert [name for batch in bench.batches for name in batch] == list(rows_of)
    assert bench.finished == [(name, name * 10) for name in rows_of]
    for batch in bench.batches:
        assert len(batch) == 1 or sum(rows_of[name] for name in batch) <= rows_max


class Gated:
    """A run that waits on its thread until it is let through."""

    def __init__(self) -> None:
        self.started: list[Sequence[int]] = []
        self.threads: set[int] = set()
        self.gate = threading.Semaphore(0)
        self.failing = False

    def __call__(self, items: list[Item]) -> str:
        self.threads.add(threading.get_ident())
        self.started.append([item.name for item in items])
        assert self.gate.acquire(timeout=10)
        if self.failing:
            raise RuntimeError("the model broke its promise")
        return "done"


def test_what_arrives_while_a_batch_runs_on_a_thread_runs_together_next() -> None:
    run = Gated()
    answered: list[int] = []

    async def scenario(lane: Lane) -> None:
        loop = asyncio.get_running_loop()
        loop_thread = threading.get_ident()
        everyone = asyncio.Event()

        def finish(items: list[Item], result: str) -> None:
            assert (result, threading.get_ident()) == ("done", loop_thread)
            answered.extend(item.name for item in items)
            if len(answered) == 4:
                everyone.set()

        batcher: Batcher[Item, str] = Batcher(
            loop, run, finish, rows_max=8, queue_rows_max=100, lane=lane
        )
        batcher.submit(Item(1))
        await asyncio.sleep(0)  # the turn in which the first batch starts
        for name in (2, 3, 4):
            batcher.submit(Item(name))
            await asyncio.sleep(0)
        assert (answered, batcher.queued_rows) == ([], 3)
        run.gate.release(2)
        await asyncio.wait_for(everyone.wait(), timeout=10)
        assert loop_thread not in run.threads

    with closing(Lane(0)) as lane:
        asyncio.run(scenario(lane))
    assert run.started == [[1], [2, 3, 4]]
    assert answered == [1, 2, 3, 4]


def test_a_run_that_raises_on_its_thread_is_told_to_the_loop_and_the_next_one_runs() -> None:
    run = Gated()
    run.failing = True
    told: list[BaseException] = []

    async def scenario(lane: Lane) -> None:
        loop = asyncio.get_running_loop()
        second, failed = asyncio.Event(), asyncio.Event()

        def tell(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            told.append(context["exception"])
            run.failing = False
            failed.set()

        loop.set_exception_handler(tell)
        batcher: Batcher[Item, str] = Batcher(
            loop, run, lambda *_: second.set(), rows_max=8, queue_rows_max=9, lane=lane
        )
        batcher.submit(Item(1))
        run.gate.release()
        await asyncio.wait_for(failed.wait(), timeout=10)
        batcher.submit(Item(2))
        run.gate.release()
        await asyncio.wait_for(second.wait(), timeout=10)

    with closing(Lane(0)) as lane:
        asyncio.run(scenario(lane))
    assert run.started == [[1], [2]]
    assert [type(error) for error in told] == [RuntimeError]


def test_a_batch_of_many_rows_runs_on_a_thread_and_the_loop_goes_on() -> None:
    async def scenario(lane: Lane) -> None:
        loop, here = asyncio.get_running_loop(), threading.get_ident()
        threads: list[tuple[list[int], bool]] = []

        def noted(items: list[Item]) -> list[int]:
            if threading.get_ident() != here:
                assert let_go.wait(10)
            names = [item.name for item in items]
            threads.append((names, threading.get_ident() == here))
            return names

        done: list[int] = []
        let_go = threading.Event()
        batcher, other = (
            Batcher[Item, list[int]](
                loop, noted, lambda _, names: done.extend(names), rows_max=8, queue_rows_max=100,
                lane=lane,
            )
            for _ in range(2)
        )  # fmt: skip
        batcher.submit(Item(1, rows=4))
        await until(lambda: done == [1])
        for item in Item(2, rows=5), Item(3), Item(4, rows=9):
            batcher.submit(item)
        await asyncio.sleep(0)
        batcher.submit(Item(5))
        other.submit(Item(6))  # asks the same model, which is asked by one thread at a time
        await asyncio.sleep(0)
        assert done == [1]
        let_go.set()
        await until(lambda: len(done) == 6)
        batcher.submit(Item(7))
        await until(lambda: len(done) == 7)
        assert [name for name in done if name != 6] == [1, 2, 3, 4, 5, 7]
        assert threads[0] == ([1], True)
        assert threads[1] == ([2, 3], False)
        assert ([6], False) in threads
        assert ([4], False) in threads
        assert threads[-1] == ([7], True)

    with closing(Lane(4)) as lane:
        asyncio.run(scenario(lane))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0)
