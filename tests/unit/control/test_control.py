"""The controller's loop: one holder of the lease, and no tick that stops another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from fairlead.clock import ManualClock, SystemClock
from fairlead.control import Controller, view
from fairlead.control.controller import LEASE, LEASE_US
from fairlead.errors import ConflictError, StorageError
from fairlead.releases import Release, WorkerView
from fairlead.serving.types import FleetStatus, WorkerStatus
from fairlead.store.memory import MemoryStore
from support.routes import SIGNATURE, version
from support.waiting import until


class Count:
    """A tick that counts its calls, and may fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls = 0
        self.error = error

    def __call__(self) -> None:
        self.calls += 1
        if self.error is not None:
            raise self.error


@contextmanager
def running(controller: Controller) -> Iterator[None]:
    thread = threading.Thread(target=controller.run)
    thread.start()
    try:
        yield
    finally:
        controller.stop()
        thread.join(10)
        assert not thread.is_alive()


def more(count: Count, by: int = 2) -> Callable[[], bool]:
    start = count.calls
    return lambda: count.calls >= start + by


@pytest.mark.parametrize(
    "error", [StorageError("the disk is gone"), RuntimeError("a fault"), ConflictError("late")]
)
def test_a_tick_that_fails_is_called_again_and_keeps_no_other_from_its_work(
    error: Exception, capfd: pytest.CaptureFixture[str]
) -> None:
    bad, good = Count(error), Count()
    controller = Controller(MemoryStore(), "a", {"bad": bad, "good": good}, SystemClock())
    with running(controller):
        until(lambda: bad.calls > 1 and good.calls > 1, "ticks")
        if not isinstance(error, ConflictError):
            assert [problem.split(":")[0] for problem in controller.problems] == ["bad"]
        bad.error = None
        controller.wake()
        until(lambda: not controller.problems, "the end of the problem")
    assert "a caller" not in capfd.readouterr().err


def test_only_the_holder_of_the_lease_ticks_and_hands_it_over_when_it_stops() -> None:
    store, first, second = MemoryStore(), Count(), Count()
    holder = Controller(store, "a", {"t": first}, SystemClock())
    waiting = Controller(store, "b", {"t": second}, SystemClock())
    with running(holder):
        until(lambda: first.calls, "a tick of the first")
        with running(waiting):
            until(lambda: waiting.silent_s < 1, "a look of the second")
            assert second.calls == 0
            holder.stop()
            until(lambda: second.calls, "a tick of the second")


def test_a_holder_that_died_is_followed_when_its_lease_has_run_out() -> None:
    store, clock, count = MemoryStore(), ManualClock(), Count()
    assert store.acquire(LEASE, "dead", clock.now_us(), LEASE_US)
    controller = Controller(store, "b", {"t": count}, clock)
    with running(controller):
        until(lambda: controller.silent_s == 0, "a look")
        assert count.calls == 0
        clock.advance(LEASE_US / 1e6 + 1)
        until(lambda: count.calls, "a tick")


def test_it_ticks_when_the_store_changed_or_it_is_woken_and_rests_otherwise() -> None:
    store, clock, count = MemoryStore(), ManualClock(), Count()
    controller = Controller(store, "a", {"t": count}, clock)
    with running(controller):
        until(lambda: count.calls == 1, "the first tick")
        store.commit()
        until(lambda: count.calls == 2, "a tick after a change")
        controller.wake()
        until(lambda: count.calls == 3, "a tick after a call")
        clock.advance(2.0)
        until(lambda: count.calls == 4, "a tick after a while")


def test_a_store_that_is_gone_is_told_and_the_loop_goes_on() -> None:
    store, count = MemoryStore(), Count()
    controller = Controller(store, "a", {"t": count}, SystemClock())
    working = store.revision

    def broken() -> int:
        raise StorageError("the disk is gone")

    with running(controller):
        until(lambda: count.calls, "a tick")
        store.revision = broken  # type: ignore[method-assign]
        until(lambda: "store: the disk is gone" in controller.problems, "the problem")
        store.revision = working  # type: ignore[method-assign]
        until(lambda: not controller.problems, "the end of the problem")
        controller.wake()
        until(more(count), "further ticks")


def test_what_keeps_failing_at_once_does_not_eat_the_machine() -> None:
    late = Count(ConflictError("always"))
    controller = Controller(MemoryStore(), "a", {"t": late}, SystemClock())
    with running(controller):
        until(lambda: late.calls > 2, "ticks")
        before = late.calls
        ended = threading.Event()
        ended.wait(0.5)
        assert late.calls - before < 20


def test_a_draining_worker_is_not_waited_for() -> None:
    release = Release(
        id="r", endpoint="e", version=version(1), signature=SIGNATURE, actor="cli",
        created_us=0, changed_us=0,
    )  # fmt: skip
    fleet = FleetStatus(
        (
            WorkerStatus(worker=0, pid=1, routes={"e": 3}, versions={version(1).digest: "ready"}),
            WorkerStatus(worker=1, pid=2, draining=True),
            WorkerStatus(worker=2, pid=3),
        )
    )
    assert view(fleet, release) == [WorkerView(0, 3, "ready"), WorkerView(2, 0, "absent")]


def test_a_tick_called_alone_at_the_end_may_fail(capfd: pytest.CaptureFixture[str]) -> None:
    bad, good = Count(StorageError("the disk is full")), Count()
    controller = Controller(MemoryStore(), "a", {"bad": bad, "good": good}, ManualClock())
    controller.once("bad")
    assert (bad.calls, good.calls) == (1, 0)
    assert "the disk is full" in capfd.readouterr().err
