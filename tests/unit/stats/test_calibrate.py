"""Calibration agrees with scikit-learn's, and is left out where it does not help."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from fairlead.errors import ConfigError
from fairlead.stats.calibrate import Calibrator, calibrate, fit_calibrator, fit_isotonic

fast = settings(max_examples=60)


@fast
@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_isotonic_calibration_agrees_with_the_oracle(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 40, rows) / 40 if seed % 2 else random.random(rows)
    positive = random.random(rows) < scores**2
    asked = np.concatenate([np.linspace(-0.2, 1.2, 301), scores])
    oracle = IsotonicRegression(out_of_bounds="clip").fit(scores, positive)
    found = calibrate(fit_isotonic(scores, positive), asked)
    assert found == pytest.approx(oracle.predict(asked), abs=1e-12)


@fast
@given(st.integers(0, 2**32 - 1))
def test_a_calibrated_curve_rises_within_its_bounds(seed: int) -> None:
    random = np.random.default_rng(seed)
    fitted = fit_isotonic(random.random(50), random.random(50) < 0.5)
    assert (np.diff(fitted.scores) > 0).all()
    assert (np.diff(fitted.values) >= 0).all()
    assert 0 <= fitted.values[0] <= fitted.values[-1] <= 1


def test_probabilities_that_are_true_are_left_as_they_are() -> None:
    random = np.random.default_rng(1)
    chance = random.random(20_000)
    assert fit_calibrator(chance, random.random(20_000) < chance) == Calibrator()
    assert fit_calibrator(chance, random.random(20_000) < chance**3) != Calibrator()


@pytest.mark.parametrize("positive", [np.ones(30), np.zeros(30)])
def test_one_class_calibrates_nothing(positive: np.ndarray) -> None:
    assert fit_calibrator(np.linspace(0, 1, 30), positive) == Calibrator()


def test_a_calibrator_of_fifty_thousand_rows_is_short() -> None:
    random = np.random.default_rng(2)
    chance = random.random(50_000)
    assert len(fit_isotonic(chance, random.random(50_000) < chance**2).scores) < 500


def test_scores_without_labels_are_refused() -> None:
    with pytest.raises(ConfigError, match="shapes"):
        fit_isotonic(np.ones(3), np.ones(2))
