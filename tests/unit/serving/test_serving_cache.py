"""Answers that are given again: one computation at a time, one record each, no error shared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st

from fairlead.batching import Lane
from fairlead.clock import Clock, ManualClock, SystemClock
from fairlead.errors import StorageError
from fairlead.ids import parse
from fairlead.routing import Automation, Mode
from fairlead.serving.cache.types import CacheLimits
from fairlead.signature import Batch, Field, Signature
from support.plane import PlaneInProcess
from support.reply import Reply
from support.routes import SIGNATURE, double

PATH = "/v1/endpoints/m/predict"
BAD = 13.0


class Model:
    """Doubles; notes the rows it was asked for. It can be held up, and fails at one value.

    Attributes:
        asked: rows, batch by batch.
        go: it answers once this is set.
    """

    def __init__(self) -> None:
        self.asked: list[list[float]] = []
        self.go = Event()
        self.go.set()

    def __call__(self, batch: Batch) -> Batch:
        self.asked.append(batch.numbers[:, 0].tolist())
        assert self.go.wait(10)
        if BAD in self.asked[-1]:
            raise ValueError("13")
        return double(batch)


class World(PlaneInProcess):
    """An endpoint `m` that keeps its answers for 60 seconds."""

    def __init__(
        self, folder: Path, size_bytes_max: int = 1_000_000, clock: Clock | None = None
    ) -> None:
        self.now = ManualClock()
        limits = CacheLimits(60.0, size_bytes_max)
        super().__init__(folder, clock=clock or self.now, caches={"m": limits})
        self.model = Model()

    def begin(self, *values: float, timeout_ms: int = 20_000) -> asyncio.Task[Reply]:
        """Ask, and wait until that is with the model or waits for another."""
        body, headers = {"rows": [[x] for x in values]}, {"fairlead-timeout-ms": str(timeout_ms)}
        task = self.loop.create_task(self.asking(PATH, body, headers))
        self.turn()
        return task

    def turn(self, times: int = 3) -> None:
        async def turns() -> None:
            for _ in range(times):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    def end(self, task: asyncio.Task[Reply]) -> Reply:
        return self.loop.run_until_complete(task)

    def rows(self, *values: float, **headers: str) -> Reply:
        return self.predict({"rows": [[x] for x in values]}, **headers)

    def counted(self) -> dict[str, float]:
        text = self.ask("/metrics").body.decode()
        lines = [line for line in text.splitlines() if line.startswith("fairlead_cache_")]
        names = {line.partition("{")[0]: float(line.rpartition(" ")[2]) for line in lines}
        return {name.removeprefix("fairlead_cache_"): value for name, value in names.items()}

    def sources(self) -> list[tuple[str, str, int]]:
        return [(frame.source, frame.outcome, len(frame.ids)) for frame in self.frames]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        world.serve("m", SIGNATURE, world.model)
        yield world


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[World]:
    """A model that runs beside the loop, and waits there until it may go."""
    with World(tmp_path) as world, closing(Lane(0)) as lane:
        world.serve("m", SIGNATURE, world.model, lane=lane)
        world.model.go.clear()
        try:
            yield world
        finally:
            world.model.go.set()


def given(reply: Reply) -> list[float]:
    assert reply.status == 200, reply.body
    return [row["prediction"] for row in reply.json["predictions"]]


def test_the_same_row_is_computed_once_and_each_answer_is_a_prediction_of_its_own(
    world: World,
) -> None:
    first = world.rows(1.5)
    world.now.advance(2.5)
    second = world.rows(1.5)
    assert given(first) == given(second) == [3.0]
    assert world.model.asked == [[1.5]]
    one, other = (reply.json["predictions"][0]["id"] for reply in (first, second))
    assert one != other
    assert world.sources() == [("live", "ok", 1), ("cache", "ok", 1)]
    frame = world.frames[1]
    assert frame.ids == [parse(other)]
    assert frame.inputs.numbers.tolist() == [[1.5]]
    assert frame.outputs is not None
    assert frame.outputs.numbers.tolist() == [[3.0]]
    assert (frame.version, frame.role, frame.assigned_by, frame.model_us) == (
        "m:1", "stable", "hash", 0,
    )  # fmt: skip
    assert "cache" not in first.json
    assert second.json["cache"] == {"age_s": [2.5]}
    assert "cached" not in first.headers["fairlead-route"]
    assert second.headers["fairlead-route"].endswith("share=1, cached=1, age_s=2.500")


def test_of_a_request_only_the_rows_are_computed_that_are_not_known(world: World) -> None:
    world.rows(1.0, 2.0)
    world.now.advance(1.0)
    reply = world.rows(1.0, 3.0, 2.0, 3.0)
    assert given(reply) == [2.0, 6.0, 4.0, 6.0]
    assert world.model.asked == [[1.0, 2.0], [3.0]]
    assert reply.json["cache"] == {"age_s": [1.0, None, 1.0, 0.0]}
    ids = [parse(row["id"]) for row in reply.json["predictions"]]
    logged = {
        raw: (frame.source, number)
        for frame in world.frames[1:]
        for raw, number in zip(frame.ids, frame.inputs.numbers[:, 0].tolist(), strict=True)
    }
    assert [logged[raw] for raw in ids if raw] == [
        ("cache", 1.0), ("live", 3.0), ("cache", 2.0), ("cache", 3.0),
    ]  # fmt: skip
    counted = world.counted()
    assert (counted["hits_total"], counted["joined_total"], counted["misses_total"]) == (2, 1, 3)


def test_the_time_to_live_is_kept_to_and_what_is_older_can_still_be_had(world: World) -> None:
    world.rows(1.0)
    world.now.advance(59.9)
    world.rows(1.0)
    assert len(world.model.asked) == 1
    world.now.advance(0.1)
    cache = world.caches["m"]
    digest = cache.digests(Batch(1, ("x",), np.array([[1.0]]), {}))
    assert digest is not None
    found = cache.stale("m-digest-1", digest[0])
    assert found is not None
    assert (found[0].numbers.tolist(), found[1]) == ([[2.0]], 60.0)
    assert cache.stale("m-digest-2", digest[0]) is None
    assert given(world.rows(1.0)) == [2.0]
    assert len(world.model.asked) == 2


def test_memory_is_bounded_and_what_leaves_is_counted(tmp_path: Path) -> None:
    with World(tmp_path, size_bytes_max=20_000) as world:
        world.serve("m", SIGNATURE, world.model)
        for start in range(0, 200, 10):
            world.rows(*map(float, range(start, start + 10)))
            assert 0 < world.counted()["size_bytes"] <= 20_000
        assert world.counted()["evictions_total"] > 150
        world.rows(199.0)
        world.rows(0.0)
        assert len(world.model.asked) == 21


def test_every_protocol_shares_the_answers(tmp_path: Path) -> None:
    with World(tmp_path, clock=SystemClock()) as world:
        world.serve("m", SIGNATURE, world.model)
        assert given(world.rows(4.0)) == [8.0]
        body = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [2], "data": [4.0, 5.0]}]}
        told = world.ask("/v2/models/m/infer", body)
        assert told.json["outputs"][0]["data"] == [8.0, 10.0]
        assert "cached=1" in told.headers["fairlead-route"]
        told = world.ask("/v1/models/m:predict", {"instances": [{"x": 4.0}, {"x": 5.0}]})
        assert told.json["predictions"] == [8.0, 10.0]
        table = world.predict(b"x\n4.0\n5.0\n", "text/csv", accept="text/csv")
        assert [line.rpartition(",")[2] for line in table.body.decode().split()[1:]] == [
            "8.0",
            "10.0",
        ]
        assert "cached=2" in table.headers["fairlead-route"]
        assert world.model.asked == [[4.0], [5.0]]


def test_errors_are_never_kept(world: World) -> None:
    assert world.rows(BAD).status == 500
    assert world.rows(BAD).status == 500
    assert world.rows(1.0, BAD).status == 500
    assert given(world.rows(1.0)) == [2.0]
    assert [outcome for _, outcome, _ in world.sources()] == ["model_error"] * 3 + ["ok"]


def test_another_version_starts_with_nothing(world: World) -> None:
    world.rows(1.0)
    other = Model()
    world.serve("m", SIGNATURE, other, numbers=(2,))
    assert b"m:2" in world.rows(1.0).body
    assert other.asked == [[1.0]]
    world.serve("m", SIGNATURE, world.model)  # the way back
    assert world.rows(1.0).json["cache"] == {"age_s": [0.0]}
    assert len(world.model.asked) == 1


def test_while_versions_are_compared_every_row_is_computed(world: World) -> None:
    world.rows(1.0)
    both = Model(), Model()
    world.serve("m", SIGNATURE, *both)
    for _ in range(5):
        world.rows(1.0)
    assert len(both[0].asked) + len(both[1].asked) == 5
    world.serve("m", SIGNATURE, both[0], shadow=both[1])
    before = len(both[0].asked)
    world.rows(1.0)
    world.rows(1.0)
    assert len(both[0].asked) == before + 2
    assert {frame.source for frame in world.frames} == {"live"}


def test_who_names_a_version_or_an_arm_gets_what_the_model_says_now(world: World) -> None:
    world.rows(1.0)
    world.rows(1.0, fairlead_arm="stable")
    assert world.model.asked == [[1.0], [1.0]]
    assert [frame.assigned_by for frame in world.frames] == ["hash", "override"]


@pytest.mark.parametrize(("mode", "status"), [("shadow", 202), ("partial", 200)])
def test_where_a_person_decides_nothing_is_kept(world: World, mode: Mode, status: int) -> None:
    world.serve("m", SIGNATURE, world.model, automation=Automation(mode, auto_if="prediction >= 0"))
    assert {world.rows(1.0).status, world.rows(1.0).status} == {status}
    assert len(world.model.asked) == 2


def test_those_who_ask_meanwhile_wait_for_the_one_computation(slow: World) -> None:
    tasks = [slow.begin(1.0) for _ in range(20)]
    slow.model.go.set()
    assert [given(slow.end(task)) for task in tasks] == [[2.0]] * 20
    assert slow.model.asked == [[1.0]]
    assert sum(rows for source, _, rows in slow.sources() if source == "cache") == 19
    ids = [raw for frame in slow.frames for raw in frame.ids]
    assert len(set(ids)) == 20
    assert slow.counted()["joined_total"] == 19


def test_who_hangs_up_takes_nobody_with_him(slow: World) -> None:
    gone, stays = slow.begin(1.0), slow.begin(1.0)
    gone.cancel()
    slow.turn()
    slow.model.go.set()
    assert given(slow.end(stays)) == [2.0]
    assert slow.model.asked == [[1.0]]


def test_nobody_fails_for_anothers_deadline(slow: World) -> None:
    hasty, late = slow.begin(1.0, timeout_ms=100), slow.begin(1.0, timeout_ms=200)
    patient = [slow.begin(1.0, timeout_ms=10_000) for _ in range(5)]
    slow.now.advance(1.0)
    slow.model.go.set()
    assert [slow.end(hasty).status, slow.end(late).status] == [504, 504]
    assert [given(slow.end(task)) for task in patient] == [[2.0]] * 5
    assert slow.model.asked == [[1.0], [1.0]]
    outcomes = [(outcome, rows) for _, outcome, rows in slow.sources()]
    assert sum(rows for outcome, rows in outcomes if outcome == "timeout") == 2
    assert sum(rows for outcome, rows in outcomes if outcome == "ok") == 5


def test_who_waited_for_an_error_tries_alone_and_gets_his_own(slow: World) -> None:
    failing, sound = slow.begin(BAD, 1.0), slow.begin(1.0)
    also = [slow.begin(BAD) for _ in range(3)]
    slow.model.go.set()
    assert slow.end(failing).status == 500
    assert given(slow.end(sound)) == [2.0]
    assert [slow.end(task).status for task in also] == [500] * 3
    outcomes = [(outcome, rows) for _, outcome, rows in slow.sources()]
    assert sum(rows for outcome, rows in outcomes if outcome == "model_error") == 5
    assert given(slow.end(slow.begin(1.0))) == [2.0]


REQUESTS = st.lists(
    st.tuples(
        st.lists(st.sampled_from([1.0, 2.0, 3.0, BAD]), min_size=1, max_size=4), st.booleans()
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given_any(REQUESTS)
def test_however_requests_meet_each_is_answered_rightly_and_each_row_is_recorded_once(
    tmp_path_factory: pytest.TempPathFactory, requests: list[tuple[list[float], bool]]
) -> None:
    """A request is its values, and whether its caller waits for long enough."""
    folder = tmp_path_factory.mktemp("meeting")
    with World(folder) as world, closing(Lane(0)) as lane:
        world.serve("m", SIGNATURE, world.model, lane=lane)
        world.model.go.clear()
        begun = [world.begin(*x, timeout_ms=10_000 if waits else 100) for x, waits in requests]
        world.now.advance(1.0)
        world.model.go.set()
        for task, (values, waits) in zip(begun, requests, strict=True):
            reply = world.end(task)
            if not waits:
                assert reply.status in (500, 504)
            elif BAD in values:
                assert reply.status == 500
            else:
                assert given(reply) == [2 * value for value in values]
        recorded = [raw for frame in world.frames for raw in frame.ids]
        assert len(set(recorded)) == len(recorded) == sum(len(values) for values, _ in requests)
        cached = [frame for frame in world.frames if frame.source == "cache"]
        assert {frame.outcome for frame in cached} <= {"ok"}


def test_where_there_is_no_room_nobody_is_left_waiting(slow: World) -> None:
    """The queue is full: a request whose rows are partly under way is refused, and then works."""
    first = slow.begin(0.0)
    filled = [slow.begin(*map(float, range(100 + n * 900, 1000 + n * 900))) for n in range(11)]
    refused = slow.begin(0.0, *map(float, range(50_000, 50_500)))
    slow.model.go.set()
    assert slow.end(refused).status == 503
    assert {slow.end(task).status for task in [first, *filled]} == {200}
    assert given(slow.end(slow.begin(50_001.0))) == [100_002.0]


def test_no_more_rows_wait_for_what_is_under_way_than_would_for_the_model(slow: World) -> None:
    slow.model.go.set()
    assert given(slow.end(slow.begin(2.0))) == [4.0]
    slow.model.go.clear()
    tasks = [slow.begin(1.0), *(slow.begin(*[1.0] * 900) for _ in range(11))]
    refused = slow.begin(*[1.0] * 900)
    assert slow.end(refused).status == 503
    assert given(slow.end(slow.begin(2.0))) == [4.0], "who does not wait is answered"
    slow.model.go.set()
    assert [given(slow.end(task)) for task in tasks[1:]] == [[2.0] * 900] * 11
    assert slow.model.asked == [[2.0], [1.0]]
    assert given(slow.end(slow.begin(*[1.0] * 900))) == [2.0] * 900


def test_where_the_log_stops_answers_hits_are_held_back_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.rows(1.0)

    def full(_: object) -> None:
        raise StorageError("The prediction log cannot be written.")

    with monkeypatch.context() as patched:
        patched.setattr(world.sink, "predictions", full)
        assert world.rows(1.0).status == 503
        assert world.rows(2.0).status == 503
    assert given(world.rows(1.0, 2.0)) == [2.0, 4.0]
    assert world.model.asked == [[1.0], [2.0], [2.0]]


def test_an_endpoint_without_a_cache_keeps_nothing(world: World) -> None:
    other = Model()
    world.serve("other", SIGNATURE, other)
    for _ in range(2):
        world.ask("/v1/endpoints/other/predict", {"rows": [[1.0]]})
    assert len(other.asked) == 2


def test_answers_whose_length_varies_are_not_kept(world: World) -> None:
    fields = (Field(name="t", kind="tensor", dtype="float32", shape=(-1,)),)

    def longest(batch: Batch) -> Batch:
        world.model(batch)
        columns: Any = {"t": np.zeros((batch.rows, batch.rows), np.float32)}
        return Batch(batch.rows, (), np.empty((batch.rows, 0)), columns)

    world.serve("m", Signature(inputs=SIGNATURE.inputs, outputs=fields), longest)
    world.rows(1.0)
    assert [len(row["t"]) for row in world.rows(1.0, 2.0).json["predictions"]] == [2, 2]
    assert world.model.asked == [[1.0], [1.0, 2.0]]


def test_rows_of_different_lengths_are_answered_in_one_turn(world: World) -> None:
    inputs = (Field(name="t", kind="tensor", dtype="float32", shape=(-1,)),)

    def total(batch: Batch) -> Batch:
        sums = batch.columns["t"].sum(axis=1, keepdims=True).astype(np.float64)
        return Batch(batch.rows, ("prediction",), sums, {})

    world.serve("m", Signature(inputs=inputs, outputs=SIGNATURE.outputs), total)
    tensors: list[list[float]] = [[1.0], [1.0, 2.0], [1.0, 2.0, 3.0]]

    async def ask_all() -> list[Reply]:
        bodies = [{"rows": [{"t": values}]} for values in tensors]
        return await asyncio.gather(*(world.asking(PATH, body) for body in bodies))

    for _ in ("computed", "known"):
        replies = world.loop.run_until_complete(ask_all())
        assert [given(reply) for reply in replies] == [[1.0], [3.0], [6.0]]
    assert [frame.source for frame in world.frames] == ["live"] * 3 + ["cache"] * 3
