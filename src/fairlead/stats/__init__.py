"""Metrics and their uncertainty: pure functions of arrays."""

from fairlead.stats.bootstrap import bootstrap, bootstrap_pair
from fairlead.stats.intervals import CONFIDENCE, Estimate, share_difference, wilson
from fairlead.stats.metrics import (
    accuracy,
    balanced_accuracy,
    brier,
    chance_of,
    log_loss,
    macro_f1,
    mae,
    r2,
    rmse,
    roc_auc,
)
from fairlead.stats.weighted import Statistic, value_of

__all__ = [
    "CONFIDENCE",
    "Estimate",
    "Statistic",
    "accuracy",
    "balanced_accuracy",
    "bootstrap",
    "bootstrap_pair",
    "brier",
    "chance_of",
    "log_loss",
    "macro_f1",
    "mae",
    "r2",
    "rmse",
    "roc_auc",
    "share_difference",
    "value_of",
    "wilson",
]
