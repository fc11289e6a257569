"""What each policy would have answered, had it been followed: trained on what was known by then.

A training is done once, however many policies share it. What it gives is asked as it is, without
a package being made of it: that would take longer than most trainings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

import numpy as np

from fairlead.updates.advice.cut import fresh_to, known
from fairlead.updates.advice.recalibrate import recalibrate
from fairlead.updates.advice.score import floor, score
from fairlead.updates.advice.types import (
    Blocks,
    Course,
    History,
    LeftOut,
    Numbers,
    Places,
    Plan,
    Played,
    Training,
)

M = TypeVar("M")
Train = Callable[[Places, M | None], M]
"""From the rows to learn from and the model to go on from, to a model."""
Answer = Callable[[M, Places], Numbers]
"""From a model and rows to probabilities, shape (rows, classes), or numbers, shape (rows,)."""


def backtest(
    history: History,
    blocks: Blocks,
    plan: Plan,
    train: Train[M],
    answer: Answer[M],
    metrics: tuple[str, ...],
    *,
    goes_on: Callable[[int], bool] = lambda _: True,
    drop: Callable[[M], None] = lambda _: None,
) -> Played:
    """Play policies over a history.

    Args:
        history: labelled rows.
        blocks: of the history.
        plan: what is trained.
        train: fits a model.
        answer: asks it.
        metrics: of `score`; the first one decides.
        goes_on: whether there is time for another training, told how many were done.
        drop: told of a model that is of no more use.

    Returns:
        What the answers were worth; policies whose trainings were not all done are left out.
    """
    played = _Play(history, blocks, plan, train, answer, metrics)
    for training in plan.trainings:
        if not goes_on(played.trained):
            break
        model = played.do(training)
        if model is not None:
            drop(model)
    return played.told()


class _Play(Generic[M]):
    """Trainings that were done, and what they are worth in the blocks that they answer."""

    def __init__(
        self,
        history: History,
        blocks: Blocks,
        plan: Plan,
        train: Train[M],
        answer: Answer[M],
        metrics: tuple[str, ...],
    ) -> None:
        self._history, self._blocks, self._plan = history, blocks, plan
        self._train, self._answer, self._metrics = train, answer, metrics
        self._asked = _asked(plan.courses, blocks)
        self._goes_on = {t.previous for t in plan.trainings if t.previous is not None}
        self._models: dict[Training, M] = {}
        self._worth: dict[Training, Mapping[int, Numbers]] = {}
        self._corrected: dict[int, Mapping[int, Numbers]] = {}

    @property
    def trained(self) -> int:
        """How many trainings were done."""
        return len(self._worth)

    def do(self, training: Training) -> M | None:
        """Train, and answer what this model is asked; gives it back if that was all."""
        previous = self._models.get(training.previous) if training.previous else None
        model = self._train(known(self._history, self._blocks, training), previous)
        if training in self._goes_on:
            self._models[training] = model
        answers = self._answers(model, self._asked[training])
        self._worth[training] = {b: self._score(b, each) for b, each in answers.items()}
        windows = {
            course.policy.window
            for course in self._plan.courses
            if course.policy.way == "recalibrate" and course.trainings[0] == training
        }
        for window in windows:
            self._corrected[window] = self._correct(model, training, answers, window)
        return None if training in self._models else model

    def told(self) -> Played:
        """What came of it all."""
        done, left_out = [], list(self._plan.left_out)
        for course in self._plan.courses:
            if set(course.trainings) <= self._worth.keys():
                done.append(course)
            else:
                reason = "there was no time for its trainings"
                left_out.append(LeftOut(policy=course.policy.name, reason=reason))
        warm, count = self._blocks.warm, self._blocks.count
        rows = np.bincount(self._blocks.of, minlength=count)[warm:].astype(np.float64)
        lowest = [
            floor(self._history.truth[self._rows(b)], self._history.classes, self._metrics[0])
            for b in range(warm, count)
        ]
        return Played(
            metrics=self._metrics,
            weights=rows,
            values={course.policy.name: self._values(course) for course in done},
            trainings={c.policy.name: len(set(c.trainings)) - 1 for c in done},
            aged=self._aged(),
            floor=np.array(lowest),
            trained=self.trained,
            left_out=tuple(left_out),
        )

    def _rows(self, block: int) -> Places:
        return np.flatnonzero(self._blocks.of == block)

    def _answers(self, model: M, blocks: Iterable[int]) -> dict[int, Numbers]:
        asked = sorted(blocks)
        rows = [self._rows(block) for block in asked]
        together = self._answer(model, np.concatenate(rows))
        ends = np.cumsum([len(each) for each in rows])[:-1]
        return dict(zip(asked, np.split(together, ends), strict=True))

    def _score(self, block: int, answers: Numbers) -> Numbers:
        truth = self._history.truth[self._rows(block)]
        return np.array([score(truth, answers, metric) for metric in self._metrics])

    def _correct(
        self, model: M, base: Training, answers: Mapping[int, Numbers], window: int
    ) -> Mapping[int, Numbers]:
        """What corrected answers are worth, each block by what was known before it."""
        later = fresh_to(self._history, self._blocks, base, self._blocks.count, 0)
        told = self._answer(model, later)
        worth = {}
        for block, said in answers.items():
            rows = fresh_to(self._history, self._blocks, base, block, window)
            answered = told[np.searchsorted(later, rows)]
            corrected = recalibrate(self._history.truth[rows], answered, said)
            worth[block] = self._score(block, corrected)
        return worth

    def _values(self, course: Course) -> Numbers:
        policy, warm = course.policy, self._blocks.warm
        if policy.way == "recalibrate":
            corrected = self._corrected[policy.window]
            columns = [corrected[b] for b in range(warm, self._blocks.count)]
        else:
            columns = [self._worth[t][warm + i] for i, t in enumerate(course.trainings)]
        return np.column_stack(columns)

    def _aged(self) -> Numbers:
        """The deciding metric of models that learnt from equal stretches, by age."""
        warm, count = self._blocks.warm, self._blocks.count
        found = np.full((count - warm, count - warm), np.nan)
        for training, worth in self._worth.items():
            if is_followed(training, warm):
                for block, values in worth.items():
                    found[training.block - warm, block - warm] = values[0]
        return found


def is_followed(training: Training, warm: int) -> bool:
    """Whether a model is asked in all later blocks: it learnt anew, from as many as the first.

    Example:
        >>> is_followed(Training(block=6, since=2), 4), is_followed(Training(block=6, since=0), 4)
        (True, False)
    """
    return training.previous is None and training.block - training.since == warm


def _asked(courses: Iterable[Course], blocks: Blocks) -> dict[Training, set[int]]:
    """The blocks that each training answers."""
    asked: dict[Training, set[int]] = {}
    for course in courses:
        for place, training in enumerate(course.trainings):
            if is_followed(training, blocks.warm):
                asked[training] = set(range(training.block, blocks.count))
            else:
                asked.setdefault(training, set()).add(blocks.warm + place)
    return asked
