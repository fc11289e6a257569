"""Performance without labels: an estimator fitted at packaging, asked over mergeable counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError, ConflictError, StorageError
from fairlead.monitoring.columns import TABULAR, Column, codes_of, column_of, size_of
from fairlead.monitoring.labels import places_of, plain_values
from fairlead.monitoring.measure import answer_field, answers_of, classes_of, probabilities_of
from fairlead.signature import Batch, Field, Numbers, Signature
from fairlead.stats import CONFIDENCE, Estimate
from fairlead.stats.cbpe import CLASSES_MAX, ROWS_MIN, Cbpe, estimate_cbpe, fit_cbpe
from fairlead.stats.confidence import Confidence, calibrated, expect, know, merge
from fairlead.stats.dle import (
    Dle,
    Losses,
    estimate_dle,
    expect_losses,
    expected_loss,
    fit_dle,
    know_losses,
    merge_losses,
)

FORMAT = 1
ESTIMATOR = "estimator.json"
"""The file of a bundle that holds it, where its model was packaged with enough labels."""
ROWS_MAX = 100_000

Values = npt.NDArray[Any]


class Estimator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is needed to estimate a model's performance, as it lies in its bundle.

    Args:
        model: confidence-based for a classifier, direct loss for a regressor.
        columns: of a regressor, what the loss is learned from.
        format: of these bytes.
    """

    model: Cbpe | Dle
    columns: tuple[Column, ...] = ()
    format: int = FORMAT


Counted = Confidence | Losses


