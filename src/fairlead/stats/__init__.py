"""Metrics and their uncertainty, tests and evidence of change: pure functions of numbers."""

from fairlead.stats.adwin import Adwin
from fairlead.stats.bootstrap import bootstrap, bootstrap_pair
from fairlead.stats.dispersion import Dispersion, add, dispersed_p_value, dispersion
from fairlead.stats.distances import (
    jensen_shannon,
    kolmogorov_smirnov,
    psi,
    psi_null_mean,
    psi_test,
    wasserstein,
)
from fairlead.stats.evidence import Evidence, e_values, evidence, follow, threshold
from fairlead.stats.homogeneity import Counts, Test, chi_square, counts_of, pool
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
from fairlead.stats.multiplicity import benjamini_hochberg, e_bh, holm
from fairlead.stats.rise import rise_p_value, share_rise
from fairlead.stats.weighted import Statistic, value_of

__all__ = [
    "CONFIDENCE",
    "Adwin",
    "Counts",
    "Dispersion",
    "Estimate",
    "Evidence",
    "Statistic",
    "Test",
    "accuracy",
    "add",
    "average_precision",
    "balanced_accuracy",
    "benjamini_hochberg",
    "bootstrap",
    "bootstrap_pair",
    "brier",
    "calibration_error",
    "chance_of",
    "chi_square",
    "counts_of",
    "dispersed_p_value",
    "dispersion",
    "e_bh",
    "e_values",
    "evidence",
    "f1",
    "follow",
    "holm",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "log_loss",
    "macro_f1",
    "macro_precision",
    "mae",
    "mape",
    "pool",
    "precision",
    "psi",
    "psi_null_mean",
    "psi_test",
    "r2",
    "recall",
    "rise_p_value",
    "rmse",
    "roc_auc",
    "share_difference",
    "share_rise",
    "threshold",
    "value_of",
    "wasserstein",
    "wilson",
]
