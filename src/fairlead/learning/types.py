"""The values of this package: how a model learns on, where its learner is, and how it does."""

from __future__ import annotations

from typing import Literal

import msgspec

from fairlead.records import Kind
from fairlead.stats import Evidence

State = Literal["learning", "frozen"]
OnWorse = Literal["freeze", "roll back"]


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """When a learner has got worse.

    Args:
        margin: by how much its error may be above that of the last good version on the same rows:
            share of rows, or, of numbers, the two errors' difference over their sum.
        fall: by how much its error may be above its own of before; 0 lets it.
        false_alarm_labels: labels between two false alarms, on average, at least.
    """

    margin: float = 0.01
    fall: float = 0.0
    false_alarm_labels: int = 100_000


class OnlineSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How the model of an endpoint learns as labels arrive.

    Args:
        endpoint: whose model.
        labels: after so many a checkpoint is made.
        every_us: after so long one is made, if anything was learnt; microseconds.
        least_us: from one to the next, however many labels come; microseconds.
        guard: when it has got worse.
        on_worse: what becomes of it then: `freeze` keeps the newest checkpoint, `roll back` lets
            the last good version answer again; either way it stops to learn.
        release: the strategy by which checkpoints go out.
        params: set on the estimator before it learns on.
        keep: so many of the newest checkpoints keep their bundles, whatever uses them.
    """

    endpoint: str
    labels: int = 500
    every_us: int = 600_000_000
    least_us: int = 60_000_000
    guard: Guard = Guard()
    on_worse: OnWorse = "freeze"
    release: str = "now"
    params: dict[str, str | int | float | bool] = {}
    keep: int = 50


class Moments(msgspec.Struct, frozen=True):
    """Sums of some values.

    Args:
        rows: how many.
        sum: of them.
        squares: sum of their squares.
        events: how many are not 0.
    """

    rows: int = 0
    sum: float = 0.0
    squares: float = 0.0
    events: int = 0


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a learner: each row was predicted first and learnt then.

    Args:
        learner: its error: 0 or 1 of a label, absolute of a number.
        base: that of the version it began with, on the same rows.
        gain: base less learner, row by row.
        recent: the learner's error since the last checkpoint.
        recent_base: the base's since then.
        good_gain: the last good version's error less the learner's, since that was chosen.
        level: the learner's mean error up to the last checkpoint; None before the first.
        worse: evidence that it is worse than the last good version.
        fell: evidence that it is worse than its own level.
        unknown: labels for predictions that there are not.
        again: labels for rows that had one: the first counts.
        unfit: labelled rows that could not be learnt: the label is none of the classes or no
            number, or a field is missing.
        upto_us: when the newest label that it has learnt was received, microseconds since 1970;
            None before the first.
    """

    learner: Moments = Moments()
    base: Moments = Moments()
    gain: Moments = Moments()
    recent: Moments = Moments()
    recent_base: Moments = Moments()
    good_gain: Moments = Moments()
    level: float | None = None
    worse: Evidence = Evidence()
    fell: Evidence = Evidence()
    unknown: int = 0
    again: int = 0
    unfit: int = 0
    upto_us: int | None = None


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """How it did between two checkpoints.

    Args:
        time_us: of the later one, microseconds since 1970.
        version: that it became.
        labels: learnt between them.
        learner: mean error.
        base: mean error of the base on the same rows.
    """

    time_us: int
    version: str
    labels: int
    learner: float
    base: float


class Learner(msgspec.Struct, frozen=True, kw_only=True):
    """Where the learner of an endpoint is: written by its process, with every checkpoint.

    Args:
        endpoint: whose.
        base: the version that it began with.
        good: the last version that it was not proven worse than, and that it is held against.
        version: its newest checkpoint.
        answers: the version that shall answer: that, or after a roll back the last good one.
        began_us: when it began with the base, microseconds since 1970.
        checkpoint_us: when the newest checkpoint was made.
        state: whether it learns.
        reason: why it does not.
        by: who froze it; `guard`, `controller`, or a person.
        passed: files of labels that are learnt, or lie before its beginning.
        steps: files that were taken since the newest checkpoint, in their order, some at a time:
            what a process that died had learnt of them is learnt anew, in the same order.
        tally: as of the newest checkpoint, from which such a process goes on.
        now: as of the last file.
        course: how it did from checkpoint to checkpoint, the last ones.
    """

    endpoint: str
    base: str
    good: str
    version: str
    answers: str
    began_us: int
    checkpoint_us: int
    state: State = "learning"
    reason: str = ""
    by: str = ""
    passed: tuple[str, ...] = ()
    steps: tuple[tuple[str, ...], ...] = ()
    tally: Tally = Tally()
    now: Tally = Tally()
    course: tuple[Point, ...] = ()


class Following(msgspec.Struct, frozen=True, kw_only=True):
    """How far the platform follows a learner: written by the controller.

    Args:
        endpoint: whose.
        seen: the version that answered when it was looked at last.
        asked: the version whose release was asked for last; empty if none was.
        release: id of that release.
        failures: of the learner's process since its newest checkpoint.
        at_us: time of that checkpoint, by which it is told from others.
        due_us: before this no process is started, microseconds since 1970.
        error: how the last one failed, in words.
    """

    endpoint: str
    seen: str
    asked: str = ""
    release: str = ""
    failures: int = 0
    at_us: int = 0
    due_us: int = 0
    error: str = ""


LEARNERS = Kind("learner", Learner)
"""By endpoint."""
FOLLOWING = Kind("following", Following)
"""By endpoint."""


class Stopped(msgspec.Struct, frozen=True):
    """A learner's process ended.

    Args:
        error: why, in words; empty if there was nothing to learn on.
        again: whether another one may fare better.
        full: whether a disk or a store did not do its work: it is tried for as long as that takes.
    """

    error: str = ""
    again: bool = True
    full: bool = False


def lease_of(endpoint: str) -> str:
    """The lease that is held while a learner's process lives."""
    return f"online/{endpoint}"
