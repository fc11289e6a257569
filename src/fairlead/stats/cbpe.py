"""Confidence-based performance estimation: how good answers are before labels come.

A calibrated probability says how often a label will be what was answered, so metrics can be
expected before the labels are known. It holds while probabilities stay calibrated: it sees that
rows became harder, never that the same rows now have other labels (concept drift). Of more than
two classes each is calibrated against the rest, which is right for each alone and leaves a bias
where the model is far too sure of all of them.
Guo et al. (2021), "Predicting with confidence on unseen distributions"; Białek et al. (2024),
"Estimating model performance under covariate shift without labels".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt

import msgspec
import numpy as np

from fairlead.errors import ConfigError
from fairlead.stats import weighted
from fairlead.stats.calibrate import fit_calibrator
from fairlead.stats.confidence import Confidence, Loss, Scale, Table, know
from fairlead.stats.intervals import CONFIDENCE, Estimate, normal_quantile
from fairlead.stats.weighted import Numbers, Statistic, Values

BINS_MAX = 128
CELLS_MAX = 512
CLASSES_MAX = 255
ROWS_MIN = 100

Measure = Callable[[Values, Values, Values], Statistic]

BY_LABEL: dict[str, Measure] = {
    "precision": lambda truth, answered, _: weighted.precision(truth, answered),
    "recall": lambda truth, answered, _: weighted.recall(truth, answered),
    "f1": lambda truth, answered, _: weighted.f1(truth, answered),
    "roc_auc": lambda truth, _, score: weighted.roc_auc(truth, score),
    "average_precision": lambda _, __, score: _mixed_precision(len(score) // 4),
}
OF_TWO: dict[str, Measure] = {
    "accuracy": lambda truth, answered, _: weighted.accuracy(truth, answered),
    "balanced_accuracy": lambda truth, answered, _: weighted.balanced_accuracy(truth, answered),
    "macro_precision": lambda truth, answered, _: weighted.macro_precision(truth, answered),
    "macro_f1": lambda truth, answered, _: weighted.macro_f1(truth, answered),
    **BY_LABEL,
}
OF_MANY = {
    "balanced_accuracy": "recall",
    "macro_precision": "precision",
    "macro_f1": "f1",
    "macro_roc_auc": "roc_auc",
}


class Cbpe(msgspec.Struct, frozen=True, tag="cbpe"):
    """An estimator of a classifier's performance, fitted on labelled reference rows.

    Args:
        scales: of the second of two classes, or of each class.
        reference: the reference rows, with their labels.
    """

    scales: tuple[Scale, ...]
    reference: Confidence


def fit_cbpe(probabilities: Values, predicted: Values, truth: Values) -> Cbpe:
    """Calibrate a classifier's probabilities on rows that it was not fitted on.

    Args:
        probabilities: of the model, shape (rows, classes).
        predicted: place of the answered class, shape (rows,).
        truth: place of the true class, shape (rows,); -1 for one that the model does not know.

    Returns:
        The estimator: for each class the better of isotonic and no calibration, and bins at the
        quantiles of its scores.

    Raises:
        ConfigError: there are fewer than 100 rows, or not two to 255 classes.
    """
    chances = np.asarray(probabilities, dtype=np.float64)
    if chances.ndim != 2 or not 2 <= chances.shape[1] <= CLASSES_MAX or len(chances) < ROWS_MIN:
        raise ConfigError(
            f"Probabilities of shape {chances.shape} cannot be calibrated.",
            hint=f"Give at least {ROWS_MIN} rows and two to {CLASSES_MAX} classes.",
        )
    whole = np.isfinite(chances).all(axis=1)
    chances, labels = chances[whole], np.asarray(truth)[whole]
    classes = chances.shape[1]
    bins = min(BINS_MAX, max(8, CELLS_MAX // classes))
    scales = tuple(
        Scale(
            calibrator=fit_calibrator(chances[:, place], labels == place),
            edges=_edges(chances[:, place], bins),
        )
        for place in ((1,) if classes == 2 else range(classes))
    )
    return Cbpe(scales, know(scales, chances, np.asarray(predicted)[whole], labels))


def estimate_cbpe(
    cbpe: Cbpe,
    expected: Confidence | None,
    known: Confidence | None = None,
    *,
    confidence: float = CONFIDENCE,
) -> dict[str, Estimate]:
    """Estimate metrics of rows of which some or none have a label.

    Rows are counted by class, answer and score; each cell of n rows with S of the class
    expected among them weighs in every metric's formula as S rows with the class and n - S
    without. The interval is for the value that the labels will show, given these rows: a metric's
    variance is sum_cells (dm/dS)^2 S (1 - S / n) (1 + N / M), with N rows and M reference rows
    in the cell's bin, since calibration on M rows is itself uncertain. Labels that are known add
    none, so it closes as they arrive. Means over more than two classes get the mean of the
    classes' deviations, which is never too short.

    Args:
        cbpe: as fitted.
        expected: rows without labels, from `expect`; None if there are none.
        known: rows with labels, from `know`; None if there are none.
        confidence: of the intervals, between 0 and 1.

    Returns:
        Estimates by metric, without those that are undefined. For two classes accuracy,
        balanced_accuracy, macro_precision, macro_f1, precision, recall, f1, roc_auc and
        average_precision; for more accuracy, balanced_accuracy, macro_precision, macro_f1 and
        macro_roc_auc, of each class against the rest; log_loss and brier. Ranks are known up to
        bins: rows of one bin are taken to be evenly mixed.

    Raises:
        ConfigError: there are no rows.
    """
    parts = [part for part in (expected, known) if part is not None and part.rows]
    if not parts:
        raise ConfigError("There are no rows to estimate with.", hint="Give at least one.")
    rows = sum(part.rows for part in parts)
    views = [
        _view(
            [part.tables[i] for part in parts],
            None if expected is None else expected.tables[i],
            reference,
        )
        for i, reference in enumerate(cbpe.reference.tables)
    ]
    found = _of_two(views[0]) if len(views) == 1 else _of_many(views, rows)
    doubt = 1.0 + max(view.doubt for view in views)
    for name in ("log_loss", "brier"):
        losses: list[Loss] = [getattr(part, name) for part in parts]
        variance = sum(loss.variance for loss in losses) * doubt
        found[name] = (sum(loss.total for loss in losses) / rows, sqrt(variance) / rows)
    width = normal_quantile(confidence)
    top = {name: np.inf if name == "log_loss" else 1.0 for name in found}
    return {
        name: Estimate(value, max(value - width * sd, 0.0), min(value + width * sd, top[name]))
        for name, (value, sd) in found.items()
        if np.isfinite(value)
    }


class _View(msgspec.Struct, frozen=True):
    """One class's cells: rows, those of the class, and the variance of that; mean N / M."""

    counts: Numbers
    positives: Numbers
    variance: Numbers
    doubt: float


