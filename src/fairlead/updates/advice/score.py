"""What answers to the rows of one block are worth."""

from __future__ import annotations

import numpy as np

from fairlead.errors import ConfigError
from fairlead.monitoring.evaluate import LESS_IS_BETTER
from fairlead.nearest import nearest
from fairlead.stats import value_of, weighted
from fairlead.updates.advice.types import Numbers, Values

ROWS_MIN = 5
OF_CLASSES = ("accuracy", "balanced_accuracy", "log_loss", "brier")
OF_TWO = ("roc_auc", "average_precision")
OF_NUMBERS = ("mae", "rmse")
RANKING = frozenset(OF_TWO)
"""Metrics that recalibration, which keeps the order of answers, does not move."""


def metrics_for(classes: int, asked: str = "") -> tuple[str, ...]:
    """The metrics that answers are measured by; the first one decides.

    Args:
        classes: how many there are; 0 for numbers.
        asked: the one that is to decide; empty takes roc_auc of two classes, accuracy of more, and
            mae of numbers.

    Raises:
        ConfigError: there is no such metric of these answers.

    Example:
        >>> metrics_for(2), metrics_for(0, "rmse")
        (('roc_auc', 'brier'), ('rmse',))
    """
    there = OF_NUMBERS if not classes else (*OF_CLASSES, *(OF_TWO if classes == 2 else ()))
    usual = "mae" if not classes else "roc_auc" if classes == 2 else "accuracy"
    first = asked or usual
    if first not in there:
        close = nearest(first, there)
        raise ConfigError(
            f"There is no metric '{first}' to compare these answers by.",
            hint=f"Did you mean '{close}'?" if close else f"There are {', '.join(there)}.",
        )
    return (first,) if not classes or first == "brier" else (first, "brier")


def score(truth: Values, answers: Numbers, metric: str) -> float:
    """A metric of answers; NaN where it is undefined, and of fewer than five rows.

    Args:
        truth: places of the classes, shape (rows,), -1 for none that is known; or numbers.
        answers: probabilities, shape (rows, classes); or numbers, shape (rows,).
        metric: its name.

    Example:
        >>> chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7], [0.7, 0.3]])
        >>> score(np.array([0, 1, 0, 1, 1]), chances, "accuracy")
        0.8
    """
    if len(truth) < ROWS_MIN or not np.isfinite(answers).all():
        return float("nan")
    if metric in OF_NUMBERS:
        errors = weighted.mae if metric == "mae" else weighted.rmse
        return value_of(errors(truth, answers), len(truth))
    return value_of(_of_classes(truth, answers, metric), len(truth))


def floor(truth: Values, classes: int, metric: str) -> float:
    """The metric of the best constant answer to these rows; NaN where it is undefined.

    Example:
        >>> floor(np.array([0, 0, 0, 1, 0]), 2, "accuracy")
        0.8
    """
    if len(truth) < ROWS_MIN:
        return float("nan")
    if classes:
        shares = np.bincount(truth[truth >= 0], minlength=classes) / len(truth)
        return score(truth, np.tile(shares, (len(truth), 1)), metric)
    centre = np.median(truth) if metric == "mae" else np.mean(truth)
    return score(truth, np.full(len(truth), centre), metric)


def upward(values: Numbers, metric: str) -> Numbers:
    """Values of a metric such that more is better."""
    return -values if metric in LESS_IS_BETTER else values


def point(metric: str) -> float:
    """What is called a point of a metric: 0.01 of those that lie in 0..1."""
    return 1.0 if metric in (*OF_NUMBERS, "log_loss") else 0.01


def _of_classes(truth: Values, answers: Numbers, metric: str) -> weighted.Statistic:
    said = answers.argmax(axis=1)
    if metric == "accuracy":
        return weighted.accuracy(truth, said)
    if metric == "balanced_accuracy":
        return weighted.balanced_accuracy(truth, said)
    if metric in OF_TWO:
        areas = weighted.roc_auc if metric == "roc_auc" else weighted.average_precision
        return areas(truth == 1, answers[:, 1])
    chance = np.where(truth >= 0, answers[np.arange(len(truth)), truth], 0.0)
    if metric == "log_loss":
        return weighted.log_loss(chance)
    return weighted.brier(chance, np.square(answers).sum(axis=1), answers.shape[1])
