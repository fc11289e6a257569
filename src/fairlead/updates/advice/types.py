"""The values of this package: a history, policies, what they would have given, and the advice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.stats import Estimate

Way = Literal["scratch", "fine-tune", "recalibrate"]
Times = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]
Values = npt.NDArray[Any]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class History:
    """Labelled rows, by the time at which they were asked for.

    Args:
        asked_us: when each row was asked for, rising; microseconds since 1970.
        labelled_us: when its label was received, never before that.
        truth: the label of each: a place among the classes, or a number.
        classes: how many classes there are; 0 for numbers.
    """

    asked_us: Times
    labelled_us: Times
    truth: Values
    classes: int

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.asked_us)

    def take(self, rows: Places) -> History:
        """Some of the rows."""
        return History(self.asked_us[rows], self.labelled_us[rows], self.truth[rows], self.classes)


@dataclass(frozen=True, slots=True)
class Blocks:
    """A history cut into stretches of equal time.

    Args:
        edges_us: where each begins, and where the last one ends.
        of: the block of each row.
        warm: how many pass before the first training.
    """

    edges_us: Times
    of: Places
    warm: int

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.edges_us) - 1

    @property
    def length_us(self) -> int:
        """Of one, microseconds."""
        return int(self.edges_us[1] - self.edges_us[0])


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """When a model is trained, on what, and how.

    Args:
        name: in words.
        every: so many blocks; 0 for never again after the first time.
        window: of so many blocks, the latest; 0 for all there are.
        way: `recalibrate` keeps the first model and corrects what it answers.
    """

    name: str
    every: int = 0
    window: int = 0
    way: Way = "scratch"


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """One training, named by all that its result depends on.

    Args:
        block: before whose beginning it happens: rows labelled by then are known.
        since: the first block whose rows it learns from.
        previous: the one whose model it goes on from; None begins anew.
    """

    block: int
    since: int
    previous: Training | None = None


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy does, block after block.

    Args:
        policy: that it follows.
        trainings: whose model answers each block from the first training on.
    """

    policy: Policy
    trainings: tuple[Training, ...]


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that was not tried.

    Args:
        policy: its name.
        reason: why.
    """

    policy: str
    reason: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is trained.

    Args:
        courses: of the policies; `never` is the first one.
        trainings: the least set that gives all of them, in the order in which they can be had.
        left_out: policies for which the budget or the rows do not do.
    """

    courses: tuple[Course, ...]
    trainings: tuple[Training, ...]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Played:
    """What the answers would have been worth.

    Args:
        metrics: whose values these are; the first one decides.
        weights: labelled rows of each block from the first training on.
        values: by policy, shape (metrics, blocks); NaN where a metric is undefined.
        trainings: by policy, how many it takes after the first one, which all share.
        aged: the first metric of models that learnt from equal stretches, shape (models, blocks):
            model i was trained before block i; NaN before that, and where there is none.
        floor: the first metric of the best constant answer to each block.
        trained: trainings that were done.
        left_out: policies that were not played to the end.
    """

    metrics: tuple[str, ...]
    weights: Numbers
    values: Mapping[str, Numbers]
    trainings: Mapping[str, int]
    aged: Numbers
    floor: Numbers
    trained: int
    left_out: tuple[LeftOut, ...] = ()


class Age(msgspec.Struct, frozen=True, kw_only=True):
    """What models of one age lose.

    Args:
        blocks: how old.
        loss: against models without age, on the same rows; above 0 is worse.
    """

    blocks: int
    loss: Estimate


class Decay(msgspec.Struct, frozen=True, kw_only=True):
    """How a model fares as it gets older.

    Args:
        verdict: whether losing is proven, disproven to be worth speaking of, or neither.
        slope: loss of the metric with each block of age; above 0 is worse.
        fresh: the metric of models without age.
        floor: the metric of the best constant answer.
        half_blocks: age at which half of what is above that answer is lost; None of no decay.
        half_low_blocks: at least.
        half_high_blocks: at most; None if that is not known.
        ages: losses by age.
        origins: how many models were followed.
    """

    verdict: Literal["decay", "no decay seen", "unknown"]
    slope: Estimate | None = None
    fresh: float | None = None
    floor: float | None = None
    half_blocks: float | None = None
    half_low_blocks: float | None = None
    half_high_blocks: float | None = None
    ages: tuple[Age, ...] = ()
    origins: int = 0


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy would have given.

    Args:
        policy: what it does.
        trainings: how many, after the first one.
        value: the metric, as the mean over blocks by their rows.
        gain: against never training again, with the interval; above 0 is better.
        others: the gain of further metrics, by name.
        cost: of its trainings; None without a price.
        net: what the gain is worth less the cost, in 30 days; None without both prices.
        verdict: what is proven against never training again.
        by_block: the metric of each block; None where it is undefined.
    """

    policy: Policy
    trainings: int
    value: float
    gain: Estimate
    others: dict[str, Estimate] = {}
    cost: float | None = None
    net: Estimate | None = None
    verdict: Literal["better", "worse", "not proven"]
    by_block: tuple[float | None, ...] = ()


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """What things cost.

    Args:
        training: of one; None if that is not known.
        point: what a point of the metric is worth in 30 days: 0.01 of one that lies in 0..1, and
            1 of one that is an error; None if that is not known.
        currency: of both.
    """

    training: float | None = None
    point: float | None = None
    currency: str = "EUR"


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What the history of an endpoint says.

    Args:
        endpoint: whose.
        verdict: in a word: `train` by the policy that is recommended, `keep` the model, or there
            is `too little history`.
        recommended: the policy's name; empty without one.
        words: what is proven and what is not, sentence by sentence.
        metric: that decided; empty where nothing was tried.
        rows: labelled ones that were used.
        from_us: when the first was asked for, microseconds since 1970.
        to_us: when the last was.
        block_us: length of a block.
        warm: blocks before the first training.
        blocks: that were answered.
        starts_us: when each of them began.
        trained: trainings that were done.
        decay: of the model; None where nothing was tried.
        lines: of the policies; `never` is the first one.
        left_out: policies that were not tried.
        notes: what a reader should know besides.
    """

    endpoint: str
    verdict: Literal["train", "keep", "too little history"]
    recommended: str = ""
    words: tuple[str, ...] = ()
    metric: str = ""
    rows: int = 0
    from_us: int = 0
    to_us: int = 0
    block_us: int = 0
    warm: int = 0
    blocks: int = 0
    starts_us: tuple[int, ...] = ()
    trained: int = 0
    currency: str = ""
    decay: Decay | None = None
    lines: tuple[Line, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