def fit_estimator(
    signature: Signature, inputs: Batch, outputs: Batch, labels: Values
) -> Estimator | None:
    """Fit the estimator that suits a model, on labelled rows that it was not fitted on.

    Args:
        signature: of the model.
        inputs: reference rows.
        outputs: what the model answers to them.
        labels: the truth, shape (rows,); of more than 100 000 rows some are used.

    Returns:
        None where there is nothing to estimate from: fewer than 100 rows with a label, a
        classifier without probabilities, a task without one answer a row.
    """
    field = answer_field(signature, outputs)
    if field is None or outputs.rows < ROWS_MIN:
        return None
    labels = np.reshape(labels, -1)
    step = -(-outputs.rows // ROWS_MAX)
    if step > 1:
        some = slice(None, None, step)
        inputs, outputs, labels = inputs.take(some), outputs.take(some), labels[some]
    if signature.task == "classification":
        return _fit_classifier(signature, field, outputs, labels)
    truth, said = _truth(labels), _said(field, outputs)
    whole = np.isfinite(truth) & np.isfinite(said)
    if whole.sum() < ROWS_MIN:
        return None
    rows = np.flatnonzero(whole)
    loss = np.abs(said - truth)[rows]
    asked, answered = inputs.take(rows), outputs.take(rows)
    columns = [
        column_of(one, asked.column(one.name), loss)
        for one in signature.inputs
        if one.kind in TABULAR
    ]
    columns.append(column_of(field, answered.column(field.name).reshape(-1), loss))
    codes = codes_of(columns, asked, answered)
    model = fit_dle(codes, [size_of(column) for column in columns], truth[rows], said[rows])
    return Estimator(model=model, columns=tuple(columns))


def expect_rows(
    estimator: Estimator, signature: Signature, inputs: Batch, outputs: Batch
) -> Counted:
    """Count rows without labels, so that they can be merged and estimated with."""
    if isinstance(estimator.model, Dle):
        return expect_losses(estimator.model, codes_of(estimator.columns, inputs, outputs))
    probabilities, said, _ = _classified(signature, outputs)
    return expect(estimator.model.scales, probabilities, said)


def know_rows(
    estimator: Estimator, signature: Signature, outputs: Batch, labels: Sequence[object]
) -> Counted:
    """Count rows with labels, so that they can be merged and estimated with."""
    if isinstance(estimator.model, Dle):
        field = _field(signature, outputs)
        return know_losses(_truth(np.array(labels, dtype=object)), _said(field, outputs))
    probabilities, said, classes = _classified(signature, outputs)
    return know(estimator.model.scales, probabilities, said, places_of(labels, classes))


def expected_losses(
    estimator: Estimator, signature: Signature, inputs: Batch, outputs: Batch
) -> Numbers:
    """The loss that is expected of each row: of a wrong label, or the absolute error.

    Returns:
        Shape (rows,): 1 - the calibrated probability of the answered class, or a regressor's
        expected absolute error. For attribution, which needs rows.
    """
    if isinstance(estimator.model, Dle):
        return expected_loss(estimator.model, codes_of(estimator.columns, inputs, outputs))
    probabilities, said, _ = _classified(signature, outputs)
    chances = calibrated(estimator.model.scales, probabilities)
    right = chances[np.arange(len(said)), said]
    return np.where(said < 0, 1.0, 1.0 - right)


def merge_counted(a: Counted, b: Counted) -> Counted:
    """The counts of the rows of both.

    Raises:
        ConflictError: they come from different estimators.
    """
    if isinstance(a, Confidence) and isinstance(b, Confidence):
        return merge(a, b)
    if isinstance(a, Losses) and isinstance(b, Losses):
        return merge_losses(a, b)
    raise ConflictError(
        "Counts of different estimators cannot be merged.",
        hint="Count the rows of both with one estimator.",
    )


def estimate(
    estimator: Estimator,
    expected: Counted | None,
    known: Counted | None = None,
    *,
    confidence: float = CONFIDENCE,
) -> dict[str, Estimate]:
    """Metrics of rows, of which none, some or all have labels; with intervals.

    Args:
        estimator: of the version that answered.
        expected: rows without labels; None if there are none.
        known: rows with labels; None if there are none.
        confidence: of the intervals, for the value that all labels will show.

    Raises:
        ConfigError: there are no rows.
    """
    model = estimator.model
    if isinstance(model, Cbpe):
        ours = [one if isinstance(one, Confidence) else None for one in (expected, known)]
        return estimate_cbpe(model, *ours, confidence=confidence)
    losses = [one if isinstance(one, Losses) else None for one in (expected, known)]
    return estimate_dle(model, *losses, confidence=confidence)


def encode_estimator(estimator: Estimator) -> bytes:
    """Write an estimator as JSON."""
    return msgspec.json.encode(estimator)


def decode_estimator(raw: bytes) -> Estimator:
    """Read an estimator back.

    Raises:
        StorageError: the bytes are damaged, or were written by a newer Fairlead.
    """
    try:
        estimator = msgspec.json.decode(raw, type=Estimator)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise StorageError(f"An estimator cannot be read: {error}.") from error
    if estimator.format > FORMAT:
        raise StorageError(
            f"An estimator has format {estimator.format}; this Fairlead reads up to {FORMAT}.",
            hint="Upgrade Fairlead on this machine.",
        )
    return estimator


def _fit_classifier(
    signature: Signature, field: Field, outputs: Batch, labels: Values
) -> Estimator | None:
    classes = classes_of(signature, field)
    if classes is None or not 2 <= len(classes) <= CLASSES_MAX:
        return None
    probabilities = probabilities_of(outputs, len(classes))
    if probabilities is None:
        return None
    plain = plain_values(labels)
    labelled = np.array([label is not None for label in plain])
    labelled &= np.isfinite(probabilities).all(axis=1)
    if labelled.sum() < ROWS_MIN:
        return None
    said = places_of(answers_of(outputs, field), classes)
    truth = places_of(plain, classes)
    return Estimator(model=fit_cbpe(probabilities[labelled], said[labelled], truth[labelled]))


def _classified(signature: Signature, outputs: Batch) -> tuple[Numbers, Values, list[Any]]:
    """Probabilities, the places of the answered classes, and the classes."""
    field = _field(signature, outputs)
    classes = classes_of(signature, field) or []
    probabilities = probabilities_of(outputs, len(classes))
    if probabilities is None:
        raise _unfit()
    return probabilities, places_of(answers_of(outputs, field), classes), classes


def _field(signature: Signature, outputs: Batch) -> Field:
    field = answer_field(signature, outputs)
    if field is None:
        raise _unfit()
    return field


def _unfit() -> ConfigError:
    return ConfigError(
        "These answers are not of the model that the estimator was fitted for.",
        hint="Use the estimator in the bundle of the version that answered.",
    )


def _said(field: Field, outputs: Batch) -> Numbers:
    return np.asarray(outputs.column(field.name), dtype=np.float64).reshape(-1)


def _truth(labels: Values) -> Numbers:
    """Labels of a regressor; NaN where there is none."""
    return np.array([np.nan if y is None else float(y) for y in plain_values(labels)])
