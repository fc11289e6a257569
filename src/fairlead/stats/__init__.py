"""Metrics and their uncertainty: pure functions of arrays."""

from fairlead.stats.bootstrap import bootstrap, bootstrap_pair
from fairlead.stats.intervals import CONFIDENCE, Estimate, share_difference, wilson
from fairlead.stats.metrics import (
    accuracy,
    average_precision,
    balanced_accuracy,
    brier,
    calibration_error,
    chance_of,
    f1,
    log_loss,
    macro_f1,
    macro_precision,
    mae,
    mape,
    precision,
    r2,
    recall,
    rmse,
    roc_auc,
)
from fairlead.stats.weighted import Statistic, value_of

__all__ = [
    "CONFIDENCE",
    "Estimate",
    "Statistic",
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "bootstrap",
    "bootstrap_pair",
    "brier",
    "calibration_error",
    "chance_of",
    "f1",
    "log_loss",
    "macro_f1",
    "macro_precision",
    "mae",
    "mape",
    "precision",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "share_difference",
    "value_of",
    "wilson",
]
