"""A model of river learns on in the order of its labels, and what it learnt is served."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import fairlead
from fairlead.app.learning.versions import WorkspaceVersions
from fairlead.app.workspace import Workspace
from fairlead.bundle import Learned
from fairlead.bundle.types import RowRange
from fairlead.errors import ConfigError
from fairlead.runners.load import load_runner

pytest.importorskip("river", reason="river is not installed")

from support.river import labels_of, rows_and_targets, taught

LEARNED = Learned(log="e", base="m:1", labels=24, since=RowRange(rows=24))


def labelled(rows: list[dict[str, Any]], labels: list[Any]) -> pl.DataFrame:
    """Rows as the log gives them."""
    numbers = isinstance(labels[0], float)
    return pl.DataFrame(
        {
            **{f"in.{name}": [row[name] for row in rows] for name in rows[0]},
            "prediction_id": ["p"] * len(labels),
            "received": [datetime(2026, 1, 1, tzinfo=UTC)] * len(labels),
            "text": [None if numbers else str(label).lower() for label in labels],
            "number": labels if numbers else [None] * len(labels),
        },
        schema_overrides={"number": pl.Float64, "text": pl.String},
    )


@pytest.mark.parametrize("name", ["logistic", "adaptive", "linear"])
def test_what_was_learnt_is_served_and_learnt_on_from(tmp_path: Path, name: str) -> None:
    model, kind, rows, labels = taught(name, 160)
    home = tmp_path / ".fairlead"
    first = fairlead.package(model, rows, labels, name=name.partition("(")[0], home=home)
    versions = WorkspaceVersions(Workspace(home))
    student = versions.load(first.name)
    student.prepare({})
    later, targets = rows_and_targets(48, seed=9)
    truth = labels_of(kind, targets)
    lesson = student.lesson(labelled(later, truth))
    assert lesson.batch is not None
    assert lesson.unfit == 0
    for place in range(0, 48, 16):
        part = slice(place, place + 16)
        student.learn(lesson.batch.take(part), lesson.truth[part], f"piece {place}")
    for row, label in zip(later, truth, strict=True):
        model.learn_one(row, label)  # the same, by river alone
    second = versions.workspace.registry.resolve(
        versions.save(student, lesson.batch, first.name, "Learnt.", LEARNED)
    )
    assert second.signature.inputs == first.signature.inputs
    assert second.signature.outputs == first.signature.outputs
    assert second.lineage.parent == first.digest
    assert second.lineage.learned == LEARNED
    again = versions.load(second.name)
    errors = student.errors(lesson.batch, lesson.truth)
    assert np.allclose(errors, again.errors(lesson.batch, lesson.truth))
    runner = load_runner(versions.workspace.bundle(second))
    field = "prediction" if kind == "number" else "label"
    served = runner.predict(lesson.batch).column(field).tolist()
    runner.close()
    expected = [model.predict_one(row) for row in later]
    assert np.allclose(served, expected) if kind == "number" else served == expected


def test_what_may_be_set_is_what_river_lets_be_set(tmp_path: Path) -> None:
    model, _, rows, labels = taught("logistic", 40)
    first = fairlead.package(model, rows, labels, name="m", home=tmp_path / ".fairlead")
    student = WorkspaceVersions(Workspace(tmp_path / ".fairlead")).load(first.name)
    student.prepare({"l2": 0.5})
    assert student.model.model["LogisticRegression"].l2 == 0.5
    with pytest.raises(ConfigError, match="LogisticRegression has not all") as refused:
        student.prepare({"eta0": 0.5})
    assert "l2" in (refused.value.hint or "")
