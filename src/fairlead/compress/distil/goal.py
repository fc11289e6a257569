"""What a student learns: the teacher's numbers, and what makes them of a network's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fairlead.compress.graph import Array

Form = Literal["softmax", "sigmoid", "values"]

SAME = 1e-3
SHARE_MIN = 0.003
"""Shares below it are learnt as it: their logarithms would outweigh what decides."""


@dataclass(frozen=True, slots=True, eq=False)
class Goal:
    """Numbers to learn.

    Args:
        form: what the network's own numbers go through before they are compared with these.
        numbers: probabilities, or values near 0 and of a spread near 1, (rows, width).
        inside: whether the graph that the student goes into does that after it.
        spread: that the network's own numbers are multiplied by, (width,).
        middle: that is added, (width,).
    """

    form: Form
    numbers: Array
    inside: bool
    spread: Array
    middle: Array


def make_goal(answers: Array, later: Sequence[Array]) -> Goal:
    """The goal of a teacher's answers.

    Args:
        answers: that the student shall give, (rows, width).
        later: what the graph makes of them: if it is their probabilities, these are learnt.
    """
    y = np.asarray(answers, np.float64)
    width = y.shape[1]
    form: Form = "softmax" if width > 1 else "sigmoid"
    plain = np.ones(width), np.zeros(width)
    if _are_shares(y):
        return Goal(form, np.clip(y, 0, 1), False, *plain)
    shares = activate(form, y)
    wanted = shares if width > 1 else np.concatenate([1 - shares, shares], axis=1)
    if any(each.shape == wanted.shape and np.abs(each - wanted).max() <= SAME for each in later):
        return Goal(form, shares, True, *plain)
    middle, spread = y.mean(axis=0), y.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    return Goal("values", (y - middle) / spread, False, spread, middle)


def activate(form: Form, numbers: Array) -> Array:
    """What a form makes of a network's own numbers, (rows, width)."""
    if form == "values":
        return numbers
    if form == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(numbers, -60, 60))))
    powers = np.exp(numbers - numbers.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def own_numbers(goal: Goal) -> Array:
    """The numbers that the form makes the goal's of, (rows, width)."""
    if goal.form == "values":
        return goal.numbers
    shares = np.maximum(goal.numbers, SHARE_MIN)
    if goal.form == "softmax":
        return np.asarray(np.log(shares))
    return np.asarray(np.log(shares) - np.log(np.maximum(1 - goal.numbers, SHARE_MIN)))


def _are_shares(y: Array) -> bool:
    if y.min() < -SAME or y.max() > 1 + SAME:
        return False
    return y.shape[1] == 1 or bool(np.abs(y.sum(axis=1) - 1).max() <= SAME)
