"""Rows next to a tree's thresholds are found, one double apart, through the steps before it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from fairlead.packaging.export.original import Original, outputs_of
from fairlead.packaging.export.rows import edge_rows
from fairlead.signature import Batch, Field

DRAW = np.random.default_rng(0)
MATRIX = np.column_stack([DRAW.normal(size=300), DRAW.integers(0, 9, 300)]).astype(float)
LABELS = np.where(MATRIX[:, 0] > 0.3, "high", np.where(MATRIX[:, 1] > 4, "low", "none"))
FIELDS = (Field(name="size", kind="number"), Field(name="count", kind="integer"))


@pytest.mark.parametrize("only_labels", [False, True])
def test_rows_differ_in_one_number_by_the_least_and_in_the_answer(only_labels: bool) -> None:
    model = make_pipeline(StandardScaler(), DecisionTreeClassifier(random_state=0))
    model.fit(MATRIX, LABELS)
    task, outputs = outputs_of(model, ())
    original = Original(model, "numpy", FIELDS, outputs[:1] if only_labels else outputs, task)
    batch = Batch(len(MATRIX), ("size", "count"), MATRIX, {})
    before, after = edge_rows(original, batch, np.random.default_rng(0))
    assert before.rows == after.rows > 10
    moved = before.numbers != after.numbers
    assert (moved.sum(axis=1) == 1).all()
    sizes = moved[:, 0]
    low, high = np.sort([before.numbers[sizes, 0], after.numbers[sizes, 0]], axis=0)
    assert (np.nextafter(low, np.inf) == high).all()
    counts = before.numbers[~sizes, 1], after.numbers[~sizes, 1]
    assert set(np.abs(counts[0] - counts[1])) == {1.0}
    assert (model.predict(before.numbers) != model.predict(after.numbers)).all()
