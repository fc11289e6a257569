"""One arm: every row recorded before it is answered, and nobody fails for another's rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fairlead.batching import Lane
from fairlead.clock import ManualClock
from fairlead.errors import DeadlineError, FairleadError, ModelError, StorageError
from fairlead.ids import Ids
from fairlead.predictionlog import JournalWriter, PredictionFrame
from fairlead.serving.arm import ArmLimits, LiveArm
from fairlead.serving.counters import Counters
from fairlead.serving.loading.versions import LoadedVersion
from fairlead.serving.sink import LogSink
from fairlead.serving.types import Answered, Ask, Work
from fairlead.signature import Batch
from fairlead.telemetry import MetricsFile
from fairlead.tracebacks import PACE_S
from support.routes import SIGNATURE, FakeRunner, double, numbers, route, version

BAD = 13.0


class Sink(LogSink):
    """A log that notes its frames, in the order of what happens."""

    frames: list[PredictionFrame]
    full = False

    def predictions(self, frame: PredictionFrame) -> None:
        if self.full:
            raise StorageError("The prediction log cannot be written.")
        super().predictions(frame)
        self.frames.append(frame)


class World:
    """An arm over a runner, and what became of its rows."""

    def __init__(self, folder: Path, answer: Callable[[Batch], Batch]) -> None:
        self.clock = ManualClock()
        counters = Counters(MetricsFile(folder / "a.metrics"))
        self.sink = Sink(JournalWriter(folder, "w", self.clock), "continue", {}, counters)
        self.sink.frames = []
        self.loaded = LoadedVersion(version(1), SIGNATURE.outputs, FakeRunner(answer), Lane())
        of = route("e", 1, version(1))
        self.arm = LiveArm(
            asyncio.get_running_loop(), of, of.arms[0], self.loaded, self.sink,
            counters.arm("e", "m:1", "arm0"), ArmLimits(64, 1000), self.clock,
        )  # fmt: skip
        self.got: dict[str, Batch | FairleadError] = {}

    def ask(self, name: str, *values: float, deadline_s: float = 10.0) -> None:
        def done(result: Answered | FairleadError) -> None:
            assert name not in self.got, "answered twice"
            self.got[name] = (
                result.outputs.rows(result.start, rows) if isinstance(result, Answered) else result
            )

        rows = len(values)
        ids = Ids(name.encode().ljust(10, b"-"), 0, rows)
        asked = Ask(numbers(*values), None, None, 0.0, deadline_s)
        self.arm.submit(Work(asked, rows, ids, [0] * rows, "hash", 0, done))

    async def all_answered(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.got) < count:
                await asyncio.sleep(0)
        assert self.loaded.in_flight == 0

    def outcomes(self) -> dict[str, str]:
        return {
            raw[:10].decode().rstrip("-"): frame.outcome
            for frame in self.sink.frames
            for raw in frame.ids
        }


def play(
    folder: Path, answer: Callable[[Batch], Batch], scenario: Callable[[World], object]
) -> World:
    async def playing() -> World:
        world = World(folder, answer)
        scenario(world)
        await world.all_answered(int(world.loaded.in_flight))
        return world

    return asyncio.run(playing())


def picky(batch: Batch) -> Batch:
    """Fails on a value."""
    if BAD in batch.numbers:
        raise RuntimeError("the caller's value")
    return double(batch)


def unfit(batch: Batch) -> Batch:
    """Answers a value with what no log can hold."""
    answers = np.empty(batch.rows, dtype=object)
    answers[:] = [{1j} if x == BAD else "fine" for x in batch.numbers[:, 0]]
    return Batch(batch.rows, (), np.empty((batch.rows, 0)), {"prediction": answers})


def test_rows_of_one_turn_run_together_and_come_back_apart(tmp_path: Path) -> None:
    batches: list[int] = []

    def noted(batch: Batch) -> Batch:
        batches.append(batch.rows)
        return double(batch)

    def scenario(world: World) -> None:
        world.ask("a", 1.0)
        world.ask("b", 2.0, 3.0)

    world = play(tmp_path, noted, scenario)
    assert batches == [3]
    answers = {name: got.numbers.ravel().tolist() for name, got in world.got.items()
               if isinstance(got, Batch)}  # fmt: skip
    assert answers == {"a": [2.0], "b": [4.0, 6.0]}
    assert len(world.sink.frames) == 1


def test_a_request_on_which_the_model_fails_fails_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def scenario(world: World) -> None:
        world.ask("good", 1.0)
        world.ask("bad", BAD)
        world.ask("other", 2.0)

    world = play(tmp_path, picky, scenario)
    assert isinstance(world.got["bad"], ModelError)
    assert "value" not in str(world.got["bad"])
    assert isinstance(world.got["good"], Batch)
    assert world.outcomes() == {"good": "ok", "bad": "model_error", "other": "ok"}


def wrapping(batch: Batch) -> Batch:
    """Fails as runners do: with an error of ours, caused by the model's."""
    try:
        return picky(batch)
    except RuntimeError as error:
        raise ModelError("The model failed.") from error


