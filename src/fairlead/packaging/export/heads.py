"""What the numbers that a network answers mean: classes, a prediction, or just numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import ExportError
from fairlead.monitoring.labels import plain_values
from fairlead.signature import Scalar

Array = npt.NDArray[Any]
Places = npt.NDArray[np.intp]

SUM_ERROR_MAX = 1e-4


@dataclass(frozen=True, slots=True)
class Head:
    """How a network's one output becomes a label and probabilities.

    Args:
        classes: in the order of its numbers.
        single: whether it answers one number a row, for the second of two classes.
        shares: whether its numbers are probabilities already, not logits.
    """

    classes: tuple[Scalar, ...]
    single: bool
    shares: bool


def choose_head(scores: Array, awkward: Array, labels: Array, rows: Places) -> Head | None:
    """Find out whether a network is a classifier of these labels.

    Numbers that are never negative and sum to 1 in each row, or stay within 0 and 1 if there is
    one a row, are probabilities; all others are logits.

    Args:
        scores: answers to some reference rows, shape (rows,) or (rows, classes).
        awkward: answers to rows far beyond those, (any, ...), where logits betray themselves.
        labels: of all reference rows, shape (all,).
        rows: which of them were answered, shape (rows,).

    Returns:
        None if its numbers are not classes: the labels are no classes, or other in number.

    Raises:
        ExportError: the labels in sorted order are not the order of its numbers.

    Example:
        >>> scores, none = np.array([[2.0, -1], [-3, 1]]), np.empty((0, 2))
        >>> head = choose_head(scores, none, np.array([0, 1, 1]), np.array([0, 1]))
        >>> head.classes, head.shares
        ((0, 1), False)
    """
    if scores.dtype.kind != "f" or scores.ndim > 2:
        return None
    scores, awkward = (v[:, None] if v.ndim == 1 else v for v in (scores, awkward))
    single = scores.shape[1] == 1
    values = plain_values(labels)
    classes = _classes({value for value in values if value is not None}, scores.shape[1], single)
    if classes is None:
        return None
    if not are_places(classes) and classes != (False, True):
        _check_order(scores, [values[row] for row in rows], classes)
    shares = _are_shares(scores) and _are_shares(awkward)
    return Head(classes, single, shares)


def are_places(classes: Sequence[Scalar]) -> bool:
    """Whether classes are named by their own places: 0, 1, ….

    Example:
        >>> are_places((0, 1)), are_places((False, True)), are_places((1, 2))
        (True, False, False)
    """
    return all(type(name) is int and name == place for place, name in enumerate(classes))


def _classes(labels: set[Any], width: int, single: bool) -> tuple[Scalar, ...] | None:
    """The classes in the order of a network's numbers; None if the labels are none."""
    count = 2 if single else width
    if all(isinstance(label, float) and label.is_integer() for label in labels):
        labels = {int(label) for label in labels}
    if not labels or len(labels) > count or len({type(label) for label in labels}) > 1:
        return None
    kind = type(next(iter(labels)))
    if kind is float:
        return None
    if kind is bool:
        return (False, True) if count == 2 else None
    if kind is int and labels <= set(range(count)):
        return tuple(range(count))
    if len(labels) < count or (kind is int and single):  # two numbers may well be a regression
        return None
    return tuple(sorted(labels))


def _are_shares(scores: Array) -> bool:
    scores = scores[np.isfinite(scores).all(axis=1)]
    if scores.shape[1] == 1:
        return bool(np.all((scores >= 0) & (scores <= 1)))
    sums = scores.sum(axis=1, dtype=np.float64)
    return bool(np.all(scores >= 0) and np.all(np.abs(sums - 1) <= SUM_ERROR_MAX))


def _check_order(scores: Array, labels: list[Any], classes: tuple[Scalar, ...]) -> None:
    """Labels were numbered by someone: the sorted order must fit better than any other."""
    from scipy.optimize import linear_sum_assignment

    places = {label: place for place, label in enumerate(classes)}
    known = [row for row, label in enumerate(labels) if label in places]
    if scores.shape[1] == 1:
        answered = (scores[:, 0] > np.median(scores)).astype(np.intp)
    else:
        answered = scores.argmax(axis=1)
    hits = np.zeros((len(classes), len(classes)), dtype=np.intp)
    np.add.at(hits, ([places[labels[row]] for row in known], answered[known]), 1)
    if hits[linear_sum_assignment(-hits)].sum() > np.trace(hits):
        raise ExportError(
            "The labels in sorted order do not fit the order of the module's outputs.",
            hint="Give y as the numbers of the classes, 0, 1, …, in the order of the outputs.",
        )
