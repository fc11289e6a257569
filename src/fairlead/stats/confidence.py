"""What probabilities say of labels that nobody has seen yet, counted so that it can be added up."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from fairlead.errors import ConfigError, ConflictError
from fairlead.stats.calibrate import Calibrator, calibrate
from fairlead.stats.weighted import SMALLEST, Numbers, Values


class Scale(msgspec.Struct, frozen=True):
    """How the probability of one class is read.

    Args:
        calibrator: from the model's probability to a true one.
        edges: rising; scores below the first are bin 0, from the last on the last bin.
    """

    calibrator: Calibrator
    edges: tuple[float, ...]


class Table(msgspec.Struct, frozen=True):
    """Rows as of one class or not, by what was answered and by score.

    Args:
        counts: rows; first those not answered as the class, by bin, then those that were.
        positives: how many of these are of the class, or are expected to be.
    """

    counts: tuple[int, ...]
    positives: tuple[float, ...]


class Loss(msgspec.Struct, frozen=True):
    """The sum over rows of a loss, and the variance of that sum by what is not known."""

    total: float = 0.0
    variance: float = 0.0


class Confidence(msgspec.Struct, frozen=True, tag="confidence"):
    """A summary of answered rows: a commutative monoid under `merge`, within rounding.

    Args:
        rows: how many there are.
        tables: of the second of two classes, or of each class against the rest.
        log_loss: in nats.
        brier: halved for two classes.
    """

    rows: int
    tables: tuple[Table, ...]
    log_loss: Loss = Loss()
    brier: Loss = Loss()


def merge(a: Confidence, b: Confidence) -> Confidence:
    """The summary of the rows of both.

    Raises:
        ConflictError: they were not counted on the same scales.
    """
    if [len(t.counts) for t in a.tables] != [len(t.counts) for t in b.tables]:
        raise ConflictError(
            "Summaries of different estimators cannot be merged.",
            hint="Count the rows of both with one estimator.",
        )
    return Confidence(
        rows=a.rows + b.rows,
        tables=tuple(map(_add_tables, a.tables, b.tables)),
        log_loss=_add_losses(a.log_loss, b.log_loss),
        brier=_add_losses(a.brier, b.brier),
    )


def expect(scales: Sequence[Scale], probabilities: Values, predicted: Values) -> Confidence:
    """Count rows without labels, each as much of a class as its calibrated probability.

    Args:
        scales: of the second of two classes, or of each class.
        probabilities: of the model, shape (rows, classes); rows with one that is not finite are
            left out.
        predicted: place of the answered class, shape (rows,).

    Raises:
        ConfigError: the shapes do not fit.
    """
    chances, answers, _ = _whole(scales, probabilities, predicted, predicted)
    return _count(scales, chances, answers, calibrated(scales, chances))


def know(
    scales: Sequence[Scale], probabilities: Values, predicted: Values, truth: Values
) -> Confidence:
    """Count rows with labels, so that they can be merged with each other and estimated with.

    Args:
        scales: as for `expect`.
        probabilities: as for `expect`.
        predicted: as for `expect`.
        truth: place of the true class, shape (rows,); -1 for one that the model does not know.

    Raises:
        ConfigError: the shapes do not fit.
    """
    chances, answers, labels = _whole(scales, probabilities, predicted, truth)
    return _count(scales, chances, answers, labels[:, None] == np.arange(chances.shape[1]))


def _whole(
    scales: Sequence[Scale], probabilities: Values, predicted: Values, truth: Values
) -> tuple[Numbers, Values, Values]:
    """The rows whose probabilities are finite."""
    chances = np.asarray(probabilities, dtype=np.float64)
    classes = 2 if len(scales) == 1 else len(scales)
    if chances.ndim != 2 or chances.shape[1] != classes or len(predicted) != len(chances):
        raise ConfigError(
            f"Probabilities have shape {chances.shape} for {len(predicted)} rows.",
            hint=f"Give one line for each row and one column for each of {classes} classes.",
        )
    whole = np.isfinite(chances).all(axis=1)
    return chances[whole], np.asarray(predicted)[whole], np.asarray(truth)[whole]


def calibrated(scales: Sequence[Scale], chances: Numbers) -> Numbers:
    """True probabilities, shape (rows, classes), each row adding up to 1."""
    if len(scales) == 1:
        second = calibrate(scales[0].calibrator, chances[:, 1])
        return np.column_stack([1.0 - second, second])
    each = [calibrate(s.calibrator, chances[:, place]) for place, s in enumerate(scales)]
    raw = np.column_stack(each)
    total = raw.sum(axis=1, keepdims=True)
    even = np.full_like(raw, 1.0 / len(scales))
    np.divide(raw, total, out=even, where=total > 0)
    return even


def _count(
    scales: Sequence[Scale], chances: Numbers, answers: Values, shares: Values
) -> Confidence:
    """Rows by bin, `shares` of each of them of each class."""
    weights = shares.astype(np.float64)
    places = (1,) if len(scales) == 1 else range(len(scales))
    tables = tuple(
        _table(scale, chances[:, place], answers == place, weights[:, place])
        for place, scale in zip(places, scales, strict=True)
    )
    surprise = -np.log(np.clip(chances, SMALLEST, 1.0 - SMALLEST))
    most = 1.0 + np.square(chances).sum(axis=1)  # where the true class has no probability
    halves = 0.5 if len(scales) == 1 else 1.0
    return Confidence(
        rows=len(chances),
        tables=tables,
        log_loss=_loss(surprise, weights, np.full(len(chances), -np.log(SMALLEST))),
        brier=_loss(halves * (most[:, None] - 2.0 * chances), weights, halves * most),
    )


def _table(scale: Scale, scores: Numbers, answered: Values, shares: Numbers) -> Table:
    bins = len(scale.edges) + 1
    cells = np.searchsorted(scale.edges, scores, side="right") + bins * answered
    counts = np.bincount(cells, minlength=2 * bins)
    positives = np.bincount(cells, shares, minlength=2 * bins)
    return Table(tuple(counts.tolist()), tuple(positives.tolist()))


def _loss(losses: Numbers, shares: Numbers, without: Numbers) -> Loss:
    """The sum of the loss under the true class, of `without` where it is none of them."""
    known = shares.sum(axis=1) > 0.5
    means = np.where(known, (shares * losses).sum(axis=1), without)
    squares = (shares * np.square(losses - means[:, None])).sum()
    return Loss(float(means.sum()), float(squares))


def _add_tables(a: Table, b: Table) -> Table:
    counts = np.add(a.counts, b.counts)
    return Table(tuple(counts.tolist()), tuple(np.add(a.positives, b.positives).tolist()))


def _add_losses(a: Loss, b: Loss) -> Loss:
    return Loss(a.total + b.total, a.variance + b.variance)
