"""The outbox: delivered at least once, in order, not for ever, and beside the loop."""

from __future__ import annotations

import os
import signal as signals
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.alerts import NOTIFICATIONS, ChannelSettings, Notification
from fairlead.alerts.compose import compose
from fairlead.alerts.courier import ATTEMPTS_MAX, BACKOFF_S_MAX, KEEP_US, Courier, Send, backoff_s
from fairlead.alerts.send import send
from fairlead.clock import ManualClock
from fairlead.errors import UnavailableError
from fairlead.store import ABSENT, Put, Store, open_store
from fairlead.store.memory import MemoryStore
from support.alerts import START_US, alert
from support.receivers import HANG, HttpReceiver
from support.waiting import PATIENCE_S, until

OPS = ChannelSettings(url="http://127.0.0.1:9/", allow_private=True)


class Post:
    """A courier over a store, and a clock that tests turn."""

    def __init__(self, send: Send, store: Store | None = None, **channels: ChannelSettings) -> None:
        self.store = store or MemoryStore()
        self.clock = ManualClock(START_US)
        self.courier = Courier(self.store, self.clock, channels or {"ops": OPS}, send)

    def add(self, number: int, channel: str = "ops", cause: str = "crm", **changes: Any) -> None:
        message = compose(cause, [alert("firing", subject=f"f{number}")], ())
        added = Notification(
            id=f"n{number:03d}", channel=channel, message=message, created_us=START_US,
            next_us=START_US, **changes,
        )  # fmt: skip
        self.store.commit(Put(NOTIFICATIONS, NOTIFICATIONS.key(added.id), added, ABSENT))

    def tick(self) -> None:
        """Tick until what was begun has ended and is on record."""
        self.courier.tick()
        self.courier.close(timeout_s=10)

    def waiting(self) -> list[Notification]:
        return [stored.value for stored in self.store.scan(NOTIFICATIONS)]


class Sink:
    """Takes notifications, or fails."""

    def __init__(self, *failures: Exception) -> None:
        self.taken: list[str] = []
        self.failures = list(failures)

    def __call__(self, _: ChannelSettings, notification: Notification, time_s: int) -> None:
        self.taken.append(notification.id)
        if self.failures:
            raise self.failures.pop(0)


def test_what_is_delivered_leaves_the_store_and_is_in_the_audit() -> None:
    sink = Sink()
    post = Post(sink)
    post.add(1)
    post.tick()
    assert (sink.taken, post.waiting()) == (["n001"], [])
    (event,) = post.store.events()
    assert (event.action, event.detail["attempts"]) == ("notification delivered", 1)


def test_what_fails_is_tried_again_later_and_later() -> None:
    sink = Sink(*[UnavailableError("No.")] * 3)
    post = Post(sink)
    post.add(1)
    waits = []
    for attempt in range(1, 4):
        post.tick()
        (waiting,) = post.waiting()
        assert (waiting.attempts, waiting.problem) == (attempt, "No.")
        waits.append((waiting.next_us - post.clock.now_us()) / 1e6)
        post.clock.advance(waits[-1] - 0.01)
        post.tick()
        assert len(sink.taken) == attempt, "not before its time"
        post.clock.advance(0.01)
    post.tick()
    assert post.waiting() == []
    assert [2.5 * 2**n <= wait <= 7.5 * 2**n for n, wait in enumerate(waits)] == [True] * 3


def test_back_off_is_bounded_and_spread() -> None:
    waits = [backoff_s("n", attempt) for attempt in range(1, 2000)]
    assert max(waits) <= 1.5 * BACKOFF_S_MAX
    assert min(waits[10:]) >= 0.5 * BACKOFF_S_MAX
    assert len({backoff_s(str(n), 1) for n in range(100)}) > 90


def test_attempts_are_bounded_and_what_is_dead_is_shown_for_a_while() -> None:
    sink = Sink(*[UnavailableError("No.")] * 99)
    post = Post(sink)
    post.add(1)
    for _ in range(ATTEMPTS_MAX + 5):
        post.tick()
        post.clock.advance(2 * BACKOFF_S_MAX)
    assert len(sink.taken) == ATTEMPTS_MAX
    (dead,) = post.waiting()
    assert (dead.state, dead.problem) == ("dead", "No.")
    (event,) = post.store.events()
    assert event.action == "notification given up"
    post.clock.advance(KEEP_US / 1e6)
    post.tick()
    assert post.waiting() == []


def test_a_failing_channel_raises_no_alert_and_holds_up_no_other() -> None:
    def fail_ops(_: ChannelSettings, notification: Notification, time_s: int) -> None:
        if notification.channel == "ops":
            raise OSError("No.")

    post = Post(fail_ops, ops=OPS, mail=OPS)
    post.add(1)
    post.add(2, channel="mail")
    post.tick()
    assert [n.channel for n in post.waiting()] == ["ops"], "and nothing new"


