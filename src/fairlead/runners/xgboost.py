"""Runs an XGBoost model itself, from XGBoost's own JSON: numbers and names, no code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from fairlead.errors import BundleError
from fairlead.runners.extras import not_installed
from fairlead.runners.nodes import check_nodes
from fairlead.signature import Field

MISSING = "fairlead_missing"
"""The booster's attribute that holds which number stands for a missing value."""

CLASSIFIES = ("binary:logistic", "multi:softprob", "multi:softmax")


def as_estimator(booster: Any, *, classifies: bool | None = None) -> Any:
    """A booster behind XGBoost's scikit-learn interface.

    Args:
        booster: trained.
        classifies: whether it is asked for classes; None to tell by its objective.

    Raises:
        ModelError: XGBoost is not installed.
    """
    xgboost = _library()
    if classifies is None:
        config = json.loads(booster.save_config())
        classifies = config["learner"]["objective"]["name"] in CLASSIFIES
    estimator = xgboost.XGBClassifier() if classifies else xgboost.XGBRegressor()
    estimator.load_model(booster.save_raw("json"))
    estimator.set_params(missing=float(booster.attr(MISSING) or "nan"))
    return estimator


def of_all_trees(booster: Any) -> Any:
    """An estimator that answers as `Booster.predict` does, which knows no best iteration."""
    whole = booster.copy()
    whole.set_attr(best_iteration=None)
    return as_estimator(whole)


def dump_xgboost(estimator: Any) -> bytes:
    """An estimator as XGBoost's JSON, with what it takes for a missing value."""
    booster = estimator.get_booster().copy()
    if not np.isnan(estimator.missing):
        booster.set_attr(**{MISSING: repr(float(estimator.missing))})
    return bytes(booster.save_raw("json"))


def load_xgboost(raw: bytes, outputs: Sequence[Field]) -> Any:
    """Load an estimator.

    Args:
        raw: XGBoost's JSON.
        outputs: the signature's; a label is a classifier's.

    Raises:
        BundleError: it is damaged.
        ModelError: XGBoost is not installed.
    """
    xgboost = _library()
    try:
        read_learner(raw)
        booster = xgboost.Booster({"nthread": 1})
        booster.load_model(bytearray(raw))
        estimator = as_estimator(booster, classifies=any(f.name == "label" for f in outputs))
        estimator.get_booster().set_param({"nthread": 1})
    except (ValueError, TypeError, KeyError, xgboost.core.XGBoostError) as error:
        raise BundleError(f"The XGBoost model cannot be read ({type(error).__name__}).") from None
    return estimator


def read_learner(raw: bytes | bytearray) -> dict[str, Any]:
    """The learner that XGBoost's JSON describes, its trees checked.

    Raises:
        ValueError, KeyError, TypeError: it is damaged.
    """
    learner: dict[str, Any] = json.loads(raw)["learner"]
    features = int(learner["learner_model_param"]["num_feature"])
    for place, tree in enumerate(trees_of(learner)):
        if tree["id"] != place:
            raise ValueError("the trees are not in order")
        left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
        check_nodes(left, right, np.array(tree["split_indices"]), features)
    return learner


def trees_of(learner: dict[str, Any]) -> list[dict[str, Any]]:
    """The trees of a learner, in order; none where it is linear."""
    booster = learner["gradient_booster"]
    trees: list[dict[str, Any]] = booster.get("gbtree", booster)["model"].get("trees", [])
    return trees


def _library() -> Any:
    try:
        import xgboost
    except ModuleNotFoundError:
        raise not_installed("xgboost") from None
    return xgboost
