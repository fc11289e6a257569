"""Models that the protocols of scoring are asked for: of rows, of numbers, tensors and pictures."""

from __future__ import annotations

import numpy as np

from fairlead.signature import Batch, Field, Signature

LEFT = ("left", "stayed")
CHURN = Signature(
    inputs=(
        Field(name="age", kind="number", low=18, high=90),
        Field(name="visits", kind="integer", missing="allow", nullable=True),
        Field(
            name="plan", kind="category", dtype="str", categories=("free", "pro"),
            missing="allow", nullable=True,
        ),
    ),
    outputs=(
        Field(name="label", kind="category", dtype="str", categories=LEFT),
        Field(name="probabilities", kind="tensor", shape=(2,), categories=LEFT),
    ),
    task="classification",
)  # fmt: skip
PRICE = Signature(
    inputs=(Field(name="rooms", kind="number"), Field(name="area", kind="number")),
    outputs=(Field(name="prediction", kind="number"),),
    task="regression",
)
TENSOR = Signature(
    inputs=(Field(name="x", kind="tensor", dtype="float32", shape=(2,)),),
    outputs=(Field(name="y", kind="tensor", dtype="float64", shape=(2,)),),
)
PICTURE = Signature(
    inputs=(Field(name="image", kind="image"), Field(name="note", kind="text", missing="allow")),
    outputs=(
        Field(name="size", kind="integer", dtype="int64"),
        Field(name="note", kind="text", dtype="str"),
    ),
)


def churn(batch: Batch) -> Batch:
    """Older customers leave, and those whose visits are not known may."""
    age, visits = batch.numbers.T
    stays = np.where(np.isnan(visits), 0.5, np.where(age > 50, 0.25, 0.75))
    label = np.where(stays < 0.5, "left", "stayed").astype(object)
    outputs = {"label": label, "probabilities": np.column_stack([1 - stays, stays])}
    return Batch(batch.rows, (), np.empty((batch.rows, 0)), outputs)


def price(batch: Batch) -> Batch:
    """The product of a row; none for a house without an area."""
    product = batch.numbers.prod(axis=1)
    value = np.where(product == 0, np.nan, product)
    return Batch(batch.rows, ("prediction",), value.reshape(-1, 1), {})


def twice(batch: Batch) -> Batch:
    """Twice each tensor."""
    return Batch(
        batch.rows, (), np.empty((batch.rows, 0)), {"y": np.multiply(batch.columns["x"], 2.0)}
    )


def measured(batch: Batch) -> Batch:
    """The length of each picture, and its note."""
    sizes = np.array([[float(len(image))] for image in batch.columns["image"]])
    return Batch(batch.rows, ("size",), sizes, {"note": batch.columns["note"]})
