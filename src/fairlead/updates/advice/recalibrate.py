"""Answers of a model that stays, corrected by what its latest ones turned out to be."""

from __future__ import annotations

import numpy as np

from fairlead.stats.calibrate import calibrate, fit_calibrator
from fairlead.updates.advice.types import Numbers, Values

ROWS_MIN = 50


def recalibrate(truth: Values, answered: Numbers, answers: Numbers) -> Numbers:
    """Correct answers by rows whose truth is known, and that the model has not learnt from.

    Probabilities: of each class a rising curve, by isotonic regression where that is better on
    held-out rows than what the model says, then brought to a sum of 1. Numbers: offset and scale
    of least squares. Fewer than fifty rows correct nothing.

    Args:
        truth: places of the classes, or numbers, shape (known,).
        answered: what the model said of these, shape (known, classes) or (known,).
        answers: that are to be corrected, shape (rows, classes) or (rows,).

    Example:
        >>> said = np.arange(100.0)
        >>> recalibrate(2.0 * said + 1.0, said, np.array([0.0, 10.0])).round(6).tolist()
        [1.0, 21.0]
    """
    if len(truth) < ROWS_MIN:
        return answers
    if answers.ndim == 1:
        return _line(truth, answered, answers)
    if answers.shape[1] == 2:
        curve = fit_calibrator(answered[:, 1], truth == 1)
        second = calibrate(curve, answers[:, 1])
        return np.column_stack([1.0 - second, second])
    curves = [fit_calibrator(answered[:, k], truth == k) for k in range(answers.shape[1])]
    each = np.column_stack([calibrate(c, answers[:, k]) for k, c in enumerate(curves)])
    total = each.sum(axis=1, keepdims=True)
    return np.where(total > 0, each / np.where(total > 0, total, 1.0), answers)


def _line(truth: Values, answered: Numbers, answers: Numbers) -> Numbers:
    centre, centred = answered.mean(), answered - answered.mean()
    spread = float(centred @ centred)
    scale = float(centred @ (truth - truth.mean())) / spread if spread > 0 else 1.0
    return np.asarray(truth.mean() + scale * (answers - centre))
