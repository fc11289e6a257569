"""Two versions' answers to the same rows, made up."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairlead.signature import Batch, Field, Signature
from fairlead.updates.weigh import Answered

TWO = ("no", "yes")


def classifier(chances: Any, classes: tuple[Any, ...] = TWO, **cost: Any) -> Answered:
    """One that answers the likeliest class, and probabilities: of the second of two, or all."""
    given = np.asarray(chances, dtype=np.float64)
    each = np.column_stack([1.0 - given, given]) if given.ndim == 1 else given
    label = Field(name="label", kind="category", categories=classes)
    shape = (len(classes),)
    probabilities = Field(name="probabilities", kind="tensor", shape=shape, categories=classes)
    signature = Signature(inputs=(), outputs=(label, probabilities), task="classification")
    columns = {
        "label": np.array(classes, dtype=object)[each.argmax(axis=1)],
        "probabilities": each,
    }
    return Answered(Batch(len(each), (), np.empty((len(each), 0)), columns), signature, **cost)


def regressor(predicted: Any, **cost: Any) -> Answered:
    """One that answers a number a row."""
    numbers = np.asarray(predicted, dtype=np.float64)[:, None]
    outputs = (Field(name="prediction", kind="number"),)
    signature = Signature(inputs=(), outputs=outputs, task="regression")
    return Answered(Batch(len(numbers), ("prediction",), numbers, {}), signature, **cost)


def named(positive: Any) -> Any:
    """The labels of rows that are of the second class, or not."""
    return np.where(positive, "yes", "no").astype(object)
