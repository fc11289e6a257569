"""A classifier tells samples apart where they differ together, and seldom where they do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from fairlead.errors import ConfigError
from fairlead.monitoring import tell_apart
from fairlead.monitoring.domain import _rank_sum


def test_fields_that_moved_only_together_are_told_apart() -> None:
    random = np.random.default_rng(1)
    a, b = random.normal(size=(1500, 2)), random.normal(size=(1500, 2))
    b[:, 1] = 0.9 * b[:, 0] + np.sqrt(1 - 0.81) * b[:, 1]  # each field alone is as it was
    found = tell_apart(a, b, seed=3)
    assert found.auc.value > 0.65
    assert found.auc.low < found.auc.value < found.auc.high
    assert found.p_value < 1e-4
    assert found == tell_apart(a, b, seed=3)


def test_samples_that_are_alike_are_seldom_told_apart() -> None:
    random = np.random.default_rng(2)
    p = [tell_apart(*random.normal(size=(2, 100, 3)), seed=i).p_value for i in range(30)]
    assert np.mean(np.array(p) <= 0.05) <= 0.1


def test_missing_values_are_told_apart() -> None:
    random = np.random.default_rng(3)
    a, b = random.normal(size=(400, 2)), random.normal(size=(400, 2))
    b[:200, 0] = np.nan
    assert tell_apart(a, b, seed=1).p_value < 1e-3


def test_a_rank_sum_agrees_with_scipys() -> None:
    random = np.random.default_rng(4)
    scores, labels = random.integers(0, 9, 80) / 8.0, random.integers(0, 2, 80)
    ones, zeros = scores[labels == 1], scores[labels == 0]
    theirs = mannwhitneyu(
        ones, zeros, alternative="greater", method="asymptotic", use_continuity=False
    )
    auc, p_value, _ = _rank_sum(scores, labels)
    assert auc == pytest.approx(theirs.statistic / (len(ones) * len(zeros)))
    assert p_value == pytest.approx(theirs.pvalue)
    assert _rank_sum(np.ones(10), np.repeat([0, 1], 5)) == (0.5, 1.0, 0.0)


def test_the_field_that_tells_samples_apart_is_named() -> None:
    random = np.random.default_rng(5)
    a, b = random.normal(size=(2, 600, 4))
    b[:, 2] += 1.0
    found = tell_apart(a, b, seed=1)
    assert found.drops[2] > 0.1
    assert max(abs(drop) for place, drop in enumerate(found.drops) if place != 2) < 0.03


def test_intervals_hold_the_area_as_often_as_they_say() -> None:
    """Of scores that are given, normal ones that lie a deviation apart."""
    random, held = np.random.default_rng(6), []
    for _ in range(400):
        scores = np.concatenate([random.normal(size=80), random.normal(1.0, size=80)])
        auc, _, variance = _rank_sum(scores, np.repeat([0, 1], 80))
        held.append(abs(auc - 0.7602) <= 1.96 * variance**0.5)
    assert 0.92 <= np.mean(held) <= 0.98


@pytest.mark.parametrize(
    "shapes", [((49, 2), (100, 2)), ((100, 2), (100, 3)), ((100, 0), (100, 0))]
)
def test_samples_that_cannot_be_told_apart_are_refused(
    shapes: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    with pytest.raises(ConfigError):
        tell_apart(np.zeros(shapes[0]), np.zeros(shapes[1]), seed=1)
