"""Metrics of answers against the truth, each one number; NaN where one is undefined.

All agree with scikit-learn's functions of the same names, which are slower to import and take
no weights for many resamples at once.
"""

from __future__ import annotations

import numpy as np

from fairlead.errors import ConfigError
from fairlead.stats import weighted
from fairlead.stats.weighted import Values, value_of


def accuracy(truth: Values, predicted: Values) -> float:
    """Share of rows whose label is right, in 0..1.

    Args:
        truth: labels, shape (rows,).
        predicted: answered labels, shape (rows,), of the same type.

    Raises:
        ConfigError: there are no rows, or not equally many of both; so for every metric.

    Example:
        >>> accuracy(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0]))
        0.75
    """
    return value_of(weighted.accuracy(truth, predicted), len(truth))


def balanced_accuracy(truth: Values, predicted: Values) -> float:
    """Mean recall over the classes that occur in the truth, in 0..1.

    mean_k (hits_k / support_k): a class counts the same however rare it is. Brodersen et al.
    (2010), "The balanced accuracy and its posterior distribution".

    Example:
        >>> balanced_accuracy(np.array([0, 1, 1, 1]), np.array([0, 0, 0, 1])).__round__(4)
        0.6667
    """
    return value_of(weighted.balanced_accuracy(truth, predicted), len(truth))


def macro_f1(truth: Values, predicted: Values) -> float:
    """Mean over the classes, true or answered, of the harmonic mean of precision and recall.

    mean_k 2 hits_k / (support_k + answers_k), in 0..1; 0 for a class that was never hit. Van
    Rijsbergen (1979), "Information Retrieval".

    Example:
        >>> macro_f1(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0])).__round__(4)
        0.7333
    """
    return value_of(weighted.macro_f1(truth, predicted), len(truth))


def macro_precision(truth: Values, predicted: Values) -> float:
    """Mean over the classes, true or answered, of the share of their answers that is right.

    mean_k (hits_k / answers_k), in 0..1; 0 for a class that was never answered.

    Example:
        >>> macro_precision(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1]))
        0.75
    """
    return value_of(weighted.macro_precision(truth, predicted), len(truth))


def precision(positive: Values, answered: Values) -> float:
    """Share of the positive answers that are right: hits / answers; NaN where there are none.

    Args:
        positive: whether a row is of the positive class, shape (rows,).
        answered: whether it was answered so, shape (rows,).

    Example:
        >>> precision(np.array([0, 1, 1, 1]), np.array([1, 1, 0, 0]))
        0.5
    """
    return value_of(weighted.precision(positive, answered), len(positive))


def recall(positive: Values, answered: Values) -> float:
    """Share of the positive rows that are answered so: hits / positives; NaN without one.

    Example:
        >>> recall(np.array([0, 1, 1, 1, 1]), np.array([1, 1, 0, 0, 0]))
        0.25
    """
    return value_of(weighted.recall(positive, answered), len(positive))


def f1(positive: Values, answered: Values) -> float:
    """Harmonic mean of precision and recall: 2 hits / (positives + answers).

    NaN where nothing is positive and nothing answered so.

    Example:
        >>> f1(np.array([0, 1, 1, 1]), np.array([1, 1, 0, 0]))
        0.4
    """
    return value_of(weighted.f1(positive, answered), len(positive))


def log_loss(truth: Values, probabilities: Values) -> float:
    """Mean of -ln(probability of the true class), in nats; 0 is best.

    Probabilities are cut to [2.2e-16, 1 - 2.2e-16]. Good (1952), "Rational decisions".

    Args:
        truth: place of the true class along the last axis of `probabilities`, shape (rows,); -1
            for one that the model does not know, whose probability is 0.
        probabilities: shape (rows, classes).

    Example:
        >>> log_loss(np.array([0, 1]), np.array([[0.5, 0.5], [0.5, 0.5]])).__round__(4)
        0.6931
    """
    return value_of(weighted.log_loss(chance_of(truth, probabilities)), len(truth))


