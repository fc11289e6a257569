"""The shell of a learner's process: each label is learnt once in effect, whenever it is killed."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from fairlead.errors import ConfigError, ModelError
from fairlead.learning.book import OnlineBook
from fairlead.learning.decide import begin
from fairlead.learning.tutor import BLOCK_ROWS, Tutor, is_read
from fairlead.learning.types import LEARNERS, Guard
from fairlead.runners.sklearn import load_skops
from fairlead.store import Put
from support.log import Crash, Crashing
from support.online import classifier, rows_and_labels
from support.taught import SPEC, Taught


def weights(tutor: Tutor) -> Any:
    return tutor._student.model[-1].coef_


def lessons(world: Taught, files: int = 6, rows: int = 32) -> list[tuple[str, Any, Any]]:
    made = []
    for part in range(files):
        X, y = rows_and_labels(rows, 100 + part)
        made.append((world.teach(X, y), X, y))
    return made


def by_hand(world: Taught, taught: list[tuple[str, Any, Any]]) -> Any:
    """The state after learning these rows, as scikit-learn itself does it."""
    model: Any = load_skops(world.versions.kept[world.base])
    for key, X, y in taught:
        for start in range(0, len(X), BLOCK_ROWS):
            np.random.seed(zlib.crc32(f"{key} {start}".encode()))
            part = slice(start, start + BLOCK_ROWS)
            model[-1].partial_fit(model[:-1].transform(X[part]), y[part])
    return model[-1].coef_


def all_steps(world: Taught, tutor: Tutor) -> None:
    while world.log.next(tutor._passed):
        assert tutor.tick() is None


def test_each_label_is_predicted_and_then_learnt_in_the_order_in_which_it_came(
    tmp_path: Path,
) -> None:
    world = Taught(tmp_path)
    tutor = world.tutor()
    taught = []
    for part in range(3):
        X, y = rows_and_labels(32, 100 + part)
        taught.append((world.teach(X, y), X, y))
        tutor.tick()
    assert np.array_equal(weights(tutor), by_hand(world, taught))
    learner = world.learner
    assert learner.now.learner.rows == 96
    assert learner.version == "tide:2"  # after 64
    assert learner.tally.learner.rows == 64
    assert len(learner.steps) == 1
    assert world.versions.rows == [64]
    (learned,) = world.versions.learned
    assert (learned.log, learned.base, learned.labels) == ("tide", "tide:1", 64)
    assert (learned.since.rows, learned.since.to_us - learned.since.from_us) == (64, 1_000_000)
    assert learner.now.upto_us == world.clock.now_us() > learned.since.to_us


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("left", range(0, 9, 2))
def test_killed_at_any_commit_it_comes_to_the_same_state(
    tmp_path: Path, left: int, after: bool
) -> None:
    world, other = Taught(tmp_path / "a"), Taught(tmp_path / "b")
    tutor: Tutor | None = None
    crashed = 0
    store = Crashing(world.store, "commit", left, after=after)
    whole = other.tutor()
    for part in range(6):
        X, y = rows_and_labels(32, 100 + part)
        world.teach(X, y)
        other.teach(X, y)
        whole.tick()
        while tutor is None or world.log.next(tutor._passed):
            try:
                tutor = tutor or world.tutor(store)
                tutor.tick()
            except Crash:
                crashed, tutor = crashed + 1, None
                store = Crashing(world.store, "commit", left + 1, after=after)
    assert crashed
    assert tutor is not None
    assert np.array_equal(weights(tutor), weights(whole))
    assert world.learner.now.learner.rows == other.learner.now.learner.rows == 192
    assert world.learner.now == other.learner.now
    told = {one.labels: one for one in world.versions.learned}  # also of one that no commit has
    assert told == {one.labels: one for one in other.versions.learned}
    assert sorted(world.learner.passed) == sorted(other.learner.passed)


def test_first_labels_count_and_strangers_are_told_of(tmp_path: Path) -> None:
    world = Taught(tmp_path)
    tutor = world.tutor()
    X, y = rows_and_labels(32, 5)
    ids = world.ask(X)
    world.label([*ids, ids[0]], [*y, "yes"])  # twice in one file
    tutor.tick()
    before = weights(tutor).copy()
    world.label(ids[:10], np.where(y[:10] == "yes", "no", "yes"))  # corrected later
    world.clock.advance(200)
    world.label([bytes(16), b"\x01" * 16], ["yes", "no"])  # for no prediction that there is
    tutor.tick()
    assert np.array_equal(weights(tutor), before)
    now = world.learner.now
    assert (now.learner.rows, now.again, now.unknown, now.unfit) == (32, 11, 2, 0)


def test_a_label_waits_for_its_prediction_that_is_on_the_way(tmp_path: Path) -> None:
    world = Taught(tmp_path)
    tutor = world.tutor()
    X, y = rows_and_labels(16, 5)
    ids = world.ask(X, seal=False)
    world.label(ids, y)
    tutor.tick()
    assert world.learner.steps == ()
    world.clock.advance(200)  # by now it would be there
    tutor.tick()
    assert world.learner.now.unknown == 16


def test_labels_that_do_not_fit_are_left_out(tmp_path: Path) -> None:
    world = Taught(tmp_path)
    tutor = world.tutor()
    X, y = rows_and_labels(32, 5)
    world.teach(X, [*y[:30], "perhaps", 7])
    tutor.tick()
    assert (world.learner.now.learner.rows, world.learner.now.unfit) == (30, 2)


def test_what_came_before_it_began_is_not_learnt(tmp_path: Path) -> None:
    world = Taught(tmp_path)
    world.tutor()
    old = world.teach(*rows_and_labels(32, 5))
    again = begin(SPEC, world.base, world.log.files(), world.clock.now_us() + 1)
    world.store.commit(Put(LEARNERS, world.key, again, None))
    tutor = world.tutor()
    tutor.tick()
    assert world.learner.now.learner.rows == 0
    assert old in world.learner.passed


@pytest.mark.parametrize("on_worse", ["freeze", "roll back"])
def test_poisoned_labels_stop_it(tmp_path: Path, on_worse: Any) -> None:
    """Four in ten labels are wrong from some time on: the learner follows, the base does not."""
    spec = replace(SPEC, on_worse=on_worse, guard=Guard(margin=0.02, false_alarm_labels=10_000))
    world = Taught(tmp_path, spec, classifier(eta0=0.5))
    tutor = world.tutor()
    random = np.random.default_rng(4)
    for part in range(80):
        X, y = rows_and_labels(64, 300 + part)
        if part >= 4:
            y = np.where(random.random(64) < 0.4, np.where(y == "yes", "no", "yes"), y)
        world.teach(X, y)
        stopped = tutor.tick()
        if stopped is not None:
            break
    learner = world.learner
    assert learner.state == "frozen"
    assert learner.by == "guard"
    assert f"worse than {learner.good}" in learner.reason
    assert learner.now.learner.rows <= 4 * 64 + 2000
    assert learner.answers == (learner.version if on_worse == "freeze" else learner.good)
    (event,) = [e for e in world.store.events() if e.action.startswith("online ") and "worse" in
                str(e.detail.get("reason"))]  # fmt: skip
    assert event.action == f"online {'frozen' if on_worse == 'freeze' else 'rolled back'}"
    assert stopped is not None
    assert stopped.error == ""


def test_flipped_labels_stop_it_where_a_fall_is_guarded(tmp_path: Path) -> None:
    world = Taught(tmp_path, replace(SPEC, guard=Guard(fall=0.2)))
    tutor = world.tutor()
    for part in range(6):
        world.teach(*rows_and_labels(64, 300 + part, turned=part >= 3))
        if tutor.tick() is not None:
            break
    learner = world.learner
    assert learner.state == "frozen"
    assert "above its own of before" in learner.reason
    assert learner.now.learner.rows <= 3 * 64 + 64
    assert learner.version in ("tide:3", "tide:4")  # no state with a flipped label
    assert np.array_equal(
        load_skops(world.versions.kept[learner.version])[-1].coef_,  # type: ignore[index]
        by_hand(world, [(key, *rows_and_labels(64, 300 + part))
                        for part, key in enumerate(sorted(learner.passed)[:3])]),
    )  # fmt: skip


def test_after_a_drift_it_is_good_again_and_the_base_is_not(tmp_path: Path) -> None:
    world = Taught(tmp_path)
    tutor = world.tutor()
    for part in range(20):
        world.teach(*rows_and_labels(64, 300 + part, turned=part >= 2))
        tutor.tick()
    learner = world.learner
    last = learner.course[-1]
    assert last.learner < 0.12
    assert last.base > 0.88
    assert learner.good != world.base  # proven better: from now on it must not fall behind that
    book = OnlineBook(world.store, world.clock, [SPEC], lambda _: False)
    shown = book.learner("tide")
    assert shown.gain is not None
    assert shown.gain.low > 0.3


def test_a_state_that_is_failed_upon_is_gone_on_from(tmp_path: Path) -> None:
    world = Taught(tmp_path)
    tutor = world.tutor()
    X, y = rows_and_labels(32, 5)
    world.teach(X, y)

    def broken(*_: object) -> None:
        raise ValueError("secret value 42")

    tutor._student.model[-1].partial_fit = broken
    with pytest.raises(ModelError, match=r"failed to learn \(ValueError\)") as caught:
        tutor.tick()
    assert "42" not in str(caught.value)
    again = world.tutor()
    assert np.array_equal(weights(again), by_hand(world, [(world.learner.steps[0][0], X, y)]))


def test_models_that_cannot_learn_on_are_refused(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    X, y = rows_and_labels(100, 1)
    world = Taught(tmp_path, model=LogisticRegression().fit(X, y))
    with pytest.raises(ConfigError, match="LogisticRegression, has no partial_fit"):
        world.tutor()
    with pytest.raises(ConfigError, match="has not all of these parameters"):
        Taught(tmp_path / "b", replace(SPEC, params={"eta": 1.0})).tutor()


def test_files_are_kept_apart_until_a_checkpoint_has_them(tmp_path: Path) -> None:
    world = Taught(tmp_path)
    tutor = world.tutor()
    first = world.teach(*rows_and_labels(32, 5))
    tutor.tick()
    assert not is_read(world.store, ["tide"], first)
    world.teach(*rows_and_labels(32, 6))
    tutor.tick()
    assert is_read(world.store, ["tide"], first)
    assert is_read(world.store, ["other"], first)
