"""States as versions: of frames and of numbers, with the fields of the version before."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import fairlead
from fairlead.app.learning.versions import WorkspaceVersions
from fairlead.app.workspace import Workspace
from fairlead.bundle import Learned
from fairlead.bundle.types import RowRange
from fairlead.runners.load import load_runner
from support.models import customers


def pipeline(last: Any) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    prepare = make_column_transformer(
        (StandardScaler(), ["age", "visits"]),
        (OneHotEncoder(handle_unknown="ignore"), ["plan"]),
    )
    return make_pipeline(prepare, last)


LEARNED = Learned(log="e", base="m:1", labels=24, since=RowRange(rows=24))


def labelled(frame: pd.DataFrame, label: Any) -> pl.DataFrame:
    """Rows as the log gives them."""
    numbers = np.issubdtype(np.asarray(label).dtype, np.number)
    return pl.DataFrame(
        {
            **{
                f"in.{c}": frame[c].astype(object).where(frame[c].notna(), None)
                for c in frame.columns
            },
            "prediction_id": ["p"] * len(label),
            "received": [datetime(2026, 1, 1, tzinfo=UTC)] * len(label),
            "text": [str(value) for value in label],
            "number": list(label) if numbers else [None] * len(label),
        },
        schema_overrides={"number": pl.Float64},
    )


@pytest.mark.parametrize("kind", ["SGDClassifier", "SGDRegressor", "MLPClassifier", "Perceptron"])
def test_what_was_learnt_is_served_and_learnt_on_from(tmp_path: Path, kind: str) -> None:
    from sklearn import linear_model, neural_network

    made = getattr(linear_model, kind, None) or getattr(neural_network, kind)
    more = {"hidden_layer_sizes": (4,), "max_iter": 20} if kind == "MLPClassifier" else {}
    frame, left = customers(300)
    truth = frame["age"].to_numpy() / 90 if kind == "SGDRegressor" else left
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of too few rounds
        model = pipeline(made(random_state=1, **more)).fit(frame, truth)
    home = tmp_path / ".fairlead"
    first = fairlead.package(model, frame, truth, name="churn", home=home)
    versions = WorkspaceVersions(Workspace(home))
    student = versions.load(first.name)
    student.prepare({})
    few = frame[frame["plan"] == "pro"][:24]
    lesson = student.lesson(labelled(few, truth[few.index]))
    assert lesson.batch is not None
    assert lesson.batch.rows == 24
    student.learn(lesson.batch, lesson.truth, "one")
    second = versions.workspace.registry.resolve(
        versions.save(student, lesson.batch, first.name, "Learnt.", LEARNED)
    )
    assert second.signature.inputs == first.signature.inputs
    assert second.signature.outputs == first.signature.outputs
    assert second.lineage.parent == first.digest
    assert second.lineage.learned == LEARNED
    assert second.notes[0] == "Learnt."
    assert second.proof is not None
    assert second.proof.differing == 0
    again = versions.load(second.name)
    errors = student.errors(lesson.batch, lesson.truth)
    assert np.array_equal(errors, again.errors(lesson.batch, lesson.truth))
    for each in (student, again):
        each.learn(lesson.batch, lesson.truth, "two")
    rows = student.lesson(labelled(frame, truth))
    assert rows.batch is not None
    errors = student.errors(rows.batch, rows.truth)
    assert np.array_equal(errors, again.errors(rows.batch, rows.truth))
    runner = load_runner(versions.workspace.bundle(second))
    assert runner.predict(rows.batch).rows == rows.batch.rows
    runner.close()