def test_of_one_cause_the_older_goes_first() -> None:
    """`resolved` must not be overtaken by `firing`."""
    sink = Sink(UnavailableError("No."))
    post = Post(sink)
    post.add(1)
    post.add(2)
    post.add(3, cause="other")
    for _ in range(3):
        post.tick()
    assert sink.taken == ["n001", "n003"]
    post.clock.advance(10)
    for _ in range(2):
        post.tick()
    assert sink.taken == ["n001", "n003", "n001", "n002"]


def test_a_channel_that_is_no_more_is_said_so() -> None:
    post = Post(Sink())
    post.add(1, channel="gone")
    post.tick()
    assert (post.waiting()[0].state, "no such channel" in post.waiting()[0].problem) == (
        "dead", True,
    )  # fmt: skip


def test_a_clock_that_was_set_back_makes_nobody_wait() -> None:
    sink = Sink(UnavailableError("No."))
    post = Post(sink)
    post.clock.advance(365 * 86_400)
    post.add(1)
    post.tick()
    post.clock.set(START_US)
    post.tick()
    assert sink.taken == ["n001", "n001"]


def test_a_fault_in_sending_is_a_failed_attempt() -> None:
    post = Post(Sink(ValueError("hush")))
    post.add(1)
    post.tick()
    assert post.waiting()[0].problem == "It failed with ValueError."


@pytest.fixture
def hanging() -> Iterator[HttpReceiver]:
    with HttpReceiver(HANG, 200) as receiver:
        yield receiver


def test_a_hanging_receiver_stalls_no_tick_and_no_other_channel(hanging: HttpReceiver) -> None:
    slow = ChannelSettings(url=hanging.url, allow_private=True, timeout_s=3)
    with HttpReceiver() as receiver:
        quick = ChannelSettings(url=receiver.url, allow_private=True)
        post = Post(send, ops=slow, quick=quick)
        post.add(1)
        post.add(2, channel="quick")
        begun_s = time.monotonic()
        post.courier.tick()
        post.courier.tick()
        assert time.monotonic() - begun_s < 2
        until(lambda: receiver.received, "the other channel's")
        until(lambda: hanging.received, "the first attempt")
        post.courier.tick()
        assert len(hanging.received) == 1, "one attempt at a time"
        post.courier.close(timeout_s=10)
        (waiting,) = post.waiting()
        assert "did not answer within 3 s" in waiting.problem
        post.clock.advance(60)
        post.tick()
    assert post.waiting() == []
    ids = {got.headers["webhook-id"] for got in hanging.received}
    assert (len(hanging.received), ids) == (2, {"n001"}), "a repetition is known by its id"


def test_a_receiver_that_recovers_gets_everything() -> None:
    with HttpReceiver(500, 503, 200) as receiver:
        post = Post(send, ops=ChannelSettings(url=receiver.url, allow_private=True))
        for number in range(3):
            post.add(number, cause=f"c{number}")
        for _ in range(12):
            post.tick()
            post.clock.advance(60)
    assert post.waiting() == []
    assert {got.headers["webhook-id"] for got in receiver.received} == {"n000", "n001", "n002"}


DIES = """
import os, signal, sys
from fairlead.alerts import AlertController, ChannelSettings
from fairlead.alerts.courier import Courier
from fairlead.clock import ManualClock
from fairlead.store import open_store
from support.alerts import START_US, rule, signal as heard

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

store, clock = open_store(sys.argv[1]), ManualClock(START_US)
rules = [rule(severity="page")]
AlertController(store, clock, lambda _: rules, {"ops": ["page"]}, 7).tick([heard()])
courier = Courier(store, clock, {"ops": ChannelSettings()}, die)
courier.tick()
courier.close(30)
"""


def test_what_was_killed_between_commit_and_delivery_is_delivered(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path / 'store.db'}"
    path = os.pathsep.join(filter(None, sys.path))
    ended = subprocess.run(
        [sys.executable, "-c", DIES, url], env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert ended.returncode == -signals.SIGKILL, ended.stderr
    store = open_store(url)
    with HttpReceiver() as receiver:
        channel = ChannelSettings(url=receiver.url, allow_private=True)
        post = Post(send, store, ops=channel)
        (left,) = post.waiting()
        assert left.attempts == 1
        post.tick()
        assert receiver.received == [], "its time has not come"
        post.clock.advance(10)
        post.tick()
    assert receiver.received[0].headers["webhook-id"] == left.id
    assert receiver.received[0].json["title"].startswith("[page] churn: error_rate is 0.9")
    assert post.waiting() == []
    store.close()


def test_what_kills_its_process_each_time_is_given_up() -> None:
    post = Post(Sink())
    post.add(1, attempts=ATTEMPTS_MAX)
    post.tick()
    assert post.waiting()[0].state == "dead"


def test_an_outcome_that_another_controller_noted_is_left_alone() -> None:
    go_on = threading.Event()

    def wait(*_: object) -> None:
        assert go_on.wait(10)

    post = Post(wait)
    post.add(1)
    post.courier.tick()
    (stored,) = post.store.scan(NOTIFICATIONS)
    post.store.commit(Put(NOTIFICATIONS, stored.key, stored.value, stored.revision))
    go_on.set()
    post.courier.close(10)
    assert len(post.waiting()) == 1
