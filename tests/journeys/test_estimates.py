"""Estimates on another project's own data agree with what that project said of it.

Its wheel carries the data and is installed without what it depends on; what it said was recorded
once, since it does not run beside today's NumPy.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from fairlead.monitoring import fit_estimator
from fairlead.monitoring.estimate import Counted, Estimator, estimate, expect_rows, know_rows
from fairlead.signature import Batch, Field, Scalar, Signature
from support.environment import environment

RECORDED = json.loads(
    (Path(__file__).parents[1] / "support" / "recorded" / "nannyml.json").read_text()
)
CARDS = ("highstreet_card", "prepaid_card", "upmarket_card")
MACRO = {
    "precision": "macro_precision",
    "recall": "balanced_accuracy",
    "f1": "macro_f1",
    "roc_auc": "macro_roc_auc",
}


@dataclass(frozen=True)
class Rows:
    """Rows of one file, as a model was asked and answered."""

    signature: Signature
    inputs: Batch
    outputs: Batch
    truth: np.ndarray[Any, Any]

    def part(self, rows: slice) -> Rows:
        taken = self.inputs.take(rows), self.outputs.take(rows)
        return Rows(self.signature, *taken, self.truth[rows])


@pytest.fixture(scope="module")
def data() -> Path:
    """The folder of data in the wheel."""
    python = environment("nannyml-data", ["--no-deps", "nannyml==0.13.1"])
    (found,) = python.parents[1].glob("lib/python*/site-packages/nannyml/datasets/data")
    return found


def classified(label: np.ndarray[Any, Any], chances: np.ndarray[Any, Any], truth: Any,
               classes: tuple[Scalar, ...]) -> Rows:  # fmt: skip
    fields = (
        Field(name="label", kind="category", categories=classes),
        Field(name="probabilities", kind="tensor", shape=(len(classes),), categories=classes),
    )
    columns = {"label": label.astype(object), "probabilities": chances}
    nothing = Batch(len(label), (), np.empty((len(label), 0)), {})
    return Rows(
        Signature(inputs=(), outputs=fields, task="classification"),
        nothing,
        Batch(len(label), (), nothing.numbers, columns),
        np.asarray(truth),
    )


def of_two(frame: pl.DataFrame, chance: str, label: str, truth: str) -> Rows:
    second = frame[chance].to_numpy()
    chances = np.column_stack([1 - second, second])
    labels = frame[label].cast(int).to_numpy()
    return classified(labels, chances, frame[truth].cast(int).to_numpy(), (0, 1))


def loan(data: Path, part: str) -> Rows:
    frame = pl.read_csv(data / f"synthetic_car_loan_{part}.csv")
    if part == "analysis":
        truth = pl.read_csv(data / "synthetic_car_loan_analysis_target.csv").select("id", "repaid")
        frame = frame.join(truth, on="id", how="left", maintain_order="left")
    return of_two(frame, "y_pred_proba", "y_pred", "repaid")


def census(data: Path, part: str) -> Rows:
    frame = pl.read_parquet(data / f"employment_MA_{part}.pq")
    if part == "analysis":
        truth = pl.read_parquet(data / "employment_MA_analysis_target.pq")
        frame = frame.join(truth, on="id", how="left", maintain_order="left")
    return of_two(frame, "predicted_probability", "prediction", "employed")


def cards(data: Path, part: str) -> Rows:
    frame = pl.read_csv(data / f"mc_{part}.csv")
    if part == "analysis":
        truth = pl.read_csv(data / "mc_analysis_gt.csv")
        frame = frame.join(truth, on="id", how="left", maintain_order="left")
    chances = frame.select([f"y_pred_proba_{card}" for card in CARDS]).to_numpy()
    return classified(frame["y_pred"].to_numpy(), chances, frame["y_true"].to_numpy(), CARDS)


def price(data: Path, part: str) -> Rows:
    frame = pl.read_csv(data / f"regression_synthetic_{part}.csv")
    if part == "analysis":
        truth = pl.read_csv(data / "regression_synthetic_analysis_targets.csv")
        frame = frame.join(truth, on="id", how="left", maintain_order="left")
    numbers = ("car_age", "km_driven", "price_new", "accident_count", "door_count")
    texts = ("fuel", "transmission")
    fields = [Field(name=name, kind="number") for name in numbers]
    fields += [Field(name=name, kind="category") for name in texts]
    columns = {name: np.array(frame[name].to_list(), dtype=object) for name in texts}
    said = frame.select(pl.col("y_pred").cast(float)).to_numpy()
    return Rows(
        Signature(
            inputs=tuple(fields),
            outputs=(Field(name="prediction", kind="number"),),
            task="regression",
        ),
        Batch(frame.height, numbers, frame.select(pl.col(numbers).cast(float)).to_numpy(), columns),
        Batch(frame.height, ("prediction",), said, {}),
        frame["y_true"].cast(float).to_numpy(),
    )


def expected(estimator: Estimator, rows: Rows) -> Counted:
    return expect_rows(estimator, rows.signature, rows.inputs, rows.outputs)


# How far estimates may lie apart, in the metric's unit or in the other project's sampling errors.
# It draws its folds at random where we take every tenth row, and grows other trees.
SETS: list[tuple[Callable[[Path, str], Rows], dict[str, str], float, float]] = [
    (loan, {}, 5e-5, 0.0),
    (census, {}, 3e-4, 0.0),
    (cards, MACRO, 2e-3, 0.0),
    (price, {}, 0.0, 1.5),
]


@pytest.mark.slow
@pytest.mark.parametrize(("rows_of", "names", "unit", "errors"), SETS)
def test_estimates_agree_with_what_was_recorded(
    data: Path,
    rows_of: Callable[[Path, str], Rows],
    names: dict[str, str],
    unit: float,
    errors: float,
) -> None:
    said = RECORDED["sets"][rows_of.__name__ if rows_of is not cards else "mc"]
    reference, analysis = rows_of(data, "reference"), rows_of(data, "analysis")
    estimator = fit_estimator(
        reference.signature, reference.inputs, reference.outputs, reference.truth
    )
    assert estimator is not None
    size = said["chunk_rows"]
    chunks = len(next(iter(said["metrics"].values()))["estimated"])
    for chunk in range(chunks):
        rows = analysis.part(
            slice(chunk * size, (chunk + 1) * size if chunk < chunks - 1 else None)
        )
        found = estimate(estimator, expected(estimator, rows))
        known = know_rows(estimator, rows.signature, rows.outputs, rows.truth.tolist())
        realised = estimate(estimator, None, known)
        for metric, values in said["metrics"].items():
            name = names.get(metric, metric)
            within = unit + errors * values["sampling_error"]
            assert found[name].value == pytest.approx(values["estimated"][chunk], abs=within)
            # Ranks are known up to bins.
            exact = 2e-3 if metric in {"roc_auc", "average_precision"} else 1e-5
            near = pytest.approx(values["realized"][chunk], abs=exact, rel=1e-6)
            assert realised[name].value == near
