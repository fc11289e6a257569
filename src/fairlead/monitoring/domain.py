"""Whether a classifier can tell two samples of rows apart, over all fields at once."""

from __future__ import annotations

from math import sqrt
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError

FOLDS = 5
TREES, LEAVES = 30, 15
ROWS_MIN = 50
Rows = npt.NDArray[np.float64]


class Domain(msgspec.Struct, frozen=True):
    """How well rows of two samples can be told apart.

    Args:
        auc: mean over the folds of the area under the ROC curve; 0.5 where they are alike.
        p_value: chance of telling them apart as well, were they alike.
        rows: of both samples.
    """

    auc: float
    p_value: float
    rows: int


def tell_apart(reference: Rows, current: Rows, *, seed: int) -> Domain:
    """Fit a classifier to two samples and see whether it tells rows apart that it has not seen.

    Gradient boosted trees of scikit-learn, cross-fitted on five folds. Within a fold the rank sum
    of the scores is Mann and Whitney's statistic, one-sided, ties counted: rows of the fold were
    seen by no classifier that scores them, so the fold's p-value is valid. Folds depend on each
    other; twice the mean of their p-values is valid however they do (Vovk and Wang (2020),
    "Combining p-values via averaging"). Lopez-Paz and Oquab (2017), "Revisiting classifier
    two-sample tests".

    Args:
        reference: rows, shape (rows, fields); NaN where a value is missing, categories as codes
            by which their frequency or name orders them.
        current: the same, of other rows. Rows must be independent: of a user's many take one.
        seed: of the folds.

    Raises:
        ConfigError: a sample has fewer than fifty rows, or they have not the same fields.

    Example:
        >>> random = np.random.default_rng(1)
        >>> a, b = random.normal(size=(200, 2)), random.normal(size=(200, 2))
        >>> moved = tell_apart(a, b + [0.0, 1.0], seed=1)
        >>> moved.auc > 0.6, moved.p_value < 0.01, tell_apart(a, b, seed=1).p_value > 0.05
        (True, True, True)
    """
    _check(reference, current)
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold
    from threadpoolctl import threadpool_limits

    rows = np.concatenate([reference, current])
    labels = np.repeat([0, 1], [len(reference), len(current)])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    found = []
    with threadpool_limits(1):  # threads wait for each other longer than small trees take
        for fit, held in folds.split(rows, labels):
            model: Any = HistGradientBoostingClassifier(
                max_iter=TREES, max_leaf_nodes=LEAVES, early_stopping=False,
                class_weight="balanced", random_state=seed,
            )  # fmt: skip
            scores = model.fit(rows[fit], labels[fit]).predict_proba(rows[held])[:, 1]
            found.append(_rank_sum(scores, labels[held]))
    auc, p_value = np.mean(found, axis=0).tolist()
    return Domain(auc=auc, p_value=min(1.0, 2.0 * p_value), rows=len(rows))


def _check(reference: Rows, current: Rows) -> None:
    shapes = reference.shape, current.shape
    if any(len(s) != 2 for s in shapes) or shapes[0][1] != shapes[1][1] or not shapes[0][1]:
        raise ConfigError(
            f"Samples of shapes {shapes[0]} and {shapes[1]} cannot be told apart.",
            hint="Give two matrices of rows with the same fields.",
        )
    if min(len(reference), len(current)) < ROWS_MIN:
        raise ConfigError(
            f"Samples of {len(reference)} and {len(current)} rows are too small.",
            hint=f"Give at least {ROWS_MIN} rows of each.",
        )


def _rank_sum(scores: Rows, labels: npt.NDArray[np.int_]) -> tuple[float, float]:
    """Area under the curve, and its one-sided p-value by the normal approximation.

    Variance (N + 1 - sum (t^3 - t) / (N (N - 1))) / (12 n m) for ties of t scores each. Mann and
    Whitney (1947).
    """
    from scipy.special import ndtr

    _, places, tied = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(tied)
    ranks = (ends - (tied - 1) / 2.0)[places]
    total, ones = len(scores), int(labels.sum())
    zeros = total - ones
    auc = float(ranks[labels == 1].sum() - ones * (ones + 1) / 2.0) / (ones * zeros)
    ties = float(np.sum(tied.astype(np.float64) ** 3 - tied)) / (total * (total - 1.0))
    deviation = sqrt(max(total + 1.0 - ties, 0.0) / (12.0 * ones * zeros))
    p_value = float(ndtr(-(auc - 0.5) / deviation)) if deviation else 1.0
    return auc, p_value
