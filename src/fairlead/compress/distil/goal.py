"""What a student learns: the teacher's numbers, in the form in which they are learnt best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fairlead.compress.graph import Array

Form = Literal["softmax", "sigmoid", "values"]

LEAST = 1e-3
"""Of a probability, below which all are alike."""

SAME = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Goal:
    """Numbers to learn, near 0 and of a spread near 1.

    Args:
        form: what makes the answer of the numbers, once they are multiplied and moved.
        numbers: (rows, width).
        spread: that they are multiplied by, (width,).
        middle: that is added, (width,).
    """

    form: Form
    numbers: Array
    spread: Array
    middle: Array


def make_goal(answers: Array) -> Goal:
    """The goal of a teacher's answers, (rows, width).

    Probabilities of all classes are learnt as their logarithms, that of one class as its log
    odds, and other numbers as they are.
    """
    y = np.asarray(answers, np.float64)
    form: Form = "values"
    if y.min() >= 0 and y.max() <= 1 + SAME:
        if y.shape[1] > 1 and np.abs(y.sum(axis=1) - 1).max() <= SAME:
            form = "softmax"
            y = np.log(np.clip(y, LEAST, 1))
            y -= y.mean(axis=1, keepdims=True)
        elif y.shape[1] == 1:
            form = "sigmoid"
            y = np.clip(y, LEAST, 1 - LEAST)
            y = np.log(y / (1 - y))
    if form == "values":
        middle, spread = y.mean(axis=0), y.std(axis=0)
    else:
        middle, spread = y.mean(axis=0), np.full(y.shape[1], y.std())
    spread = np.where(spread > 0, spread, 1.0)
    return Goal(form, (y - middle) / spread, spread, middle)
