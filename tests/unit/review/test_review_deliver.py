"""A decision becomes feedback once, whenever the process dies; and who waits for it is told."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.alerts import NOTIFICATIONS
from fairlead.clock import ManualClock
from fairlead.errors import ConflictError, StorageError
from fairlead.ids import IdSource
from fairlead.predictionlog.attempts import RETRY_S
from fairlead.predictionlog.read import feedback
from fairlead.review import PLACES, TASKS
from fairlead.review.book import ReviewBook
from fairlead.review.collect import Collector
from fairlead.review.deliver import Deliverer
from fairlead.review.sweep import SWEEP_US
from fairlead.review.tally import TALLIES
from fairlead.review.types import KEEP_US, media_key
from fairlead.signature import Field, Signature
from fairlead.store import open_blobs, open_store
from support.log import Crash, Crashing, Log, open_log
from support.review import enter, name, put_route, route, rows

GRACE_S = 10.0


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with open_log(tmp_path) as log:
        put_route(log.store, route(mode="shadow"))
        yield log


def deliverer(log: Log, store: Any = None, channels: tuple[str, ...] = ()) -> Deliverer:
    return Deliverer(store or log.store, log.blobs, log.folder, log.clock, lambda _: channels)


def decide(log: Log, *numbers: int, value: object = "left", reviewer: str = "ada") -> None:
    book = ReviewBook(log.store, log.clock)
    book.decide_all([(name(number), value) for number in numbers], reviewer)


def said(log: Log) -> list[tuple[str, str, str, str]]:
    """All feedback on the log: of what, its name, its text, its source."""
    table = feedback(log.store, log.blobs, log.folder, "churn").collect()
    return sorted(table.select("prediction_id", "name", "text", "source").rows())


def test_a_decision_is_feedback_after_a_grace_and_leaves_the_line(log: Log) -> None:
    enter(log.store, 1, 2)
    decide(log, 1)
    ours = deliverer(log)
    log.clock.advance(GRACE_S - 0.1)
    ours.tick()
    assert said(log) == []
    log.clock.advance(0.1)
    ours.tick()
    ours.tick()
    assert said(log) == [
        (name(1), "decision", "left", "review"), (name(1), "label", "left", "review")
    ]  # fmt: skip
    done, left = (log.store.get(TASKS, TASKS.key(name(n))) for n in (1, 2))
    assert done is not None
    assert left is not None
    assert (done.value.state, left.value.state) == ("delivered", "open")
    assert [stored.value.id for stored in log.store.scan(PLACES)] == [name(2)]


def test_what_was_undone_is_not_delivered_and_what_leaves_is_not_undone(log: Log) -> None:
    enter(log.store, 1)
    decide(log, 1)
    book, ours = ReviewBook(log.store, log.clock), deliverer(log)
    ours.tick()
    book.undo("churn", "ada")
    log.clock.advance(GRACE_S)
    ours.tick()
    assert said(log) == []
    decide(log, 1, value="stayed")
    log.clock.advance(GRACE_S)
    ours.tick()
    assert [text for _, _, text, _ in said(log)] == ["stayed", "stayed"]
    with pytest.raises(ConflictError, match="no decision of yours"):
        book.undo("churn", "ada")


def test_one_that_is_undone_while_it_leaves_holds_up_no_other(log: Log) -> None:
    enter(log.store, 1, 2)
    decide(log, 1, reviewer="bob")
    decide(log, 2)
    log.clock.advance(GRACE_S)

    class Undone:
        """A store in which bob undoes when the first decision is about to leave."""

        undone = False

        def __getattr__(self, attribute: str) -> Any:
            return getattr(log.store, attribute)

        def commit(self, *changes: Any, **more: Any) -> int:
            if not self.undone:
                self.undone = True
                ReviewBook(log.store, log.clock).undo("churn", "bob")
            return log.store.commit(*changes, **more)

    deliverer(log, Undone()).tick()
    assert {one for one, *_ in said(log)} == {name(2)}
    (place,) = log.store.scan(PLACES)
    assert (place.value.id, place.value.is_leaving) == (name(1), False)


def test_what_cannot_be_delivered_at_one_endpoint_holds_up_no_other(log: Log) -> None:
    enter(log.store, 1)
    put_route(log.store, route("loans", mode="shadow"))
    enter(log.store, 2, queue="loans", endpoint="loans")
    decide(log, 1, 2)
    log.clock.advance(GRACE_S)
    asked: list[str] = []

    def channels(endpoint: str) -> list[str]:
        asked.append(endpoint)
        if endpoint == "churn" and len(asked) < 3:
            raise RuntimeError("no such settings")
        return []

    ours = Deliverer(log.store, log.blobs, log.folder, log.clock, channels)
    for _ in range(2):
        with pytest.raises(StorageError, match="The decisions of churn cannot be delivered"):
            ours.tick()
    assert asked == ["churn", "loans"]  # it is not tried all the time
    assert [stored.value.id for stored in log.store.scan(PLACES)] == [name(1)]
    log.clock.advance(RETRY_S)
    ours.tick()
    assert log.store.scan(PLACES) == []
    assert [what for _, what, _, _ in said(log)] == ["decision", "label"]


def test_where_the_model_has_no_answer_of_one_value_nothing_is_called_a_label(log: Log) -> None:
    outputs = tuple(Field(name=n, kind="number") for n in ("a", "b"))
    put_route(log.store, route(mode="human", signature=Signature(inputs=(), outputs=outputs)))
    enter(log.store, 1, guess=None)
    decide(log, 1, value="a person's words")
    log.clock.advance(GRACE_S)
    deliverer(log).tick()
    assert said(log) == [(name(1), "decision", "a person's words", "review")]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("left", range(3))
def test_killed_at_any_commit_it_is_on_the_log_once(log: Log, left: int, after: bool) -> None:
    enter(log.store, 1, 2)
    decide(log, 1, 2)
    log.clock.advance(GRACE_S)
    with pytest.raises(Crash):
        deliverer(log, Crashing(log.store, "commit", left, after)).tick()
    deliverer(log).tick()
    assert [(one, what) for one, what, _, _ in said(log)] == [
        (name(n), what) for n in (1, 2) for what in ("decision", "label")
    ]
    (tally,) = (stored.value for stored in log.store.scan(TALLIES))
    assert (tally.pending.rows, tally.pending.agreed) == (2, 2)
    assert log.store.scan(PLACES) == []


def _die_between(folder: str, now_us: int) -> None:
    """Deliver, and be killed when the decision is on the log and nothing notes it."""
    store, clock = open_store(f"sqlite://{folder}/store.db"), ManualClock(now_us)

    class Killed:
        def __getattr__(self, attribute: str) -> Any:
            return getattr(store, attribute)

        def commit(self, *changes: Any, **more: Any) -> int:
            if any(change.key.startswith("tally/") for change in changes):
                os.kill(os.getpid(), signal.SIGKILL)
            return store.commit(*changes, **more)

    blobs = open_blobs(f"file://{folder}/blobs")
    Deliverer(Killed(), blobs, Path(folder) / "journals", clock, lambda _: ()).tick()


def test_kill_9_between_writing_and_noting(log: Log, tmp_path: Path) -> None:
    enter(log.store, 1)
    decide(log, 1)
    log.clock.advance(GRACE_S)
    spawned = multiprocessing.get_context("spawn").Process(
        target=_die_between, args=(str(tmp_path), log.clock.now_us())
    )
    spawned.start()
    spawned.join(60)
    assert spawned.exitcode == -signal.SIGKILL
    assert len(said(log)) == 2
    deliverer(log).tick()
    assert len(said(log)) == 2
    log.sealer().tick()
    stored = log.store.get(TASKS, TASKS.key(name(1)))
    assert stored is not None
    assert stored.value.state == "delivered"


def test_channels_are_told_once_of_each_decision(log: Log) -> None:
    enter(log.store, 1)
    decide(log, 1, value="stayed")
    log.clock.advance(GRACE_S)
    ours = deliverer(log, channels=("callers",))
    ours.tick()
    ours.tick()
    (one,) = (stored.value for stored in log.store.scan(NOTIFICATIONS))
    assert (one.channel, one.message.event) == ("callers", "decision")
    assert one.message.detail["id"] == name(1)
    assert one.message.detail["decision"] == "stayed"
    assert one.message.detail["decided_by"] == "ada"


def test_what_each_did_is_counted(log: Log) -> None:
    enter(log.store, 1, 2, 3)
    book = ReviewBook(log.store, log.clock)
    for number, value in ((1, "left"), (2, "stayed"), (3, "left")):
        book.decide(name(number), value, "ada")
        log.clock.advance(60)
    deliverer(log).tick()
    ada = book.queues.reviewer("churn", "ada")
    assert (ada.decided, ada.compared, ada.agreed) == (3, 3, 2)
    assert ada.per_hour == pytest.approx(60.0)
    (tally,) = (stored.value for stored in log.store.scan(TALLIES))
    assert tally.pending.labels == {"left": {"left": 2}, "stayed": {"left": 1}}


def test_a_sweep_leaves_the_pictures_that_are_needed_yet(log: Log) -> None:
    enter(log.store, 1)
    enter(log.store, 2, decision="left", decided_us=1, delivered_us=log.clock.now_us())
    waiting = IdSource(log.clock).one()
    log.writer().append(rows(5))
    log.sealer().tick(everything=True)
    for task in (name(1), name(2), name(3), waiting):
        log.blobs.put(media_key(task, "scan"), b"picture")
    log.clock.advance(3 * SWEEP_US / 1e6)
    deliverer(log).tick()  # 2: its process died before it let go; 3: it never became a task
    assert log.blobs.keys("review/") == [media_key(one, "scan") for one in (name(1), waiting)]
    collector = Collector(log.store, log.blobs, log.folder, log.clock)
    collector.tick()
    deliverer(log).tick()
    assert log.blobs.keys("review/") == [media_key(name(1), "scan")]


def test_pictures_are_let_go_of_and_tasks_forgotten_in_the_end(log: Log) -> None:
    signature = Signature(
        inputs=(Field(name="scan", kind="image"),),
        outputs=(Field(name="label", kind="category", categories=("left", "stayed")),),
        task="classification",
    )
    put_route(log.store, route(mode="shadow", signature=signature))
    enter(log.store, 1, 2)
    log.blobs.put(media_key(name(1), "scan"), b"picture")
    decide(log, 1)
    log.clock.advance(GRACE_S)
    deliverer(log).tick()
    assert log.blobs.keys("review/") == []
    log.clock.advance(KEEP_US / 1e6 + 1)
    deliverer(log).tick()
    assert [stored.value.id for stored in log.store.scan(TASKS)] == [name(2)]
