"""Probabilities that mean what they say: isotonic calibration as two short arrays."""

from __future__ import annotations

import msgspec
import numpy as np

from fairlead.stats.weighted import Numbers, Values, check_rows

FOLDS = 10


class Calibrator(msgspec.Struct, frozen=True):
    """A rising curve from scores to probabilities, linear between its points.

    Args:
        scores: rising; below the first and above the last the curve is flat.
        values: the probability at each; with no points the score is the probability.
    """

    scores: tuple[float, ...] = ()
    values: tuple[float, ...] = ()


def calibrate(calibrator: Calibrator, scores: Values) -> Numbers:
    """The probabilities of scores, in 0..1.

    Example:
        >>> calibrate(Calibrator((0.2, 0.6), (0.0, 0.5)), np.array([0.1, 0.4, 0.9])).tolist()
        [0.0, 0.25, 0.5]
    """
    numbers = np.asarray(scores, dtype=np.float64)
    if not calibrator.scores:
        return np.clip(numbers, 0.0, 1.0)
    return np.interp(numbers, calibrator.scores, calibrator.values)


def fit_isotonic(scores: Values, positive: Values) -> Calibrator:
    """The rising curve with the least squared error, found by pooling adjacent violators.

    Barlow et al. (1972), "Statistical inference under order restrictions"; for probabilities
    Zadrozny and Elkan (2002), "Transforming classifier scores into accurate multiclass
    probability estimates". Agrees with scikit-learn's `IsotonicRegression`.

    Args:
        scores: shape (rows,).
        positive: whether each row is of the class, shape (rows,).

    Raises:
        ConfigError: there are no rows, or not equally many of both.

    Example:
        >>> fit_isotonic(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 1, 0, 1]))
        Calibrator(scores=(0.1, 0.2, 0.3, 0.4), values=(0.0, 0.5, 0.5, 1.0))
    """
    check_rows(scores, positive)
    numbers = np.asarray(scores, dtype=np.float64)
    distinct, places, weights = np.unique(numbers, return_inverse=True, return_counts=True)
    hits = np.bincount(places, np.asarray(positive, dtype=np.float64))
    ends, values = _pool((hits / weights).tolist(), weights.tolist())
    first = np.concatenate([[0], ends[:-1] + 1])
    # A level needs its two ends only; one of a single score is one point.
    points = np.unique(np.concatenate([first, ends]))
    levels = np.repeat(values, ends - first + 1)
    return Calibrator(tuple(distinct[points].tolist()), tuple(levels[points].tolist()))


def fit_calibrator(scores: Values, positive: Values) -> Calibrator:
    """Isotonic calibration if it predicts held-out rows better than the scores do, else none.

    Better is a smaller mean squared error, Brier's score, over ten interleaved folds: a proper
    score, whose part that calibration cannot change is the same for both.

    Args:
        scores: the model's probabilities, shape (rows,).
        positive: whether each row is of the class, shape (rows,).

    Example:
        >>> sure = np.tile([0.01, 0.99], 50)
        >>> fit_calibrator(sure, sure > 0.5).scores, fit_calibrator(sure, np.arange(100) % 3 == 0)
        ((0.01, 0.99), Calibrator(scores=(0.01, 0.99), values=(0.34, 0.34)))
    """
    numbers, truth = np.asarray(scores, np.float64), np.asarray(positive, np.bool_)
    folds = min(FOLDS, len(numbers))
    if folds < 2 or truth.all() or not truth.any():
        return Calibrator()
    fold = np.arange(len(numbers)) % folds
    gain = 0.0
    for out in range(folds):
        held, kept = fold == out, fold != out
        fitted = calibrate(fit_isotonic(numbers[kept], truth[kept]), numbers[held])
        plain = calibrate(Calibrator(), numbers[held])
        gain += float((np.square(plain - truth[held]) - np.square(fitted - truth[held])).sum())
    return fit_isotonic(numbers, truth) if gain > 0.0 else Calibrator()


def _pool(means: list[float], weights: list[int]) -> tuple[Values, Numbers]:
    """The last place and the mean of each level of the rising fit."""
    ends: list[int] = []
    levels: list[float] = []
    sizes: list[float] = []
    for place, (level, size) in enumerate(zip(means, map(float, weights), strict=True)):
        while levels and levels[-1] >= level:
            before = sizes.pop()
            level = (levels.pop() * before + level * size) / (before + size)
            size += before
            ends.pop()
        ends.append(place)
        levels.append(level)
        sizes.append(size)
    return np.array(ends, dtype=np.intp), np.array(levels)
