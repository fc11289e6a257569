"""Metrics agree with scikit-learn's, and weights count as repeated rows do."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from fairlead import stats
from fairlead.errors import ConfigError
from fairlead.stats import weighted

Values = npt.NDArray[Any]
SOME = st.integers(0, 2**32 - 1)
NUMBERS = st.floats(-1e6, 1e6)
EXACT = 1e-12
fast = settings(max_examples=40)


def labelled(seed: int) -> tuple[Values, Values, Values]:
    """Truth, answers and probabilities with ties, of 1 to 40 rows and 2 to 5 classes."""
    random = np.random.default_rng(seed)
    rows, classes = int(random.integers(1, 40)), int(random.integers(2, 6))
    truth = random.integers(0, classes, rows)
    answers = np.where(random.random(rows) < 0.5, truth, random.integers(0, classes, rows))
    raw = random.integers(0, 4, (rows, classes)) + 0.001
    return truth, answers, raw / raw.sum(axis=1, keepdims=True)


def quiet(metric: Any, *arguments: Any, **options: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(metric(*arguments, **options))


@fast
@given(SOME)
def test_label_metrics_agree_with_the_oracle(seed: int) -> None:
    truth, answers, _ = labelled(seed)
    assert stats.accuracy(truth, answers) == pytest.approx(
        oracle.accuracy_score(truth, answers), rel=EXACT
    )
    balanced = quiet(oracle.balanced_accuracy_score, truth, answers)
    assert stats.balanced_accuracy(truth, answers) == pytest.approx(balanced, rel=EXACT)
    f1 = quiet(oracle.f1_score, truth, answers, average="macro", zero_division=0)
    assert stats.macro_f1(truth, answers) == pytest.approx(f1, rel=EXACT)


@fast
@given(SOME)
def test_precision_recall_and_f1_agree_with_the_oracle(seed: int) -> None:
    truth, answers, _ = labelled(seed)
    macro = quiet(oracle.precision_score, truth, answers, average="macro", zero_division=0)
    assert stats.macro_precision(truth, answers) == pytest.approx(macro, abs=EXACT)
    pairs = [
        (stats.precision, oracle.precision_score),
        (stats.recall, oracle.recall_score),
        (stats.f1, oracle.f1_score),
    ]
    for ours, theirs in pairs:
        expected = quiet(theirs, truth == 0, answers == 0, zero_division=np.nan)
        assert ours(truth == 0, answers == 0) == pytest.approx(expected, nan_ok=True, abs=EXACT)


def test_what_was_never_answered_has_no_precision_and_what_never_came_no_recall() -> None:
    none, some = np.zeros(3), np.array([1, 0, 0])
    assert math.isnan(stats.precision(some, none))
    assert math.isnan(stats.recall(none, some))
    assert math.isnan(stats.f1(none, none))
    assert stats.f1(some, none) == stats.f1(none, some) == 0


@fast
@given(SOME)
def test_average_precision_agrees_with_the_oracle(seed: int) -> None:
    random = np.random.default_rng(seed)
    positive = np.concatenate([[1], random.integers(0, 2, 20)])
    scores = random.integers(0, 6, 21) / 7
    expected = oracle.average_precision_score(positive, scores)
    assert stats.average_precision(positive, scores) == pytest.approx(expected, abs=EXACT)
    assert math.isnan(stats.average_precision(np.zeros(21), scores))


@fast
@given(SOME)
def test_calibration_error_agrees_with_the_oracle(seed: int) -> None:
    from sklearn.calibration import calibration_curve

    random = np.random.default_rng(seed)
    chance = np.append(random.random(50), [0.0, 1.0, 0.3])
    positive = np.append(random.random(50) < chance[:50] ** 2, [False, True, True])
    shares, means = calibration_curve(positive, chance, n_bins=10, strategy="uniform")
    # The curve leaves out empty bins, and so may we: they weigh nothing.
    rows = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], chance), minlength=10)
    expected = np.abs(shares - means) @ rows[rows > 0] / 53
    assert stats.calibration_error(positive, chance) == pytest.approx(expected, abs=EXACT)


@fast
@given(SOME)
def test_label_metrics_take_text(seed: int) -> None:
    truth, answers, _ = labelled(seed)
    names = np.array(["eins", "zwei", "drei", "vier", "fünf"])
    for metric in (stats.accuracy, stats.balanced_accuracy, stats.macro_f1):
        assert metric(names[truth], names[answers]) == pytest.approx(metric(truth, answers))


@fast
@given(SOME)
def test_probability_metrics_agree_with_the_oracle(seed: int) -> None:
    truth, _, probabilities = labelled(seed)
    labels = list(range(probabilities.shape[1]))
    expected = oracle.log_loss(truth, probabilities, labels=labels)
    assert stats.log_loss(truth, probabilities) == pytest.approx(expected, rel=EXACT)
    expected = quiet(oracle.brier_score_loss, truth, probabilities, labels=labels)
    assert stats.brier(truth, probabilities) == pytest.approx(expected, rel=EXACT)


def test_a_certain_mistake_costs_a_finite_loss() -> None:
    sure = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert stats.log_loss(np.array([1, 0]), sure) == pytest.approx(-math.log(2.0**-52) / 2)


def test_a_class_that_the_model_does_not_know_has_no_probability() -> None:
    known = np.array([[0.5, 0.5]])
    assert stats.log_loss(np.array([-1]), known) == pytest.approx(-math.log(2.0**-52))
    assert stats.brier(np.array([-1]), known) == pytest.approx((0.25 + 0.25 + 1) / 2)


@fast
@given(SOME)
def test_area_under_the_curve_counts_ties_half(seed: int) -> None:
    random = np.random.default_rng(seed)
    positive = np.concatenate([[0, 1], random.integers(0, 2, 20)])
    scores = random.integers(0, 6, 22) / 7
    expected = oracle.roc_auc_score(positive, scores)
    assert stats.roc_auc(positive, scores) == pytest.approx(expected, rel=EXACT)
    assert stats.roc_auc(1 - positive, scores) == pytest.approx(1 - expected, abs=EXACT)


def test_the_curve_of_one_class_has_no_area() -> None:
    assert math.isnan(stats.roc_auc(np.ones(4), np.arange(4.0)))


@fast
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=30))
def test_regression_metrics_agree_with_the_oracle(pairs: list[tuple[float, float]]) -> None:
    truth, answers = (np.array(column) for column in zip(*pairs, strict=True))
    rmse = oracle.root_mean_squared_error(truth, answers)
    assert stats.rmse(truth, answers) == pytest.approx(rmse, rel=EXACT)
    assert stats.mae(truth, answers) == pytest.approx(
        oracle.mean_absolute_error(truth, answers), rel=EXACT
    )
    if np.ptp(truth) > 1e-3:
        expected = oracle.r2_score(truth, answers)
        assert stats.r2(truth, answers) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@fast
@given(st.lists(st.tuples(NUMBERS.filter(lambda x: abs(x) > 1e-3), NUMBERS), min_size=1))
def test_relative_errors_agree_with_the_oracle(pairs: list[tuple[float, float]]) -> None:
    truth, answers = (np.array(column) for column in zip(*pairs, strict=True))
    expected = oracle.mean_absolute_percentage_error(truth, answers)
    assert stats.mape(truth, answers) == pytest.approx(expected, rel=EXACT)


def test_nothing_is_relative_to_a_truth_of_zero() -> None:
    assert math.isnan(stats.mape(np.array([1.0, 0.0]), np.ones(2)))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e300, -7.3])
def test_a_constant_truth_explains_nothing(value: float) -> None:
    assert math.isnan(stats.r2(np.full(9, value), np.arange(9.0)))


def test_numbers_beyond_measure_warn_of_nothing() -> None:
    truth, answers = np.array([1e300, -1e300, 1.0]), np.array([-1e300, np.inf, np.nan])
    assert not np.isfinite(stats.rmse(truth, answers))
    assert not np.isfinite(stats.r2(truth, answers))


@fast
@given(SOME)
def test_a_weight_counts_as_rows_that_are_repeated(seed: int) -> None:
    truth, answers, probabilities = labelled(seed)
    random = np.random.default_rng(seed)
    times = random.integers(0, 3, len(truth))
    times[0] = 1
    numbers = np.stack([truth, truth * 0.5 + probabilities[:, 0]])

    def every(rows: Values) -> dict[str, weighted.Statistic]:
        y, p, chance = truth[rows], answers[rows], probabilities[rows]
        return {
            "accuracy": weighted.accuracy(y, p),
            "balanced": weighted.balanced_accuracy(y, p),
            "f1": weighted.macro_f1(y, p),
            "log_loss": weighted.log_loss(chance[:, 0]),
            "brier": weighted.brier(chance[:, 0], chance[:, 1], 3),
            "macro_precision": weighted.macro_precision(y, p),
            "precision": weighted.precision(y == 0, p == 0),
            "recall": weighted.recall(y == 0, p == 0),
            "binary_f1": weighted.f1(y == 0, p == 0),
            "average_precision": weighted.average_precision(y == 0, chance[:, 0]),
            "calibration": weighted.calibration_error(y == 0, chance[:, 0]),
            "mape": weighted.mape(numbers[0][rows] + 1, numbers[1][rows]),
            "auc": weighted.roc_auc(y == 0, chance[:, 0]),
            "rmse": weighted.rmse(numbers[0][rows], numbers[1][rows]),
            "r2": weighted.r2(numbers[0][rows], numbers[1][rows]),
        }

    lines = np.stack([np.ones(len(truth)), times.astype(np.float64)])
    repeated = np.repeat(np.arange(len(truth)), times)
    by_rows = every(repeated)
    for name, statistic in every(np.arange(len(truth))).items():
        expected = stats.value_of(by_rows[name], len(repeated))
        assert statistic(lines)[1] == pytest.approx(expected, nan_ok=True, rel=1e-6, abs=1e-9)


@fast
@given(SOME)
def test_the_order_of_rows_does_not_count(seed: int) -> None:
    truth, answers, probabilities = labelled(seed)
    order = np.random.default_rng(seed).permutation(len(truth))
    for metric in (stats.accuracy, stats.balanced_accuracy, stats.macro_f1, stats.r2):
        value = metric(truth[order], answers[order])
        assert value == pytest.approx(metric(truth, answers), nan_ok=True)
    for loss in (stats.log_loss, stats.brier):
        value = loss(truth[order], probabilities[order])
        assert value == pytest.approx(loss(truth, probabilities))


@pytest.mark.parametrize("metric", [stats.accuracy, stats.macro_f1, stats.rmse, stats.roc_auc])
@pytest.mark.parametrize(
    ("truth", "answers"),
    [(np.empty(0), np.empty(0)), (np.ones(2), np.ones(3)), (np.ones((2, 2)), np.ones((2, 2)))],
)
def test_values_that_do_not_match_are_refused(metric: Any, truth: Values, answers: Values) -> None:
    with pytest.raises(ConfigError, match="shapes"):
        metric(truth, answers)


def test_probabilities_of_other_rows_are_refused() -> None:
    with pytest.raises(ConfigError, match="shape"):
        stats.log_loss(np.array([0, 1]), np.array([0.5, 0.5]))
