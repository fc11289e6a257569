"""Whether a classifier can tell two samples of rows apart, over all fields at once."""

from __future__ import annotations

from math import sqrt
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError
from fairlead.stats import CONFIDENCE, Estimate
from fairlead.stats.intervals import normal_quantile

FOLDS = 5
TREES, LEAVES, BINS = 30, 15, 32
"""Few bins: of thousands of rows more tell no more, and take six times as long."""
ROWS_MIN = 50
Rows = npt.NDArray[np.float64]


class Domain(msgspec.Struct, frozen=True):
    """How well rows of two samples can be told apart.

    Args:
        auc: mean over the folds of the area under the ROC curve, with its interval; 0.5 where
            they are alike.
        p_value: chance of telling them apart as well, were they alike.
        rows: of both samples.
        drops: by how much the area falls when a field's values are shuffled among the rows, which
            is what only that field tells, shape (fields,).
    """

    auc: Estimate
    p_value: float
    rows: int
    drops: tuple[float, ...]


def tell_apart(reference: Rows, current: Rows, *, seed: int) -> Domain:
    """Fit a classifier to two samples and see whether it tells rows apart that it has not seen.

    Gradient boosted trees of scikit-learn, cross-fitted on five folds. Within a fold the rank sum
    of the scores is Mann and Whitney's statistic, one-sided, ties counted: rows of the fold were
    seen by no classifier that scores them, so the fold's p-value is valid. Folds depend on each
    other; twice the mean of their p-values is valid however they do (Vovk and Wang (2020),
    "Combining p-values via averaging"). Lopez-Paz and Oquab (2017), "Revisiting classifier
    two-sample tests". The interval is DeLong's of each fold, as if folds were independent; fields
    are told by permutation, as in Breiman (2001), "Random forests".

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
        >>> moved.auc.value > 0.6, moved.p_value < 0.01, tell_apart(a, b, seed=1).p_value > 0.05
        (True, True, True)
    """
    _check(reference, current)
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold
    from threadpoolctl import threadpool_limits

    rows = np.concatenate([reference, current])
    labels = np.repeat([0, 1], [len(reference), len(current)])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    random = np.random.default_rng(seed)
    found, drops = [], []
    with threadpool_limits(1):  # threads wait for each other longer than small trees take
        for fit, held in folds.split(rows, labels):
            model: Any = HistGradientBoostingClassifier(
                max_iter=TREES, max_leaf_nodes=LEAVES, early_stopping=False, max_bins=BINS,
                class_weight="balanced", random_state=seed,
            )  # fmt: skip
            model.fit(rows[fit], labels[fit])
            scores = model.predict_proba(rows[held])[:, 1]
            found.append(_rank_sum(scores, labels[held]))
            drops.append(_drops(model, rows[held], labels[held], found[-1][0], random))
    auc, p_value, variance = np.mean(found, axis=0).tolist()
    half = normal_quantile(CONFIDENCE) * sqrt(variance / FOLDS)
    return Domain(
        auc=Estimate(auc, max(auc - half, 0.0), min(auc + half, 1.0)),
        p_value=min(1.0, 2.0 * p_value),
        rows=len(rows),
        drops=tuple(np.mean(drops, axis=0).tolist()),
    )


def _drops(
    model: Any, rows: Rows, labels: npt.NDArray[np.int_], auc: float, random: np.random.Generator
) -> list[float]:
    """What the area loses without each field."""
    drops = []
    for place in range(rows.shape[1]):
        without = rows.copy()
        without[:, place] = random.permutation(rows[:, place])
        drops.append(auc - _rank_sum(model.predict_proba(without)[:, 1], labels)[0])
    return drops


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


def _rank_sum(scores: Rows, labels: npt.NDArray[np.int_]) -> tuple[float, float, float]:
    """Area under the curve, its one-sided p-value by the normal approximation, and its variance.

    Variance under the null (N + 1 - sum (t^3 - t) / (N (N - 1))) / (12 n m) for ties of t scores
    each; Mann and Whitney (1947). Otherwise from the placements of each row among those of the
    other sample; DeLong, DeLong and Clarke-Pearson (1988).
    """
    from scipy.special import ndtr

    ranks, tied = _ranks(scores)
    total, ones = len(scores), int(labels.sum())
    zeros = total - ones
    auc = float(ranks[labels == 1].sum() - ones * (ones + 1) / 2.0) / (ones * zeros)
    ties = float(np.sum(tied.astype(np.float64) ** 3 - tied)) / (total * (total - 1.0))
    deviation = sqrt(max(total + 1.0 - ties, 0.0) / (12.0 * ones * zeros))
    p_value = float(ndtr(-(auc - 0.5) / deviation)) if deviation else 1.0
    sizes = (zeros, ones)
    placed = [
        (ranks[labels == one] - _ranks(scores[labels == one])[0]) / sizes[1 - one] for one in (0, 1)
    ]
    variance = sum(float(places.var(ddof=1)) / len(places) for places in placed)
    return auc, p_value, variance


def _ranks(scores: Rows) -> tuple[Rows, npt.NDArray[np.int_]]:
    """Each score's rank, the mean of those that it shares; and how many share each one."""
    _, places, tied = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(tied)
    return (ends - (tied - 1) / 2.0)[places], tied