@pytest.mark.parametrize("answer", [picky, wrapping])
def test_the_operator_sees_the_models_traceback_and_only_so_many(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], answer: Callable[[Batch], Batch]
) -> None:
    async def playing() -> None:
        world = World(tmp_path, answer)
        for number in range(3):
            world.ask(f"{number}", BAD)
            await world.all_answered(number + 1)
        told = capfd.readouterr().err
        assert told.count("in picky") == 1
        assert "RuntimeError: the caller's value" in told
        world.clock.advance(PACE_S)
        world.ask("later", BAD)
        await world.all_answered(4)
        told = capfd.readouterr().err
        assert told.count("in picky") == 1
        assert "2 errors before it are not shown" in told

    asyncio.run(playing())


def test_an_answer_that_the_log_cannot_hold_fails_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def scenario(world: World) -> None:
        world.ask("good", 1.0)
        world.ask("bad", BAD)

    world = play(tmp_path, unfit, scenario)
    assert isinstance(world.got["bad"], ModelError)
    assert isinstance(world.got["good"], Batch)
    assert world.outcomes() == {"good": "ok", "bad": "model_error"}, "it is held against it"


def test_a_model_that_answers_too_few_rows_is_not_believed(tmp_path: Path) -> None:
    def scenario(world: World) -> None:
        world.ask("a", 1.0, 2.0)

    world = play(tmp_path, lambda batch: double(batch.take(slice(0, 1))), scenario)
    assert isinstance(world.got["a"], ModelError)
    assert world.outcomes() == {"a": "model_error"}


def test_rows_whose_time_is_up_are_not_run(tmp_path: Path) -> None:
    ran: list[int] = []

    def noted(batch: Batch) -> Batch:
        ran.append(batch.rows)
        return double(batch)

    def scenario(world: World) -> None:
        world.clock.advance(5.0)
        world.ask("late", 1.0, deadline_s=4.0)
        world.ask("early", 2.0, deadline_s=6.0)

    world = play(tmp_path, noted, scenario)
    assert isinstance(world.got["late"], DeadlineError)
    assert ran == [1]
    assert world.outcomes() == {"late": "timeout", "early": "ok"}


def test_an_answer_that_comes_too_late_is_not_given(tmp_path: Path) -> None:
    clocks: list[ManualClock] = []

    def slow(batch: Batch) -> Batch:
        clocks[0].advance(5.0)
        return double(batch)

    def scenario(world: World) -> None:
        clocks.append(world.clock)
        world.ask("hasty", 1.0, deadline_s=4.0)
        world.ask("patient", 2.0, deadline_s=6.0)

    world = play(tmp_path, slow, scenario)
    assert isinstance(world.got["hasty"], DeadlineError)
    assert isinstance(world.got["patient"], Batch)
    assert world.outcomes() == {"hasty": "timeout", "patient": "ok"}


def test_what_is_not_recorded_is_not_answered_where_the_log_must_hold(tmp_path: Path) -> None:
    def scenario(world: World) -> None:
        world.sink.full = True
        world.ask("a", 1.0)

    world = play(tmp_path, double, scenario)
    assert isinstance(world.got["a"], StorageError)
