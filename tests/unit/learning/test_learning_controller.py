"""The controller's side: processes are kept alive, checkpoints released, and others obeyed."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from fairlead.app.signals import learner_signals
from fairlead.clock import ManualClock
from fairlead.errors import ConflictError, NotFoundError
from fairlead.learning.book import OnlineBook
from fairlead.learning.controller import LearningController
from fairlead.learning.decide import FAILURES_MAX
from fairlead.learning.types import LEARNERS, Learner, OnlineSpec, Stopped
from fairlead.releases import RELEASES, Release, ReleaseController
from fairlead.releases.types import State
from fairlead.store import Put, open_blobs
from fairlead.store.memory import MemoryStore
from support.routes import SIGNATURE, put_route, route, version

SPEC = OnlineSpec(endpoint="tide")


class FakeProcess:
    """Lives until it is told what it says."""

    def __init__(self) -> None:
        self.told: Stopped | None = None
        self.closed = False

    def look(self) -> Stopped | None:
        return self.told

    def lines(self) -> list[str]:
        return []

    def close(self) -> None:
        self.closed = True


class World:
    """A platform of records alone."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore()
        self.releases = ReleaseController(self.store, self.clock)
        self.started: list[FakeProcess] = []
        self.asked: list[tuple[str, str]] = []
        self.blobs = open_blobs(f"file://{folder}/blobs")
        self.book = OnlineBook(self.store, self.clock, [SPEC], lambda _: False)
        self.controller = self.another()

    def another(self) -> LearningController:
        return LearningController(
            self.store, self.blobs, self.releases, self.clock, [SPEC], self.start, self.ask
        )

    def start(self, *_: object) -> FakeProcess:
        self.started.append(FakeProcess())
        return self.started[-1]

    def ask(self, spec: OnlineSpec, name: str, reason: str) -> Release:
        self.asked.append((name, reason))
        ref = version(int(name.partition(":")[2]), "tide")
        return self.releases.request(spec.endpoint, ref, SIGNATURE, "online", reason=reason)

    def answer(self, number: int) -> None:
        put_route(self.store, route("tide", number, version(number, "tide")))

    def end(self, state: State, reason: str = "") -> None:
        """The release that is under way ends."""
        stored = self.store.scan(RELEASES)[-1]
        ended = replace(stored.value, state=state, reason=reason)
        self.store.commit(Put(RELEASES, stored.key, ended, stored.revision))

    @property
    def learner(self) -> Learner:
        stored = self.store.get(LEARNERS, LEARNERS.key("tide"))
        assert stored is not None
        return stored.value

    def change(self, **changes: object) -> None:
        put = Put(LEARNERS, LEARNERS.key("tide"), replace(self.learner, **changes), None)
        self.store.commit(put)

    def checkpoint(self, number: int) -> None:
        name = f"tide:{number}"
        self.change(version=name, answers=name, checkpoint_us=self.clock.now_us())

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.clock.advance(1)
            self.controller.tick()


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.tick()
    assert not made.started  # nothing answers
    made.answer(1)
    made.tick(3)
    return made


def released(world: World, number: int) -> None:
    world.checkpoint(number)
    world.tick()
    world.answer(number)
    world.end("done")
    world.tick(2)


def test_it_begins_with_what_answers_in_one_process(world: World) -> None:
    assert len(world.started) == 1
    assert (world.learner.base, world.learner.good, world.learner.answers) == ("tide:1",) * 3
    assert world.asked == []
    other = world.another()
    other.tick()
    assert len(world.started) == 1  # the lease is held


def test_a_checkpoint_is_released_once_and_others_wait_for_it(world: World) -> None:
    world.checkpoint(2)
    world.tick(3)
    assert [name for name, _ in world.asked] == ["tide:2"]
    world.checkpoint(3)
    world.tick(3)
    assert len(world.asked) == 1
    world.answer(2)
    world.end("done")
    world.tick(3)
    assert [name for name, _ in world.asked] == ["tide:2", "tide:3"]
    world.answer(3)
    world.end("done")
    world.tick(5)
    assert len(world.asked) == 2
    assert len(world.started) == 1


