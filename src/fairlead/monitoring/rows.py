"""From rows of the prediction log to batches, and to answers beside the labels that came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.monitoring.columns import TABULAR
from fairlead.monitoring.labels import NUMBER_MAX, places_of
from fairlead.monitoring.measure import (
    Answers,
    Predictions,
    answer_field,
    answers_of,
    beside,
    known_classes,
    probabilities_of,
)
from fairlead.signature import Batch, Field, Signature, from_frame

if TYPE_CHECKING:
    import polars as pl

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Answered:
    """Rows that were answered, in the order of the log.

    Args:
        rows: of the log, those that were answered with all that the signature names.
        inputs: their numbers, booleans and categories.
        outputs: what was answered.
        labels: what came later, None where nothing did: numbers for a regressor, else text.
    """

    rows: pl.DataFrame
    inputs: Batch
    outputs: Batch
    labels: list[Any]


@dataclass(frozen=True, slots=True)
class Truth:
    """Answers that have a label, beside it.

    Args:
        answers: of the labelled rows.
        labelled: which rows these are, shape (rows,).
    """

    answers: Answers
    labelled: Mask


def answered(rows: pl.DataFrame, signature: Signature) -> Answered | None:
    """Read rows of one version from the prediction log.

    Args:
        rows: as `predictionlog.read` gives them, collected, of versions with this signature.
        signature: of the version.

    Returns:
        Those that were answered; None if there are none.
    """
    import polars as pl

    outputs = [field for field in signature.outputs if f"out.{field.name}" in rows.columns]
    given = [pl.col(f"out.{field.name}").is_not_null() for field in outputs]
    whole = rows.filter(pl.col("outcome") == "ok", *given)
    if whole.is_empty() or len(outputs) < len(signature.outputs):
        return None
    inputs = [field for field in signature.inputs if field.kind in TABULAR]
    return Answered(
        rows=whole,
        inputs=_batch(whole, "in.", inputs),
        outputs=_batch(whole, "out.", outputs),
        labels=whole.select(_labels(whole, signature)).to_series().to_list(),
    )


def _labels(whole: pl.DataFrame, signature: Signature) -> pl.Expr:
    """What came later; of a regressor null where its square, or the answer's, may be infinite."""
    import polars as pl

    if signature.task != "regression":
        return pl.col("label")
    single = [
        f"out.{one.name}"
        for one in signature.outputs
        if whole[f"out.{one.name}"].dtype.is_numeric()
    ]
    measurable = [pl.col(name).abs() < NUMBER_MAX for name in ["label_number", *single]]
    return pl.when(*measurable).then(pl.col("label_number"))


def truth_of(one: Answered, signature: Signature) -> Truth | None:
    """Hold answers against their labels; None for a task without one answer a row.

    A label that is none of the classes counts as one that no answer meets. A regressor's label
    that is no number below `NUMBER_MAX` counts as none.
    """
    field = answer_field(signature, one.outputs)
    if field is None:
        return None
    if signature.task == "regression":
        labels = np.array([np.nan if y is None else float(y) for y in one.labels])
        said = np.asarray(one.outputs.column(field.name), dtype=np.float64).reshape(-1)
        labelled = np.isfinite(labels)
        return Truth(Predictions(labels[labelled], said[labelled]), labelled)
    answers = answers_of(one.outputs, field)
    classes = known_classes(signature, field, answers)
    labelled = np.array([label is not None for label in one.labels])
    probabilities = probabilities_of(one.outputs, len(classes))
    return Truth(
        beside(
            places_of(one.labels, classes)[labelled],
            places_of(answers, classes)[labelled],
            None if probabilities is None else probabilities[labelled],
            len(classes),
        ),
        labelled,
    )


def _batch(rows: pl.DataFrame, prefix: str, fields: list[Field]) -> Batch:
    """Columns of the log as they were, whatever policies hold at the door."""
    open_fields = tuple(
        msgspec.structs.replace(field, missing="allow", unknown="allow") for field in fields
    )
    if not open_fields:
        return Batch(rows.height, (), np.empty((rows.height, 0)), {})
    names = [name for name in rows.columns if name.startswith(prefix)]
    frame = rows.select(names).rename({name: name.removeprefix(prefix) for name in names})
    return from_frame(Signature(inputs=open_fields, outputs=(), extra="ignore"), frame)
