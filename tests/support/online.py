"""Models that can learn on, and streams whose labels mean another thing from some row on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import fairlead
from fairlead.registry import Version

FIELDS = ("a", "b", "c")


def rows_and_labels(rows: int, seed: int, *, turned: bool = False) -> tuple[Any, Any]:
    """Rows of three numbers, and `yes` on one side of a plane; the other side when turned."""
    random = np.random.default_rng(seed)
    X = random.normal(0.0, 1.0, (rows, len(FIELDS)))
    side = X @ np.array([1.5, -1.0, 0.5]) + random.normal(0.0, 0.3, rows) > 0.0
    return X, np.where(side != turned, "yes", "no")


def classifier(seed: int = 1, **params: Any) -> Any:
    """One that learns on, behind a step that stays as it is."""
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = rows_and_labels(400, seed)
    pace = {"learning_rate": "constant", "eta0": 0.05, "alpha": 0.001} | params
    sgd = SGDClassifier(loss="log_loss", random_state=seed, **pace)
    return make_pipeline(StandardScaler(), sgd).fit(X, y)


def package_online(home: Path, name: str = "tide") -> Version:
    """Register it."""
    X, y = rows_and_labels(400, 1)
    return fairlead.package(classifier(), X, y, name=name, home=home)


def package_river(home: Path, name: str = "brook") -> Version:
    """Register a model of river that has learnt the same."""
    from river import linear_model, optim, preprocessing

    X, y = rows_and_labels(400, 1)
    rows = [dict(zip(("x0", "x1", "x2"), row, strict=True)) for row in X.tolist()]
    labels = (y == "yes").tolist()
    model = preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.SGD(0.1))
    for row, label in zip(rows, labels, strict=True):
        model.learn_one(row, label)
    return fairlead.package(model, rows, labels, name=name, home=home)
