"""The evidence of a shadow, from journals as they are sealed: each row once, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from fairlead.ids import IdSource
from fairlead.predictionlog import (
    FeedbackFrame,
    PredictionFrame,
    encode_feedback,
    encode_prediction,
)
from fairlead.predictionlog.compact import Compactor
from fairlead.predictionlog.frame import HEADER, decode_payload
from fairlead.predictionlog.segments import SEGMENTS
from fairlead.releases import RELEASES, PlanSettings, Release, plan_of
from fairlead.releases.shadow.comparison import Agreement, Comparison
from fairlead.releases.witness import Witness
from fairlead.signature import Batch, Field, Signature
from fairlead.store import ABSENT, Put
from support.log import DAY_US, START_US, Log, id_of, open_log
from support.routes import route, version

LABELS = Signature(
    inputs=(Field(name="x", kind="number"),), outputs=(Field(name="label", kind="category"),),
    task="classification",
)  # fmt: skip
RELEASE = Release(
    id="r1", endpoint="churn", version=version(2, "churn"), signature=LABELS, actor="cli",
    created_us=START_US, changed_us=START_US, state="holding",
    plan=plan_of(PlanSettings(strategy="shadow")), before=route("churn", 1, version(1, "churn")),
    shares={2: 0},
)  # fmt: skip
SHADOW = 10_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with open_log(tmp_path) as log:
        log.store.commit(Put(RELEASES, RELEASES.key("churn", "r1"), RELEASE, ABSENT))
        yield log


def frame(numbers: list[int], labels: list[str], *, shadow: bool = False) -> bytes:
    """What callers were given under these numbers, or what the shadow answered to the same."""
    rows, part = len(numbers), ("shadow", 2, SHADOW) if shadow else ("stable", 1, 0)
    role, own, first = part
    return encode_prediction(
        PredictionFrame(
            endpoint="churn", revision=2, arm=role, version=f"churn:{own}", role=role,
            assigned_by="hash", outcome="ok", source="live", model_us=10,
            time_us=np.array(numbers, np.int64) + START_US, ids=[id_of(first + n) for n in numbers],
            caller_ids=None, units=None, slots=np.zeros(rows, np.int16), propensity=np.ones(rows),
            queue_us=np.zeros(rows, np.int32), inputs=Batch(rows, ("x",), np.ones((rows, 1)), {}),
            outputs=Batch(rows, (), np.zeros((rows, 0)), {"label": np.array(labels, object)}),
            parent_ids=[id_of(n) for n in numbers] if shadow else None,
        )
    )  # fmt: skip


def write(log: Log, name: str, *frames: bytes) -> None:
    """Journal frames, and seal them into a file of their own."""
    journal = log.writer(name)
    for one in frames:
        journal.append(one)
    journal.close()
    log.sealer().tick()


def witness(log: Log) -> Witness:
    return Witness(log.store, log.blobs, log.clock)


def compared(log: Log) -> Comparison:
    return witness(log).evidence(RELEASE).compared


def test_files_are_compared_once_each_also_by_a_witness_that_begins_anew(log: Log) -> None:
    write(log, "a", frame([1, 2], ["stay", "left"]), frame([1, 2], ["stay", "stay"], shadow=True))
    for _ in range(3):
        witness(log).tick()
        assert compared(log).whole == Agreement(2, 1)
    assert compared(log).labels == {"stay": {"stay": 1}, "left": {"stay": 1}}


@pytest.mark.parametrize("shadow_first", [True, False])
def test_a_pair_whose_halves_were_sealed_apart_is_found_with_the_later_one(
    log: Log, shadow_first: bool
) -> None:
    halves = [frame([1, 2], ["a", "b"]), frame([1, 2], ["a", "a"], shadow=True)]
    for name, half in zip("ab", reversed(halves) if shadow_first else halves, strict=True):
        write(log, name, half)
        witness(log).tick()
    found = compared(log)
    assert (found.whole, found.unmatched) == (Agreement(2, 1), 0)


def test_a_parent_that_was_merged_with_others_meanwhile_is_found(log: Log) -> None:
    for name, number in (("a", 1), ("b", 2)):
        write(log, name, frame([number], ["x"]))
    seen = witness(log)
    compactor = Compactor(log.store, log.blobs, log.clock, seen.is_read)
    log.clock.advance(2 * DAY_US / 1e6)
    compactor.tick()
    assert not any(s.value.merged for s in log.store.scan(SEGMENTS)), "nobody has read them yet"
    seen.tick()
    compactor.tick()
    assert [s.value.merged for s in log.store.scan(SEGMENTS)] == [True]
    write(log, "c", frame([1, 2], ["x", "y"], shadow=True))
    seen.tick()
    assert compared(log).whole == Agreement(2, 1)


def test_what_a_release_saw_stays_when_it_has_ended(log: Log) -> None:
    write(log, "a", frame([1], ["a"]), frame([1], ["a"], shadow=True))
    witness(log).tick()
    stored = log.store.get(RELEASES, RELEASES.key("churn", "r1"))
    assert stored is not None
    ended = replace(stored.value, state="done")
    log.store.commit(Put(RELEASES, stored.key, ended, stored.revision))
    write(log, "b", frame([2], ["a"]), frame([2], ["b"], shadow=True))
    witness(log).tick()
    assert compared(log).whole == Agreement(1, 0)


def human(log: Log) -> None:
    """Let a person decide."""
    stored = log.store.get(RELEASES, RELEASES.key("churn", "r1"))
    assert stored is not None
    plan = plan_of(PlanSettings(strategy="shadow", stable="human:risk"))
    changed = replace(stored.value, plan=plan)
    log.store.commit(Put(RELEASES, stored.key, changed, stored.revision))


def predicted(log: Log, *labels: str) -> tuple[list[bytes], bytes]:
    """Ids that were given, and what the shadow answered under each."""
    rows, ids = len(labels), IdSource(log.clock).take(len(labels)).raw()
    times = np.full(rows, log.clock.now_us(), np.int64)
    one = decode(frame([0] * rows, [*labels], shadow=True))
    return ids, encode_prediction(replace(one, ids=ids, parent_ids=None, time_us=times))


def decode(written: bytes) -> PredictionFrame:
    found = decode_payload(written[HEADER.size :])
    assert isinstance(found, PredictionFrame)
    return found


def decided(
    log: Log, ids: list[bytes], *labels: str, name: str = "decision", ago_us: int = 0
) -> bytes:
    """What a person decided, and so long ago as the sender says."""
    now_us = log.clock.now_us()
    return encode_feedback(
        FeedbackFrame(
            endpoint="churn", time_us=np.full(len(ids), now_us - ago_us, np.int64),
            received_us=now_us, ids=ids, names=[name] * len(ids), values=[*labels], source="api",
        )
    )  # fmt: skip


@pytest.mark.parametrize("ago_us", [0, 400 * DAY_US])
@pytest.mark.parametrize("decided_first", [True, False])
def test_a_persons_decisions_are_held_against_what_was_predicted_however_late(
    log: Log, decided_first: bool, ago_us: int
) -> None:
    human(log)
    ids, answers = predicted(log, "yes", "no", "no")
    log.clock.advance(10 * DAY_US / 1e6)
    decisions = decided(log, ids[:2], "yes", "yes", ago_us=ago_us)
    parts = [decisions, answers] if decided_first else [answers, decisions]
    for name, part in zip("ab", parts, strict=True):
        write(log, name, part)
        witness(log).tick()
    found = compared(log)
    assert (found.whole, found.unmatched) == (Agreement(2, 1), 1)
    assert found.labels == {"yes": {"yes": 1, "no": 1}}
    assert witness(log).evidence(RELEASE).until_us == START_US + 10 * DAY_US


def test_the_first_decision_counts_and_other_feedback_does_not(log: Log) -> None:
    human(log)
    ids, answers = predicted(log, "yes", "no")
    write(log, "a", answers, decided(log, ids, "no", "no", name="label"))
    write(log, "b", decided(log, ids[:1], "yes"))
    log.clock.advance(60)
    write(log, "c", decided(log, ids[:1], "no"), decided(log, [id_of(77)], "no"))
    for _ in range(2):
        witness(log).tick()
        assert compared(log).whole == Agreement(1, 0)
    segment = next(s.key for s in log.store.scan(SEGMENTS, "feedback/"))
    assert witness(log).is_read(segment)
    write(log, "d", decided(log, ids[1:], "no"))
    last = [s.key for s in log.store.scan(SEGMENTS, "feedback/") if not witness(log).is_read(s.key)]
    assert len(last) == 1, "it is not merged with others before it is read"
