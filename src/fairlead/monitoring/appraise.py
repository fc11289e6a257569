"""What goals are worth to rows of a window, by the unit that asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fairlead.errors import ConfigError, FairleadError
from fairlead.monitoring.business import Goal, Worth, count_worth, goal_values, group
from fairlead.monitoring.labels import NUMBER_MAX, places_of
from fairlead.monitoring.measure import (
    Labels,
    answer_field,
    answers_of,
    known_classes,
    probabilities_of,
)
from fairlead.monitoring.rows import Answered, Truth
from fairlead.signature import Numbers, Signature

Values = npt.NDArray[Any]
Function = Callable[[Mapping[str, Values]], Values]
"""From `truth`, `predicted` and, where there are any, `probabilities` of labelled rows to a number
for each row."""
NO_TOTALS = pl.DataFrame(
    schema={"prediction_id": pl.String, "name": pl.String, "number": pl.Float64}
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be found out about rows.

    Args:
        goals: by name.
        totals: of feedback, as `business.total` gives them.
        functions: what goals of that kind are made of, by the goal's value.
    """

    goals: Mapping[str, Goal] = field(default_factory=dict)
    totals: pl.DataFrame = field(default_factory=lambda: NO_TOTALS)
    functions: Mapping[str, Function] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gains:
    """What goals are worth to some rows, not added up over their units yet.

    Args:
        groups: by goal, tables of `group`, `above` and `below`.
        failed: by goal, why there is none.
    """

    groups: Mapping[str, tuple[pl.DataFrame, ...]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


def appraise(asked: Asked, signature: Signature, one: Answered, truth: Truth | None) -> Gains:
    """Find what goals are worth to answered rows.

    A goal that cannot be had, as its function fails, is told and keeps no other back.

    Args:
        asked: which goals.
        signature: of the version, with what is in the log.
        one: the rows.
        truth: their labels.
    """
    groups: dict[str, tuple[pl.DataFrame, ...]] = {}
    failed: dict[str, str] = {}
    for name, goal in asked.goals.items():
        try:
            values = _values(goal, asked, signature, one, truth)
        except FairleadError as error:
            failed[name] = str(error)
        else:
            groups[name] = (group(one.rows, values),)
    return Gains(groups, failed)


def add_gains(a: Gains, b: Gains) -> Gains:
    """What goals are worth to the rows of both."""
    names = {**a.groups, **b.groups}
    groups = {name: (*a.groups.get(name, ()), *b.groups.get(name, ())) for name in names}
    return Gains(groups, {**a.failed, **b.failed})


def sum_gains(goals: Mapping[str, Goal], gains: Gains) -> dict[str, Worth]:
    """Add up over units, each of which is one group; nothing of what failed on some rows."""
    found = {}
    for name, goal in goals.items():
        tables = () if name in gains.failed else gains.groups.get(name, ())
        if not tables:
            found[name] = Worth(goal=goal)
            continue
        sums = pl.concat(tables).group_by("group").agg(pl.col("above", "below").sum())
        above, below = (sums[column].to_numpy() for column in ("above", "below"))
        found[name] = count_worth(goal, above, below)
    return found


def _values(
    goal: Goal, asked: Asked, signature: Signature, one: Answered, truth: Truth | None
) -> pl.DataFrame:
    if goal.kind in {"sum", "mean", "ratio"}:
        return goal_values(goal, one.rows, asked.totals)
    above, below = np.zeros(one.rows.height), np.zeros(one.rows.height)
    if truth is not None and truth.labelled.any():
        if goal.kind == "cost":
            above[truth.labelled] = _costs(goal, signature, one, truth)
        else:
            above[truth.labelled] = _answer(goal, asked, signature, one, truth)
        below[truth.labelled] = 1.0
    return pl.DataFrame({"above": above, "below": below})


def _costs(goal: Goal, signature: Signature, one: Answered, truth: Truth) -> Numbers:
    """What each labelled row's answer cost."""
    if not isinstance(truth.answers, Labels):
        raise ConfigError("Only answers that are classes have a cost by truth and answer.")
    classes = _classes(signature, one)
    table = np.zeros((len(classes) + 1, len(classes) + 1))  # the last: what is no class
    for true, answers in goal.costs.items():
        for answer, cost in answers.items():
            places = places_of([true, answer], classes)
            if (places < 0).any():
                raise ConfigError(
                    f"Cost of '{answer}' where '{true}' is true: one of them is no class.",
                    hint=f"Classes are {', '.join(map(str, classes))}.",
                )
            table[places[0], places[1]] = cost
    return np.asarray(table[truth.answers.truth, truth.answers.predicted])


def _answer(goal: Goal, asked: Asked, signature: Signature, one: Answered, truth: Truth) -> Numbers:
    """What a function says of each labelled row."""
    columns: dict[str, Values] = {
        "truth": truth.answers.truth,
        "predicted": truth.answers.predicted,
    }
    if isinstance(truth.answers, Labels):
        classes = _classes(signature, one)
        words = np.array([*map(str, classes), ""], dtype=object)
        given = np.array(one.labels, dtype=object)[truth.labelled]
        known = truth.answers.truth < len(classes)
        columns["truth"] = np.where(known, words[truth.answers.truth], given)
        columns["predicted"] = words[truth.answers.predicted]
        chances = probabilities_of(one.outputs, len(classes))
        if chances is not None:
            columns["probabilities"] = chances[truth.labelled]
    answer = np.asarray(asked.functions[goal.value](columns))
    if answer.shape != (truth.answers.rows,) or answer.dtype.kind not in "fiub":
        raise ConfigError(f"'{goal.value}' did not give one number for each row.")
    numbers = answer.astype(np.float64)
    if not (np.abs(numbers) < NUMBER_MAX).all():
        raise ConfigError(f"'{goal.value}' gave a number that is not finite, or too large.")
    return numbers


def _classes(signature: Signature, one: Answered) -> list[Any]:
    """In the order of their places."""
    label = answer_field(signature, one.outputs)
    assert label is not None, "answers were held against their labels"
    return known_classes(signature, label, answers_of(one.outputs, label))
