"""Metrics and their uncertainty, tests and evidence of change: pure functions of numbers."""

from fairlead.stats.adwin import Adwin
from fairlead.stats.agreement import kappa, kappa_by_class
from fairlead.stats.asymptotic import (
    asymptotic_sequence,
    half_width,
    log_normal_mixture,
    sequence_p_value,
    tuned_rho,
)
from fairlead.stats.bernoulli import bernoulli_difference, bernoulli_sequence
from fairlead.stats.beta_mixture import ALPHA, Side, log_beta_mixture, tuned_concentration
from fairlead.stats.bootstrap import bootstrap, bootstrap_pair
from fairlead.stats.contrast import Contrast, difference, lift, t_interval, t_p_value
from fairlead.stats.cuped import adjust
from fairlead.stats.dispersion import Dispersion, add, dispersed_p_value, dispersion, scaled
from fairlead.stats.distances import (
    jensen_shannon,
    kolmogorov_smirnov,
    psi,
    psi_null_mean,
    psi_test,
    wasserstein,
)
from fairlead.stats.evidence import Evidence, e_values, evidence, follow, threshold
from fairlead.stats.exact import exact_difference, exact_share
from fairlead.stats.failures import (
    Failures,
    FailureStep,
    count_failures,
    failure_evidence,
    log_failure_evidence,
    merge_failures,
)
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
from fairlead.stats.moments import Measure, Moments, measure, merge_moments, moments, proportion
from fairlead.stats.multiplicity import benjamini_hochberg, e_bh, holm
from fairlead.stats.outlook import failure_ratio, failures_needed
from fairlead.stats.power import power_for_difference, sequential_inflation
from fairlead.stats.quantiles import quantile_sequence
from fairlead.stats.rise import rise_p_value, share_rise
from fairlead.stats.score import score_difference, score_z
from fairlead.stats.size import (
    Size,
    size_for_difference,
    size_for_noninferiority,
    size_for_proportions,
)
from fairlead.stats.slowdown import log_quantile_evidence, quantile_ratio
from fairlead.stats.split import (
    Split,
    SplitStep,
    count_split,
    log_split_evidence,
    merge_splits,
    split_evidence,
    split_test,
)
from fairlead.stats.studentized import studentized_pair
from fairlead.stats.verdict import Finding, Verdict, judge, judge_interval, units_needed
from fairlead.stats.weighted import Statistic, value_of

__all__ = [
    "ALPHA",
    "CONFIDENCE",
    "Adwin",
    "Contrast",
    "Counts",
    "Dispersion",
    "Estimate",
    "Evidence",
    "FailureStep",
    "Failures",
    "Finding",
    "Measure",
    "Moments",
    "Side",
    "Size",
    "Split",
    "SplitStep",
    "Statistic",
    "Test",
    "Verdict",
    "accuracy",
    "add",
    "adjust",
    "asymptotic_sequence",
    "average_precision",
    "balanced_accuracy",
    "benjamini_hochberg",
    "bernoulli_difference",
    "bernoulli_sequence",
    "bootstrap",
    "bootstrap_pair",
    "brier",
    "calibration_error",
    "chance_of",
    "chi_square",
    "count_failures",
    "count_split",
    "counts_of",
    "difference",
    "dispersed_p_value",
    "dispersion",
    "e_bh",
    "e_values",
    "evidence",
    "exact_difference",
    "exact_share",
    "f1",
    "failure_evidence",
    "failure_ratio",
    "failures_needed",
    "follow",
    "half_width",
    "holm",
    "jensen_shannon",
    "judge",
    "judge_interval",
    "kappa",
    "kappa_by_class",
    "kolmogorov_smirnov",
    "lift",
    "log_beta_mixture",
    "log_failure_evidence",
    "log_loss",
    "log_normal_mixture",
    "log_quantile_evidence",
    "log_split_evidence",
    "macro_f1",
    "macro_precision",
    "mae",
    "mape",
    "measure",
    "merge_failures",
    "merge_moments",
    "merge_splits",
    "moments",
    "pool",
    "power_for_difference",
    "precision",
    "proportion",
    "psi",
    "psi_null_mean",
    "psi_test",
    "quantile_ratio",
    "quantile_sequence",
    "r2",
    "recall",
    "rise_p_value",
    "rmse",
    "roc_auc",
    "scaled",
    "score_difference",
    "score_z",
    "sequence_p_value",
    "sequential_inflation",
    "share_difference",
    "share_rise",
    "size_for_difference",
    "size_for_noninferiority",
    "size_for_proportions",
    "split_evidence",
    "split_test",
    "studentized_pair",
    "t_interval",
    "t_p_value",
    "threshold",
    "tuned_concentration",
    "tuned_rho",
    "units_needed",
    "value_of",
    "wasserstein",
    "wilson",
]