def _view(tables: list[Table], expected: Table | None, reference: Table) -> _View:
    counts = np.array([table.counts for table in tables], dtype=np.float64).sum(axis=0)
    positives = np.array([table.positives for table in tables]).sum(axis=0)
    if expected is None:
        return _View(counts, positives, np.zeros_like(counts), 0.0)
    rows = np.asarray(expected.counts, dtype=np.float64)
    hits = np.asarray(expected.positives)
    known = np.maximum(np.reshape(reference.counts, (2, -1)).sum(axis=0), 1)
    doubt = np.tile(rows.reshape(2, -1).sum(axis=0) / known, 2)
    spread = np.maximum(hits * (1.0 - hits / np.maximum(rows, 1.0)), 0.0)
    mean_doubt = float((rows * doubt).sum() / max(rows.sum(), 1.0))
    return _View(counts, positives, spread * (1.0 + doubt), mean_doubt)


def _of_two(view: _View) -> dict[str, tuple[float, float]]:
    return {
        name: (value, float(np.linalg.norm(effects)))
        for name, (value, effects) in _measure(view, OF_TWO).items()
    }


def _of_many(views: list[_View], rows: int) -> dict[str, tuple[float, float]]:
    each = [_measure(view, BY_LABEL) for view in views]
    found = {}
    for name, part in OF_MANY.items():
        ones = [one[part] for one in each if np.isfinite(one[part][0])]
        if ones:
            deviation = np.mean([np.linalg.norm(effects) for _, effects in ones])
            found[name] = (float(np.mean([value for value, _ in ones])), float(deviation))
    answered = [np.split(view.positives, 2)[1].sum() for view in views]
    spread = [np.split(view.variance, 2)[1].sum() for view in views]
    return {"accuracy": (float(sum(answered)) / rows, sqrt(sum(spread)) / rows)} | found


def _measure(view: _View, measures: Mapping[str, Measure]) -> dict[str, tuple[float, Numbers]]:
    """Each metric and what a standard deviation of each cell does to it, by differences."""
    bins = len(view.counts) // 2
    truth = np.repeat([False, True], 2 * bins)
    answered = np.tile(np.repeat([False, True], bins), 2)
    score = np.tile(np.arange(bins), 4)
    deviation = np.sqrt(view.variance)
    moved = np.flatnonzero(deviation)
    steps = np.zeros((len(moved), 2 * bins))
    steps[np.arange(len(moved)), moved] = deviation[moved]
    above = np.minimum(view.positives + steps, view.counts)
    below = np.maximum(view.positives - steps, 0.0)
    lines = np.concatenate([view.positives[None, :], above, below])
    weights = np.concatenate([view.counts - lines, lines], axis=1)
    way = (above - below)[np.arange(len(moved)), moved]
    found = {}
    with np.errstate(all="ignore"):
        for name, measure in measures.items():
            values = measure(truth, answered, score)(weights)
            up, down = values[1 : len(moved) + 1], values[len(moved) + 1 :]
            found[name] = (float(values[0]), (up - down) / way * deviation[moved])
    return found


def _mixed_precision(bins: int) -> Statistic:
    """Average precision where the rows of a bin are evenly mixed.

    Within a bin of n rows and t hits below N rows and H hits, the precision is
    (H + x t) / (N + x n); its mean over x in 0..1 is t/n + (H - N t/n) ln(1 + n/N) / n.
    """

    def area(weights: Numbers) -> Numbers:
        by_bin = weights.reshape(len(weights), 2, 2, bins).sum(axis=2)[:, :, ::-1]
        hits, rows = by_bin[:, 1], by_bin.sum(axis=1)
        above, before = (np.cumsum(each, axis=1) - each for each in (rows, hits))
        share = np.divide(hits, rows, out=np.zeros_like(hits), where=rows > 0)
        fall = np.zeros_like(hits)
        np.log1p(np.divide(rows, above, out=fall, where=above > 0), out=fall)
        np.divide(fall * (before - above * share), rows, out=fall, where=rows > 0)
        mean: Numbers = (hits * (share + fall)).sum(axis=1) / hits.sum(axis=1)
        return mean

    return area


def _edges(scores: Numbers, bins: int) -> tuple[float, ...]:
    """Between distinct scores if there are few, else quantiles."""
    distinct = np.unique(scores)
    if len(distinct) <= bins:
        return tuple((distinct[:-1] / 2.0 + distinct[1:] / 2.0).tolist())
    shares = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    return tuple(np.unique(np.quantile(scores, shares, method="higher")).tolist())
