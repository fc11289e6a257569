"""What an update learns from: as of a time, each row once, and the newest held out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead.errors import ConfigError
from fairlead.signature import Batch, Field
from fairlead.updates import leave
from fairlead.updates.gather import Gathered, gather
from fairlead.updates.types import DataSpec
from support.log import DAY_US, START_US, Log, label, open_log
from support.review import SIGNATURE, name, rows

REGRESSION = replace(
    SIGNATURE, outputs=(Field(name="prediction", kind="number"),), task="regression"
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with open_log(tmp_path) as log:
        yield log


def gathered(
    log: Log,
    *,
    as_of: int = 1_000_000,
    newer_than: int = 0,
    holdout: float = 0.2,
    signature: Any = SIGNATURE,
    slices: tuple[str, ...] = (),
    **spec: Any,
) -> Gathered:
    return gather(
        log.store, log.blobs, log.folder, DataSpec(log="churn", **spec), signature,
        as_of_us=START_US + as_of, newer_than_us=START_US + newer_than, holdout=holdout,
        slices=slices,
    )  # fmt: skip


def answered(first: int, count: int = 1, **fields: Any) -> bytes:
    return rows(first, count, decided_by=None, **fields)


def said(first: int, count: int = 1, value: Any = "left", received: int = 0) -> bytes:
    return label(*((n, value) for n in range(first, first + count)), received=received)


def classes(*known: Any) -> Field:
    return Field(name="label", kind="category", categories=known)


def xs(frame: pl.DataFrame) -> list[float]:
    return frame["x"].to_list()


def same(a: Gathered, b: Gathered) -> bool:
    return a.learnt == b.learnt and a.train.equals(b.train) and a.holdout.equals(b.holdout)


@pytest.mark.parametrize("count", [0, 1])
def test_few_rows_are_no_error(log: Log, count: int) -> None:
    writer = log.writer()
    if count:
        writer.append(answered(1, count))
        writer.append(said(1, count))
    found = gathered(log)
    assert (found.train.height, found.holdout.height) == (count, 0)
    assert found.train.schema == found.holdout.schema
    assert found.train.columns == ["x", "label", "time"]
    assert found.learnt.train.rows == count
    assert (found.learnt.train.digest == "") == (count == 0)
    writer.close()


def test_without_labels_there_is_nothing_to_learn_or_all_of_it(log: Log) -> None:
    log.writer().append(answered(1, 10))
    required = gathered(log)
    assert (required.train.height, required.holdout.height) == (0, 0)
    assert required.learnt.dropped == {leave.UNLABELLED: 10}
    optional = gathered(log, labels="optional")
    assert (optional.train.height, optional.holdout.height) == (10, 0)
    assert optional.train["label"].null_count() == 10


def test_the_latest_are_held_out_and_rows_of_one_time_stay_together(log: Log) -> None:
    times = np.repeat(np.arange(1, 6), 2).astype(np.int64) + START_US
    log.writer().append(answered(1, 10, time_us=times))
    log.writer("f").append(said(1, 10))
    found = gathered(log, holdout=0.3)
    assert (xs(found.train), xs(found.holdout)) == (
        [float(n) for n in range(1, 9)],
        [9.0, 10.0],
    )
    train, held = found.learnt.train, found.learnt.holdout
    assert (train.rows, train.first, train.last) == (8, name(1), name(8))
    assert (held.from_us, held.to_us) == (START_US + 5, START_US + 5)
    assert train.to_us < held.from_us
    assert train.digest != held.digest


def test_what_the_champion_has_seen_judges_nobody(log: Log) -> None:
    log.writer().append(answered(1, 10))
    log.writer("f").append(said(1, 10))
    found = gathered(log, newer_than=9, holdout=0.5)
    assert (xs(found.train), xs(found.holdout)) == ([float(n) for n in range(1, 10)], [10.0])
    assert gathered(log, newer_than=10).holdout.is_empty()


def test_whose_rows_judge_is_told_and_what_is_nobodys_stands_alone(log: Log) -> None:
    log.writer().append(answered(0, 10, units=[None, "ada"] * 5))
    log.writer("f").append(said(0, 10))
    units = gathered(log, holdout=0.4).units
    assert units is not None
    assert units.to_list() == [name(6), "ada", name(8), "ada"]
    assert gathered(log, holdout=0.4).learnt.holdout.rows == 4


def test_a_window_reaches_back_so_far_and_no_further(log: Log) -> None:
    log.writer().append(answered(1, 10))
    log.writer("f").append(said(1, 10))
    assert xs(gathered(log, as_of=10, window_us=3, holdout=0.0).train) == [8.0, 9.0, 10.0]


def test_a_label_counts_as_it_stood_then(log: Log) -> None:
    log.writer().append(answered(1, 3))
    feedback = log.writer("f")
    feedback.append(said(1, received=10))
    feedback.append(said(1, value="stayed", received=50))
    feedback.append(said(2, received=60))
    feedback.append(label((3, "left"), (3, "stayed"), received=20))  # the later of one request
    before = gathered(log, as_of=49)
    assert dict(zip(xs(before.train), before.train["label"], strict=True)) == {
        1.0: "left", 3.0: "stayed",
    }  # fmt: skip
    after = gathered(log, as_of=60, holdout=0.0)
    assert after.train["label"].to_list() == ["stayed", "left", "stayed"]


def test_a_clock_that_was_set_back_lets_nothing_from_later_in(log: Log) -> None:
    writer, feedback = log.writer(), log.writer("f")
    writer.append(answered(50))
    feedback.append(said(50, value="stayed", received=60))
    writer.append(answered(10))  # arrives after, and is stamped before
    feedback.append(said(50, received=20))
    found = gathered(log, as_of=55)
    assert (xs(found.train), found.learnt.dropped) == ([50.0], {leave.UNLABELLED: 1})
    assert found.train["label"].to_list() == ["left"]
    assert gathered(log, as_of=70).train["label"].to_list() == ["stayed"]


def test_the_same_question_has_the_same_answer_whatever_came_in_since(log: Log) -> None:
    writer, feedback = log.writer(), log.writer("f")
    writer.append(answered(1, 30))
    feedback.append(said(1, 20, received=40))
    first = gathered(log, as_of=100)
    feedback.append(said(1, 30, value="stayed", received=101))
    writer.append(answered(101, 5))
    assert same(gathered(log, as_of=100), first)
    log.sealer().tick(everything=True)
    assert same(gathered(log, as_of=100), first)
    writer.append(answered(201, 5))
    feedback.append(said(201, 5, received=300))
    log.sealer().tick(everything=True)
    log.clock.set(START_US + 2 * DAY_US)
    log.compactor().tick()
    writer.append(answered(301, 5))
    assert same(gathered(log, as_of=100), first)
    assert not same(gathered(log, as_of=400), first)


def test_what_nobody_was_answered_teaches_nothing(log: Log) -> None:
    writer = log.writer()
    writer.append(answered(1, 2, role="shadow"))
    writer.append(answered(3, source="replay"))
    writer.append(answered(4, source="cache"))
    writer.append(answered(5, source="constant"))
    writer.append(answered(6, outcome="model_error", outputs=None))
    writer.append(answered(7, outcome="timeout", outputs=None))
    log.writer("f").append(said(1, 6))
    found = gathered(log, holdout=0.0)
    assert xs(found.train) == [4.0, 5.0, 6.0]
    assert found.learnt.dropped == {leave.SHADOW: 2, leave.REPLAYED: 1, leave.UNLABELLED: 1}
    optional = gathered(log, holdout=0.0, labels="optional").learnt
    assert optional.dropped[leave.UNANSWERED] == 1


def test_what_a_person_decides_is_learnt(log: Log) -> None:
    log.writer().append(rows(1))
    log.writer("f").append(label((1, "stayed"), name="decision") + label((1, "stayed")))
    assert gathered(log).train["label"].to_list() == ["stayed"]


def test_a_row_counts_once(log: Log) -> None:
    writer = log.writer()
    writer.append(answered(1, 3, caller_ids=["a", "a", "b"]))
    writer.append(answered(2))  # again under its id
    writer.append(answered(4, 2, caller_ids=["b", None]))
    log.writer("f").append(said(1, 5))
    found = gathered(log, holdout=0.0)
    assert (xs(found.train), found.learnt.dropped) == ([2.0, 4.0, 5.0], {leave.AGAIN: 3})


def test_of_one_callers_id_the_labelled_row_counts(log: Log) -> None:
    log.writer().append(answered(1, 2, caller_ids=["a", "a"]))
    log.writer("f").append(said(1))
    assert xs(gathered(log, labels="optional").train) == [1.0]


def test_a_job_asks_about_the_same_keys_every_night(log: Log) -> None:
    writer = log.writer()
    for first, night in ((1, 1), (3, 2)):
        at = np.full(2, START_US + night, np.int64)
        writer.append(answered(first, 2, role="batch", source="batch", caller_ids=["a", "b"],
                               time_us=at))  # fmt: skip
    log.writer("f").append(said(1, 4))
    assert gathered(log, holdout=0.0).learnt.train.rows == 4


def test_rows_that_fit_no_more_are_left_out(log: Log) -> None:
    plan = Field(name="plan", kind="category", categories=("free", "pro"))
    signature = replace(SIGNATURE, inputs=(*SIGNATURE.inputs, plan))
    writer = log.writer()
    writer.append(answered(1))  # by a version without a plan
    for number, value in ((2, "pro"), (3, "old")):
        column = np.array([value], dtype=object)
        batch = Batch(1, ("x",), np.array([[float(number)]]), {"plan": column})
        writer.append(answered(number, inputs=batch))
    log.writer("f").append(said(1, 3))
    found = gathered(log, signature=signature)
    assert (xs(found.train), found.learnt.dropped) == ([2.0], {leave.UNFIT: 2})
    filled = replace(plan, missing="impute", impute="free", unknown="allow")
    signature = replace(signature, inputs=(*SIGNATURE.inputs, filled))
    found = gathered(log, signature=signature, holdout=0.0)
    assert found.train["plan"].to_list() == ["free", "pro", "old"]


@pytest.mark.parametrize("kind", ["number", "image"])
def test_what_the_log_does_not_keep_is_named(log: Log, kind: Any) -> None:
    log.writer().append(answered(1))
    log.writer("f").append(said(1))
    signature = replace(SIGNATURE, inputs=(*SIGNATURE.inputs, Field(name="scan", kind=kind)))
    with pytest.raises(ConfigError, match=r"log of 'churn' keeps .* field 'scan'"):
        gathered(log, signature=signature)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"label": "x"}, "'x' is a field of the model"),
        ({"time": "x"}, "'x' is a field of the model"),
        ({"label": "t", "time": "t"}, "both be called 't'"),
        ({"slices": ("plan",)}, "'plan' is no field of the model. It has: x."),
    ],
)
def test_columns_that_cannot_be_told_apart_are_refused(
    log: Log, spec: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        gathered(log, **spec)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("field", "sent", "read"),
    [
        (classes(0, 1), [1, "0", True, "2"], [1, 0, 1, 2]),
        (Field(name="label", kind="boolean"), [True, "false", 1], [True, False, True]),
        (classes("0", "1"), [1, 0.0, "x"], ["1", "0", "x"]),
        (classes(0.5, 1), [0.5, "1"], [0.5, 1.0]),
    ],
)  # fmt: skip
def test_labels_are_of_the_classes_type(
    log: Log, field: Field, sent: list[Any], read: list[Any]
) -> None:
    log.writer().append(answered(0, len(sent)))
    log.writer("f").append(label(*enumerate(sent)))
    signature = replace(SIGNATURE, outputs=(field,))
    assert gathered(log, signature=signature, holdout=0.0).train["label"].to_list() == read


def test_labels_of_another_type_are_counted(log: Log) -> None:
    log.writer().append(answered(0, 4))
    log.writer("f").append(label((0, 1.5), (1, "much"), (2, 1e70), (3, "2.5")))
    found = gathered(log, signature=REGRESSION)
    assert found.train["label"].to_list() == [1.5, 2.5]
    assert found.learnt.dropped == {leave.UNREADABLE: 2}


events = st.lists(
    st.tuples(
        st.sampled_from(["row", "shadow", "label"]),
        st.integers(0, 12),  # which prediction
        st.integers(0, 30),  # when
        st.sampled_from(["left", "stayed"]),
    ),
    max_size=30,
    unique_by=lambda event: (event[0] == "label", event[1], event[2]),
)


@settings(max_examples=40, deadline=None)
@given(
    events=events,
    as_of=st.integers(0, 30),
    newer_than=st.integers(0, 30),
    holdout=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    labels=st.sampled_from(["required", "optional"]),
    seals=st.sets(st.integers(0, 30)),
)
def test_nothing_from_the_future_whatever_the_order(
    events: list[tuple[str, int, int, str]], as_of: int, newer_than: int, holdout: float,
    labels: Any, seals: set[int],
) -> None:  # fmt: skip
    with TemporaryDirectory() as folder, open_log(Path(folder)) as log:
        writer, ask = log.writer(), {"newer_than": newer_than, "holdout": holdout, "labels": labels}
        for place, (what, number, at, value) in enumerate(events):
            if what == "label":
                writer.append(said(number, value=value, received=at))
            else:
                role = "shadow" if what == "shadow" else "stable"
                times = np.array([START_US + at], np.int64)
                writer.append(answered(number, role=role, time_us=times))
            if place in seals:
                log.sealer().tick(everything=True)
        found = gathered(log, as_of=as_of, **ask)
        _check(found, events, as_of, newer_than)
        log.sealer().tick(everything=True)
        log.clock.set(START_US + 2 * DAY_US)
        log.compactor().tick()
        assert same(gathered(log, as_of=as_of, **ask), found)
        writer.close()


def _check(
    found: Gathered, events: list[tuple[str, int, int, str]], as_of: int, newer_than: int
) -> None:
    asked = [at for what, _, at, _ in events if what != "label" and at <= as_of]
    learnt = found.learnt
    counted = learnt.train.rows + learnt.holdout.rows + sum(learnt.dropped.values())
    assert counted == len(asked)
    stood: dict[float, tuple[int, str]] = {}
    for what, number, at, value in events:
        if what == "label" and at <= as_of and (number not in stood or at >= stood[number][0]):
            stood[float(number)] = at, value
    both = pl.concat([found.train, found.holdout])
    assert both["x"].is_unique().all()
    for x, said_so in both.select("x", "label").iter_rows():
        assert said_so == (stood[x][1] if x in stood else None)
    if found.holdout.height:
        times = found.holdout["time"].dt.epoch("us")
        assert times.min() > START_US + newer_than  # type: ignore[operator]
        if found.train.height:
            assert found.train["time"].max() < found.holdout["time"].min()  # type: ignore[operator]
        assert not found.holdout["label"].has_nulls()
