"""A bundle carries what estimates its model's performance, where its labels allow that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import fairlead
from fairlead.app.workspace import Workspace
from fairlead.bundle import Bundle, read_file
from fairlead.errors import BundleError
from fairlead.monitoring import decode_estimator
from fairlead.monitoring.estimate import estimate
from fairlead.registry import Version
from support.models import churn_model, customers


def bundle_of(version: Version, home: Path) -> Bundle:
    workspace = Workspace(home)
    try:
        return workspace.bundle(version)
    finally:
        workspace.close()


def test_a_classifier_is_packaged_with_its_estimator(tmp_path: Path) -> None:
    frame, left = customers()
    model = churn_model(frame[:200], left[:200])
    version = fairlead.package(model, frame[200:], left[200:], name="churn", home=tmp_path)
    bundle = bundle_of(version, tmp_path)
    estimator = decode_estimator(read_file(bundle, "estimator.json"))
    found = estimate(estimator, None, estimator.model.reference)
    assert found["accuracy"].value == pytest.approx(bundle.info.metrics["accuracy"])
    assert found["roc_auc"].value == pytest.approx(bundle.info.metrics["roc_auc"], abs=2e-3)


def test_a_regressor_is_packaged_with_its_estimator(tmp_path: Path) -> None:
    points = np.random.default_rng(1).normal(size=(300, 2))
    heights = points.sum(axis=1) + np.random.default_rng(2).normal(0, 1 + points[:, 0] ** 2)
    model = LinearRegression().fit(points, heights)
    version = fairlead.package(model, points, heights, name="points", home=tmp_path)
    bundle = bundle_of(version, tmp_path)
    estimator = decode_estimator(read_file(bundle, "estimator.json"))
    found = estimate(estimator, None, estimator.model.reference)
    assert found["rmse"].value == pytest.approx(bundle.info.metrics["rmse"])


@pytest.mark.parametrize("labelled", [0, 50])
def test_without_labels_there_is_none(tmp_path: Path, labelled: int) -> None:
    frame, left = customers()
    model = churn_model(frame, left)
    rows, labels = (frame[:labelled], left[:labelled]) if labelled else (frame, None)
    version = fairlead.package(model, rows, labels, name="churn", home=tmp_path)
    with pytest.raises(BundleError, match=r"estimator\.json"):
        read_file(bundle_of(version, tmp_path), "estimator.json")
