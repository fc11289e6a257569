"""What kind of model it is, and between which classes it chooses."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from fairlead.errors import ExportError
from fairlead.packaging.export.graph import Array

Kind = Literal["classifier", "regressor", "labeller", "ranker"]

RANKERS = ("XGBRanker", "LGBMRanker", "CatBoostRanker")


def kind_of(model: Any) -> Kind:
    """What it does: tells classes apart, regresses, ranks, or labels, as clusters and outliers do.

    Raises:
        ExportError: it does not predict.
    """
    from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

    if not callable(getattr(model, "predict", None)):
        raise ExportError(
            f"{type(model).__name__} has no `predict`.",
            hint="Give a fitted classifier, regressor, clusterer or outlier detector.",
        )
    if type(_last(model)).__name__ in RANKERS:
        return "ranker"
    if is_classifier(model):
        return "classifier"
    if is_regressor(model):
        return "regressor"
    if is_clusterer(model) or is_outlier_detector(model) or hasattr(_last(model), "means_"):
        return "labeller"
    raise ExportError(f"What {type(model).__name__} answers is not known.")


def classes_of(model: Any) -> Array | None:
    """The labels that a model chooses from, in order; None for regressors and rankers.

    Raises:
        ExportError: it answers several labels at once, or its labels cannot be listed.
    """
    kind = kind_of(model)
    if kind in ("regressor", "ranker"):
        return None
    if kind == "classifier":
        classes = model.classes_
        if isinstance(classes, list) or getattr(model, "multilabel_", False):
            raise ExportError("It answers several labels for each row, which is not supported.")
        return np.asarray(classes)
    return _labels(_last(model))


def _labels(model: Any) -> Array:
    from sklearn.base import is_outlier_detector

    if is_outlier_detector(model):
        return np.array([-1, 1])
    for name in ("cluster_centers_", "means_"):
        if hasattr(model, name):
            return np.arange(len(getattr(model, name)))
    if hasattr(model, "labels_"):
        return np.unique(model.labels_)
    raise ExportError(f"The labels of {type(model).__name__} cannot be listed.")


def _last(model: Any) -> Any:
    """The final step of pipelines and searches."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif type(model).__name__ == "Pipeline":
            model = model.steps[-1][1]
        else:
            return model