def brier(truth: Values, probabilities: Values) -> float:
    """Mean squared distance of the probabilities from the truth; 0 is best.

    mean sum_k (p_k - [k is true])^2, in 0..2; halved for two classes, where it is the mean of
    (p_1 - y)^2, in 0..1. Brier (1950), "Verification of forecasts expressed in terms of
    probability".

    Args:
        truth: as for `log_loss`.
        probabilities: shape (rows, classes).

    Example:
        >>> brier(np.array([0, 1]), np.array([[0.5, 0.5], [0.0, 1.0]]))
        0.125
    """
    chance = chance_of(truth, probabilities)
    squares = np.sum(np.square(probabilities, dtype=np.float64), axis=1)
    return value_of(weighted.brier(chance, squares, probabilities.shape[1]), len(truth))


def roc_auc(positive: Values, scores: Values) -> float:
    """Probability that a positive row scores above a negative one, ties counted half.

    (wins + ties / 2) / (positives * negatives), the area under the ROC curve. Hanley and McNeil
    (1982), "The meaning and use of the area under a receiver operating characteristic curve".
    NaN where all rows are of one class.

    Args:
        positive: whether a row is of the positive class, shape (rows,).
        scores: the higher, the more positive; shape (rows,).

    Example:
        >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.8]))
        0.875
    """
    return value_of(weighted.roc_auc(positive, scores), len(positive))


def average_precision(positive: Values, scores: Values) -> float:
    """Area under the curve of precision over recall, in steps: sum_i (R_i - R_i-1) P_i.

    Rows of one score step together. Without interpolation, which would be too kind: Davis and
    Goadrich (2006), "The relationship between precision-recall and ROC curves". NaN where no row
    is positive.

    Args:
        positive: whether a row is of the positive class, shape (rows,).
        scores: the higher, the more positive; shape (rows,).

    Example:
        >>> average_precision(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.8])).__round__(4)
        0.8333
    """
    return value_of(weighted.average_precision(positive, scores), len(positive))


def calibration_error(positive: Values, probabilities: Values, bins: int = 10) -> float:
    """How far probabilities lie from frequencies on average, in 0..1; 0 is best.

    The expected calibration error over bins of equal width: sum_b (n_b / n) |mean p - mean y|. Of
    few rows in a bin it is above 0 even for a perfectly calibrated model, and resampled it is
    larger still, so that its interval leans high. Naeini, Cooper and Hauskrecht (2015),
    "Obtaining well calibrated probabilities using Bayesian binning".

    Args:
        positive: whether what has the probability is so, shape (rows,).
        probabilities: in 0..1, shape (rows,).
        bins: how many.

    Example:
        >>> calibration_error(np.array([0, 1]), np.array([0.25, 0.5]))
        0.375
    """
    return value_of(weighted.calibration_error(positive, probabilities, bins), len(positive))


def rmse(truth: Values, predicted: Values) -> float:
    """Root of the mean squared error, in the unit of the truth.

    Example:
        >>> rmse(np.array([1.0, 2.0]), np.array([1.0, 4.0])).__round__(4)
        1.4142
    """
    return value_of(weighted.rmse(truth, predicted), len(truth))


def mae(truth: Values, predicted: Values) -> float:
    """Mean absolute error, in the unit of the truth.

    Example:
        >>> mae(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
        1.0
    """
    return value_of(weighted.mae(truth, predicted), len(truth))


def mape(truth: Values, predicted: Values) -> float:
    """Mean absolute error relative to the truth: mean |error| / |truth|; NaN where one is 0.

    Example:
        >>> mape(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
        0.5
    """
    return value_of(weighted.mape(truth, predicted), len(truth))


def r2(truth: Values, predicted: Values) -> float:
    """Share of the variance that is explained: 1 - SSE / SST; NaN where the truth is constant.

    Example:
        >>> r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0]))
        0.5
    """
    return value_of(weighted.r2(truth, predicted), len(truth))


def chance_of(places: Values, probabilities: Values) -> weighted.Numbers:
    """The probability of each row's class, 0 where its place is -1.

    Raises:
        ConfigError: the probabilities are not a matrix with one line for each row.
    """
    if probabilities.ndim != 2 or len(probabilities) != len(places):
        raise ConfigError(
            f"Probabilities have shape {probabilities.shape} for {len(places)} rows.",
            hint="Give one line for each row and one column for each class.",
        )
    chances = probabilities[np.arange(len(places)), places].astype(np.float64)
    return np.where(places >= 0, chances, 0.0)
