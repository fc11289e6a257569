"""What waits on the log comes into its queue: soon, once, and no more than there is room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead.predictionlog.segments import SEGMENTS
from fairlead.review import PLACES, TASKS, Task
from fairlead.review.collect import Collector
from fairlead.review.gather import is_audited, with_modes
from fairlead.review.show import shown
from fairlead.review.tally import TALLIES
from fairlead.review.types import media_key
from fairlead.signature import Batch, Field
from fairlead.store import Delete
from support.log import Crash, Crashing, Log, open_log
from support.review import SIGNATURE, name, put_route, route, rows

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with open_log(tmp_path) as log:
        yield log


def collector(log: Log, store: Any = None, open_max: int = 100) -> Collector:
    return Collector(store or log.store, log.blobs, log.folder, log.clock, open_max)


def seal(log: Log) -> None:
    log.sealer().tick(everything=True)


def tasks(log: Log) -> list[Task]:
    return [stored.value for stored in log.store.scan(TASKS)]


def ids(log: Log) -> list[str]:
    return [task.id for task in tasks(log)]


def test_a_row_waits_for_no_file(log: Log) -> None:
    put_route(log.store, route(mode="shadow"))
    writer = log.writer()
    writer.append(rows(1, 2))
    ours = collector(log)
    ours.tick()
    assert ids(log) == [name(1), name(2)]
    writer.append(rows(3))
    ours.tick()
    seal(log)
    ours.tick()
    collector(log).tick()
    assert ids(log) == [name(1), name(2), name(3)]
    writer.close()


def test_a_task_shows_what_was_asked_and_guessed(log: Log) -> None:
    put_route(log.store, route(mode="assist", queue="team"))
    log.writer().append(rows(7, mode="assist"))
    collector(log).tick()
    (task,) = tasks(log)
    assert (task.endpoint, task.queue, task.version) == ("churn", "team", "churn:1")
    assert (task.inputs, task.guess) == ({"x": 7.0}, {"label": "left"})
    assert (task.mode, task.reason, task.state) == ("assist", "pending", "open")
    assert log.store.get(PLACES, PLACES.key("team", task.id)) is not None


@pytest.mark.parametrize(
    "fields",
    [{"outcome": "model_error", "outputs": None}, {"source": "human", "outputs": None}],
)
def test_where_the_model_says_nothing_there_is_no_guess(log: Log, fields: dict[str, Any]) -> None:
    put_route(log.store, route(mode="human"))
    log.writer().append(rows(1, **fields))
    collector(log).tick()
    assert [task.guess for task in tasks(log)] == [None]


def test_what_the_model_decides_is_nobodys_but_for_the_sample(log: Log) -> None:
    put_route(log.store, route(mode="partial", auto_if="confidence > 0.9", audit=0.3))
    writer = log.writer()
    writer.append(rows(0, 200, decided_by="model"))
    writer.append(rows(200, 5))
    writer.append(rows(205, 5, decided_by="model", assigned_by="override"))
    writer.append(rows(210, 5, decided_by="model", role="shadow"))
    collector(log).tick()
    audited = {name(n) for n in range(200) if is_audited(name(n), 0.3)}
    found = {task.id: task.reason for task in tasks(log)}
    assert 30 < len(audited) < 90
    assert found == dict.fromkeys(audited, "audit") | {name(n): "pending" for n in range(200, 205)}


def test_a_model_that_decides_all_is_audited(log: Log) -> None:
    put_route(log.store, route(mode="full", audit=1.0))
    log.writer().append(rows(1, 2, decided_by=None))
    collector(log).tick()
    assert [task.reason for task in tasks(log)] == ["audit", "audit"]


def test_without_people_nothing_is_asked(log: Log) -> None:
    put_route(log.store, route())
    log.writer().append(rows(1, decided_by=None))
    seal(log)
    ours = collector(log)
    ours.tick()
    assert tasks(log) == []
    assert all(ours.is_read(stored.key) for stored in log.store.scan(SEGMENTS))


def test_what_waited_when_the_model_was_left_all_waits_on(log: Log) -> None:
    put_route(log.store, route())
    writer = log.writer()
    writer.append(rows(1))
    writer.append(rows(2, decided_by=None))
    seal(log)
    collector(log).tick()
    assert ids(log) == [name(1)]


@pytest.mark.parametrize("mode", ["shadow", None])
def test_what_was_asked_unseen_stays_unseen_when_people_are_assisted_later(
    log: Log, mode: str | None
) -> None:
    put_route(log.store, route(mode="shadow"))
    log.writer().append(rows(1, 3, mode=mode))
    seal(log)
    put_route(log.store, route(mode="assist"))
    collector(log).tick()
    assert {(task.mode, shown(task).guess is None) for task in tasks(log)} == {("shadow", True)}
    (tally,) = (stored.value for stored in log.store.scan(TALLIES))
    assert (tally.mode, tally.rows) == ("shadow", 3)


def test_files_of_before_the_mode_was_kept_are_read(log: Log) -> None:
    put_route(log.store, route(mode="assist"))
    log.writer().append(rows(1, 2))
    seal(log)
    (segment,) = log.store.scan(SEGMENTS)
    file = log.blobs.locate(segment.value.blob)
    old = pl.read_parquet(file).drop("mode")
    old.write_parquet(file)
    collector(log).tick()
    assert [task.mode for task in tasks(log)] == ["shadow", "shadow"]
    assert with_modes(old.drop("decided_by")).is_empty()


def test_rows_count_to_the_mode_that_they_were_asked_in(log: Log) -> None:
    put_route(log.store, route(mode="full", audit=1.0))
    writer = log.writer()
    writer.append(rows(1, 3, mode="partial"))
    writer.append(rows(4, 2, decided_by="model", mode="partial"))
    writer.append(rows(6, 4, decided_by=None, mode="full"))
    collector(log).tick()
    seal(log)
    collector(log).tick()
    found = Counter((task.mode, task.reason) for task in tasks(log))
    assert found == {("partial", "pending"): 3, ("partial", "audit"): 2, ("full", "audit"): 4}
    tallies = {stored.value.mode: stored.value for stored in log.store.scan(TALLIES)}
    assert {mode: (one.rows, one.by_model) for mode, one in tallies.items()} == {
        "partial": (5, 2), "full": (4, 4)
    }  # fmt: skip


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_a_sample_that_grows_loses_nobody(number: int, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert not is_audited(name(number), less) or is_audited(name(number), more)


def test_what_has_no_room_stays_on_the_log_until_there_is(log: Log) -> None:
    put_route(log.store, route(mode="shadow"))
    log.writer().append(rows(1, 25))
    seal(log)
    (segment,) = log.store.scan(SEGMENTS)
    ours = collector(log, open_max=10)
    found: set[str] = set()
    for expected in (10, 20, 25):
        ours.tick()
        assert len(ids(log)) == expected
        assert ours.is_read(segment.key) == (expected == 25)
        for stored in log.store.scan(PLACES):
            found.add(stored.value.id)
            log.store.commit(Delete(stored.key, None))
    assert found == {name(n) for n in range(1, 26)}


def test_without_room_the_store_is_not_asked_of_each_row(log: Log) -> None:
    put_route(log.store, route(mode="shadow"))
    writer = log.writer()
    writer.append(rows(1, 2))
    asked: list[str] = []

    class Counting:
        def __getattr__(self, attribute: str) -> Any:
            return getattr(log.store, attribute)

        def get(self, kind: Any, key: str) -> Any:
            asked.append(key)
            return log.store.get(kind, key)

    ours = collector(log, Counting(), open_max=2)
    ours.tick()
    assert TASKS.key(name(1)) in asked
    asked.clear()
    writer.append(rows(3, 50))
    seal(log)
    ours.tick()
    assert not [key for key in asked if key.startswith(TASKS.key(""))]
    for stored in log.store.scan(PLACES):
        log.store.commit(Delete(stored.key, None))
    collector(log).tick()
    assert ids(log) == [name(n) for n in range(1, 53)]


def test_an_audit_waits_for_no_room(log: Log) -> None:
    put_route(log.store, route(mode="full", audit=1.0))
    log.writer().append(rows(1, 25, decided_by="model"))
    seal(log)
    ours = collector(log, open_max=10)
    ours.tick()
    assert len(ids(log)) == 10
    assert all(ours.is_read(stored.key) for stored in log.store.scan(SEGMENTS))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("left", range(4))
def test_killed_at_any_commit_nothing_is_lost_or_counted_twice(
    log: Log, left: int, after: bool
) -> None:
    put_route(log.store, route(mode="partial", auto_if="confidence > 0.9"))
    writer = log.writer()
    writer.append(rows(1, 250, mode="partial"))
    writer.append(rows(300, 50, decided_by="model", mode="partial"))
    seal(log)
    with pytest.raises(Crash):
        collector(log, Crashing(log.store, "commit", left, after), open_max=1000).tick()
    collector(log, open_max=1000).tick()
    assert ids(log) == [name(n) for n in range(1, 251)]
    (tally,) = (stored.value for stored in log.store.scan(TALLIES))
    assert (tally.rows, tally.by_model, tally.mode) == (300, 50, "partial")


def test_pictures_are_kept_for_those_who_are_asked(log: Log) -> None:
    signature = replace(SIGNATURE, inputs=(Field(name="scan", kind="image"),))
    put_route(log.store, route(mode="shadow", signature=signature))
    pictures = Batch(1, (), np.zeros((1, 0)), {"scan": np.array([PICTURE], dtype=object)})
    log.writer().append(rows(1, inputs=pictures))
    collector(log).tick()
    (task,) = tasks(log)
    assert task.inputs["scan"].startswith("sha256:")
    assert log.blobs.get(media_key(task.id, "scan")) == PICTURE


def test_no_picture_is_kept_of_an_audit_without_room(log: Log) -> None:
    signature = replace(SIGNATURE, inputs=(Field(name="scan", kind="image"),))
    put_route(log.store, route(mode="full", audit=1.0, signature=signature))
    pictures = Batch(4, (), np.zeros((4, 0)), {"scan": np.array([PICTURE] * 4, dtype=object)})
    writer = log.writer()
    writer.append(rows(1, 4, decided_by="model", inputs=pictures))
    writer.append(rows(5, 4, inputs=pictures))
    collector(log, open_max=2).tick()
    needed = [name(n) for n in (1, 2, 5, 6, 7, 8)]  # of those that wait it comes to be needed
    assert log.blobs.keys("review/") == [media_key(one, "scan") for one in needed]
    assert ids(log) == needed[:2]


def test_a_large_tensor_is_told_by_its_shape(log: Log) -> None:
    signature = replace(SIGNATURE, inputs=(Field(name="t", kind="tensor", shape=(50, 50)),))
    put_route(log.store, route(mode="shadow", signature=signature))
    log.writer().append(rows(1, inputs=Batch(1, (), np.zeros((1, 0)), {"t": np.ones((1, 50, 50))})))
    collector(log).tick()
    assert [task.inputs["t"] for task in tasks(log)] == ["numbers of shape (50, 50)"]
