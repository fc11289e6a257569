"""Every metric as a statistic of row weights, so that one formula measures and resamples.

A statistic takes a matrix of weights, one line for each resample and one column for each row,
and answers one number for each line. Weights are how often a row counts: all ones is the metric
itself, multinomial counts are a bootstrap. What does not depend on weights is done once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError

Numbers = npt.NDArray[np.float64]
Values = npt.NDArray[Any]
Statistic = Callable[[Numbers], Numbers]

SMALLEST = float(np.finfo(np.float64).eps)


def value_of(statistic: Statistic, rows: int) -> float:
    """The statistic of all rows, each counted once; NaN where it is undefined."""
    with np.errstate(all="ignore"):
        return float(statistic(np.ones((1, rows)))[0])


def mean(values: Values) -> Statistic:
    """The weighted mean of one number for each row."""
    numbers = np.asarray(values, dtype=np.float64)
    check_rows(numbers)
    return lambda weights: (weights @ numbers) / weights.sum(axis=1)


def accuracy(truth: Values, predicted: Values) -> Statistic:
    """Share of rows whose label is right."""
    check_rows(truth, predicted)
    return mean(truth == predicted)


def balanced_accuracy(truth: Values, predicted: Values) -> Statistic:
    """Mean over the true classes of hits / support, the recall."""
    codes, guesses, classes = _codes(truth, predicted)
    hits = np.where(codes == guesses, codes, classes)

    def recall(weights: Numbers) -> Numbers:
        support = _count(codes, weights, classes)
        right = _count(hits, weights, classes + 1)[:, :classes]
        return _mean_where(support > 0, right, support)

    return recall


def macro_f1(truth: Values, predicted: Values) -> Statistic:
    """Mean over the classes, true or answered, of 2 hits / (support + answers)."""
    codes, guesses, classes = _codes(truth, predicted)
    hits = np.where(codes == guesses, codes, classes)

    def f1(weights: Numbers) -> Numbers:
        either = _count(codes, weights, classes) + _count(guesses, weights, classes)
        right = _count(hits, weights, classes + 1)[:, :classes]
        return _mean_where(either > 0, 2.0 * right, either)

    return f1


def macro_precision(truth: Values, predicted: Values) -> Statistic:
    """Mean over the classes, true or answered, of hits / answers; 0 for one never answered."""
    codes, guesses, classes = _codes(truth, predicted)
    hits = np.where(codes == guesses, codes, classes)

    def precision(weights: Numbers) -> Numbers:
        answers = _count(guesses, weights, classes)
        right = _count(hits, weights, classes + 1)[:, :classes]
        present = (answers > 0) | (_count(codes, weights, classes) > 0)
        return _mean_where(present, right, np.where(answers > 0, answers, 1.0))

    return precision


def precision(positive: Values, answered: Values) -> Statistic:
    """Share of the positive answers that are right; NaN where there are none."""
    return _share_of(np.asarray(positive, np.bool_), np.asarray(answered, np.bool_))


def recall(positive: Values, answered: Values) -> Statistic:
    """Share of the positive rows that are answered so; NaN where there are none."""
    return _share_of(np.asarray(answered, np.bool_), np.asarray(positive, np.bool_))


def f1(positive: Values, answered: Values) -> Statistic:
    """2 hits / (positive rows + positive answers); NaN where there are neither."""
    check_rows(positive, answered)
    true, said = np.asarray(positive, np.bool_), np.asarray(answered, np.bool_)
    hits, either = 2.0 * (true & said), true.astype(np.float64) + said
    return lambda weights: _ratio(weights @ hits, weights @ either)


def log_loss(true_probability: Values) -> Statistic:
    """Mean of -ln p, with p the probability of the true class, at least 2.2e-16."""
    chance = np.asarray(true_probability, dtype=np.float64)
    return mean(-np.log(np.clip(chance, SMALLEST, 1.0 - SMALLEST)))


def brier(true_probability: Values, square_sum: Values, classes: int) -> Statistic:
    """Mean of the squared distance of the probabilities from the truth, halved for two classes.

    From sum_k (p_k - y_k)^2 = sum_k p_k^2 - 2 p_true + 1, which also holds where the true
    class is not among those of the model and its probability is 0.
    """
    distance = np.asarray(square_sum) - 2.0 * np.asarray(true_probability) + 1.0
    return mean(distance / 2.0 if classes == 2 else distance)


def roc_auc(positive: Values, scores: Values) -> Statistic:
    """Probability that a positive row scores above a negative one, ties counted half."""
    check_rows(positive, scores)
    ranks = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)[1]
    cells = 2 * ranks + np.asarray(positive, dtype=np.bool_)
    size = 2 * (int(ranks.max()) + 1)

    def area(weights: Numbers) -> Numbers:
        counts = _count(cells, weights, size)
        below, above = counts[:, 0::2], counts[:, 1::2]
        beaten = np.cumsum(below, axis=1) - below / 2.0
        pairs = above.sum(axis=1) * below.sum(axis=1)
        return _ratio((above * beaten).sum(axis=1), pairs)

    return area


def average_precision(positive: Values, scores: Values) -> Statistic:
    """Mean over the positive rows of the precision at their score; NaN where there are none."""
    check_rows(positive, scores)
    ranks = np.unique(-np.asarray(scores, dtype=np.float64), return_inverse=True)[1]
    cells = 2 * ranks + np.asarray(positive, dtype=np.bool_)
    size = 2 * (int(ranks.max()) + 1)

    def area(weights: Numbers) -> Numbers:
        counts = _count(cells, weights, size)
        hits = counts[:, 1::2]
        found = np.cumsum(hits, axis=1)
        asked = found + np.cumsum(counts[:, 0::2], axis=1)
        precise = np.divide(found, asked, out=np.zeros_like(found), where=asked > 0)
        return _ratio((hits * precise).sum(axis=1), found[:, -1])

    return area


def calibration_error(positive: Values, probabilities: Values, bins: int = 10) -> Statistic:
    """Mean distance of probability and frequency, over bins of equal width in 0..1."""
    check_rows(positive, probabilities)
    chance = np.asarray(probabilities, dtype=np.float64)
    edges = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    places = np.searchsorted(edges, chance)
    apart = np.zeros((len(chance), bins))
    apart[np.arange(len(chance)), places] = chance - np.asarray(positive, dtype=np.bool_)
    return lambda weights: np.abs(weights @ apart).sum(axis=1) / weights.sum(axis=1)


def rmse(truth: Values, predicted: Values) -> Statistic:
    """Root of the mean squared error."""
    squared = mean(_squares(_errors(truth, predicted)))
    return lambda weights: np.sqrt(squared(weights))


def mae(truth: Values, predicted: Values) -> Statistic:
    """Mean of the absolute error."""
    return mean(np.abs(_errors(truth, predicted)))


def mape(truth: Values, predicted: Values) -> Statistic:
    """Mean of the absolute error relative to the truth; NaN where a truth is 0."""
    error = np.abs(_errors(truth, predicted))
    size = np.abs(np.asarray(truth, dtype=np.float64))
    with np.errstate(all="ignore"):
        return mean(_ratio(error, size) if size.all() else np.full(error.shape, np.nan))


def r2(truth: Values, predicted: Values) -> Statistic:
    """1 - (sum of squared errors) / (sum of squares around the mean); NaN for a constant truth."""
    squared = _squares(_errors(truth, predicted))
    numbers = np.asarray(truth, dtype=np.float64)
    constant = numbers.min() == numbers.max()
    with np.errstate(all="ignore"):
        centred = np.zeros_like(numbers) if constant else numbers - numbers.mean()
    squares = _squares(centred)

    def explained(weights: Numbers) -> Numbers:
        around = weights @ squares
        total = around - (weights @ centred) ** 2 / weights.sum(axis=1)
        # A resample of one value leaves a total of rounding alone, which says nothing.
        defined = np.where(total > 1e-12 * around, total, 0.0)
        return 1.0 - _ratio(weights @ squared, defined)

    return explained


def check_rows(first: Values, *others: Values) -> None:
    """Raise ConfigError unless all are vectors of one length above zero."""
    shapes = [np.shape(values) for values in (first, *others)]
    if any(len(shape) != 1 or shape != shapes[0] or not shape[0] for shape in shapes):
        raise ConfigError(
            f"A metric got values of shapes {', '.join(map(str, shapes))}.",
            hint="Give vectors of one length, with at least one row.",
        )


def _errors(truth: Values, predicted: Values) -> Numbers:
    check_rows(truth, predicted)
    with np.errstate(all="ignore"):
        return np.asarray(predicted, dtype=np.float64) - np.asarray(truth, dtype=np.float64)


def _squares(numbers: Numbers) -> Numbers:
    with np.errstate(all="ignore"):
        return np.square(numbers)


def _codes(truth: Values, predicted: Values) -> tuple[Values, Values, int]:
    """Both as places in the sorted classes that occur, and how many these are."""
    check_rows(truth, predicted)
    classes, codes = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
    return codes[: len(truth)], codes[len(truth) :], len(classes)


def _share_of(part: Values, whole: Values) -> Statistic:
    check_rows(part, whole)
    above, below = (part & whole).astype(np.float64), whole.astype(np.float64)
    return lambda weights: _ratio(weights @ above, weights @ below)


def _count(codes: Values, weights: Numbers, classes: int) -> Numbers:
    """Weight of each class in each line, shape (lines, classes)."""
    lines = len(weights)
    places = codes + classes * np.arange(lines)[:, None]
    counts = np.bincount(places.ravel(), weights.ravel(), minlength=lines * classes)
    return np.asarray(counts, dtype=np.float64).reshape(lines, classes)


def _mean_where(present: Values, above: Numbers, below: Numbers) -> Numbers:
    """Mean over the present classes of a ratio."""
    ratios = np.divide(above, below, out=np.zeros_like(above), where=present)
    return _ratio(ratios.sum(axis=1), present.sum(axis=1))


def _ratio(above: Numbers, below: Values) -> Numbers:
    """The ratio, NaN where it is undefined."""
    undefined = np.full(above.shape, np.nan)
    np.divide(above, below, out=undefined, where=np.asarray(below) > 0)
    return undefined