def test_a_roll_back_of_the_learner_lets_the_last_good_version_answer(world: World) -> None:
    released(world, 2)
    why = "It is worse than tide:1."
    world.change(state="frozen", by="guard", reason=why, answers="tide:1")
    world.tick(2)
    assert world.asked[-1] == ("tide:1", why)
    assert world.started[0].closed
    world.answer(1)
    world.end("done")
    world.tick(5)
    assert len(world.asked) == 2
    assert len(world.started) == 1


@pytest.mark.parametrize("state", ["failed", "aborted", "rolled back"])
def test_a_checkpoint_that_is_taken_back_freezes_it(world: World, state: State) -> None:
    world.checkpoint(2)
    world.tick()
    world.end(state, "Too many failures.")
    world.tick(3)
    assert world.learner.state == "frozen"
    assert world.learner.reason == f"The release of tide:2 was {state}: Too many failures."
    assert len(world.asked) == 1
    assert world.started[0].closed


def test_whoever_lets_another_version_answer_is_followed(world: World) -> None:
    released(world, 2)
    world.answer(9)
    world.tick(3)
    assert (world.learner.base, world.learner.version) == ("tide:9", "tide:9")
    assert len(world.started) == 2
    assert world.started[0].closed
    actions = [event.action for event in world.store.events()]
    assert actions.count("online begun") == 2


def test_a_process_that_fails_is_started_again_ever_later_and_then_frozen(world: World) -> None:
    for failures in range(1, FAILURES_MAX + 1):
        assert len(world.started) == failures
        world.started[-1].told = Stopped("The model failed to learn (ValueError).")
        world.tick()
        shown = world.book.learner("tide")
        assert shown.failures == failures
        world.tick()
        assert len(world.started) == failures
        world.tick(2 << failures)
    assert world.learner.state == "frozen"
    assert world.learner.by == "controller"
    assert world.learner.reason.startswith(f"It failed {FAILURES_MAX} times in a row: The model")
    assert len(world.started) == FAILURES_MAX


def test_a_full_disk_never_freezes_it_and_is_told_of(world: World) -> None:
    def alerting() -> tuple[float | None, object]:
        (signal,) = learner_signals(world.store, world.clock, [SPEC])
        return signal.value, signal.evidence["why"]

    for failures in range(1, FAILURES_MAX + 3):
        assert len(world.started) == failures
        assert alerting()[0] == float(failures > FAILURES_MAX)
        world.started[-1].told = Stopped("A disk is full.", full=True)
        world.tick(2 + (2 << failures))
    assert world.learner.state == "learning"
    assert alerting() == (1.0, "A disk is full.")
    world.checkpoint(2)  # there is room again
    assert alerting()[0] == 0.0


def test_a_model_that_cannot_learn_is_frozen_at_once(world: World) -> None:
    world.started[-1].told = Stopped("It has no partial_fit.", again=False)
    world.tick(2)
    assert world.learner.reason == "It failed: It has no partial_fit."


def test_people_freeze_and_resume(world: World) -> None:
    world.book.freeze("tide", "a look", "ada")
    world.tick(3)
    assert world.started[0].closed
    assert (world.learner.by, world.learner.reason) == ("ada", "a look")
    with pytest.raises(ConflictError, match="does not learn now"):
        world.book.freeze("tide", "", "ada")
    world.book.resume("tide", "", "ada")
    assert world.book.learner("tide").state == "waiting"
    world.tick(3)
    assert world.book.learner("tide").state == "learning"
    assert len(world.started) == 2
    with pytest.raises(ConflictError, match="is not frozen"):
        world.book.resume("tide", "", "ada")
    with pytest.raises(NotFoundError, match="Did you mean 'tide'"):
        world.book.learner("tyde")


def test_it_ends_in_order(world: World) -> None:
    world.controller.close()
    assert world.started[0].closed
    world.controller = world.another()
    world.tick()
    assert len(world.started) == 2  # the lease was given back
