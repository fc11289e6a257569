"""The demo's data and models: tumours of the breast, from scikit-learn's own copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

HELD_OUT = 0.6


@dataclass(frozen=True, slots=True)
class DemoData:
    """Rows to fit on, rows to package with, and rows that come later as traffic.

    Args:
        names: of the 30 fields.
        fit: to fit on, (rows, 30), and labels.
        traffic: never seen before they are asked about, and labels.
    """

    names: tuple[str, ...]
    fit: tuple[pl.DataFrame, np.ndarray[Any, Any]]
    traffic: tuple[pl.DataFrame, np.ndarray[Any, Any]]


def load() -> DemoData:
    """The Wisconsin diagnostic data, 569 biopsies, divided by a fixed shuffle."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    found = load_breast_cancer()
    names = tuple(str(name) for name in found.feature_names)
    labels = np.array([str(found.target_names[place]) for place in found.target])
    fit, later, fit_labels, later_labels = train_test_split(
        found.data, labels, test_size=HELD_OUT, random_state=0, stratify=labels
    )
    frames = (pl.DataFrame(part, schema=list(names)) for part in (fit, later))
    fit_frame, later_frame = frames
    return DemoData(names, (fit_frame, fit_labels), (later_frame, later_labels))


def fit_models(data: DemoData) -> tuple[object, object, object]:
    """A linear model, boosted trees that shall follow it, and trees that should not.

    The last ones learned labels out of step with their rows, as after a join without a key.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, labels = data.fit
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    trees, careless = (
        HistGradientBoostingClassifier(max_iter=60, random_state=0) for _ in range(2)
    )
    wrong = np.roll(labels, 1)
    return linear.fit(rows, labels), trees.fit(rows, labels), careless.fit(rows, wrong)
