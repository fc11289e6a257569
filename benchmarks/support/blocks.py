"""A stream in blocks of one hour each, and a model of its rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.moving import Stream

from fairlead.monitoring.guard import Loss
from fairlead.signature import Batch, Field, Signature
from fairlead.updates.weigh import Answered

DELAY = 1
"""Blocks after which labels come."""


class Rows:
    """A stream in blocks, one each hour.

    Args:
        stream: whose labels are classes, or numbers if they are written with a point.
        block_rows: of each block.
    """

    def __init__(self, stream: Stream, block_rows: int) -> None:
        self.inputs, self.truth = stream
        self.blocks = len(self.truth) // block_rows
        self.size = block_rows
        numbers = self.truth.dtype.kind == "f"
        self.classes = () if numbers else tuple(range(int(self.truth.max()) + 1))
        self.loss: Loss = "squared" if numbers else "error"
        self.metric = "rmse" if numbers else "accuracy"
        fields = tuple(
            Field(name=f"x{place}", kind="number") for place in range(self.inputs.shape[1])
        )
        self.signature = Signature(
            inputs=fields,
            outputs=self._outputs(),
            task="regression" if numbers else "classification",
        )

    def _outputs(self) -> tuple[Field, ...]:
        if not self.classes:
            return (Field(name="prediction", kind="number"),)
        shape = (len(self.classes),)
        return (
            Field(name="label", kind="category", categories=self.classes),
            Field(name="probabilities", kind="tensor", shape=shape, categories=self.classes),
        )

    def of(self, block: int) -> slice:
        """The rows of a block."""
        return slice(block * self.size, (block + 1) * self.size)

    def known(self, block: int, window: int = 0) -> slice:
        """The rows whose labels have come before a block begins."""
        until = (block - DELAY) * self.size
        return slice(max(0, until - window * self.size) if window else 0, until)

    def fit(self, rows: slice) -> Any:
        """Train anew."""
        last = LogisticRegression(max_iter=200) if self.classes else Ridge()
        return make_pipeline(StandardScaler(), last).fit(self.inputs[rows], self.truth[rows])

    def losses(self, model: Any, rows: slice) -> Any:
        """Of each row whether a model is wrong, or the square of by how much."""
        said, truth = model.predict(self.inputs[rows]), self.truth[rows]
        return (said != truth).astype(float) if self.classes else (said - truth) ** 2

    def batch(self, rows: slice) -> Batch:
        """Rows as they are asked."""
        names = tuple(field.name for field in self.signature.inputs)
        inputs = np.ascontiguousarray(self.inputs[rows], dtype=np.float64)
        return Batch(len(inputs), names, inputs, {})

    def answered(self, model: Any, rows: slice) -> Answered:
        """What a model says of rows, as the gate looks at it."""
        inputs = self.inputs[rows]
        if not self.classes:
            said = model.predict(inputs)[:, None]
            return Answered(Batch(len(said), ("prediction",), said, {}), self.signature)
        chances = np.zeros((len(inputs), len(self.classes)))
        chances[:, model.classes_] = model.predict_proba(inputs)
        labels = np.array(self.classes, dtype=object)[chances.argmax(axis=1)]
        columns = {"label": labels, "probabilities": chances}
        batch = Batch(len(labels), (), np.empty((len(labels), 0)), columns)
        return Answered(batch, self.signature)
