"""How often a guard stops a sound learner, and after how many labels one that got worse."""

from __future__ import annotations

import numpy as np
import pytest

from fairlead.learning.decide import judge
from fairlead.learning.measure import mean, observe, score
from fairlead.learning.types import Guard, Moments, Tally
from support.streams import stopped_at

STREAMS, ROWS = 200, 500
STRICT = Guard(margin=0.0, fall=0.0, false_alarm_labels=5_000)


def share_stopped(guard: Guard, learner: float, good: float, level: float | None) -> float:
    found = [stopped_at(guard, seed, ROWS, learner, good, level=level) for seed in range(STREAMS)]
    return sum(each is not None for each in found) / STREAMS


def test_a_learner_that_is_as_good_is_seldom_stopped() -> None:
    # At most rows / false_alarm_labels = 10 %, plus three standard errors of 200 streams.
    assert share_stopped(STRICT, 0.2, 0.2, None) <= 0.1 + 3 * 0.0212


def test_a_learner_that_errs_as_before_is_seldom_stopped() -> None:
    guard = Guard(margin=0.5, fall=1e-9, false_alarm_labels=5_000)
    assert share_stopped(guard, 0.2, 0.2, 0.2) <= 0.1 + 3 * 0.0212


def test_within_its_margin_a_worse_learner_goes_on() -> None:
    guard = Guard(margin=0.05, false_alarm_labels=5_000)
    assert share_stopped(guard, 0.24, 0.2, None) <= 0.1 + 3 * 0.0212


@pytest.mark.parametrize(("learner", "labels"), [(0.5, 150), (0.3, 900), (0.2, 2500)])
def test_a_worse_learner_is_stopped_within_so_many_labels(learner: float, labels: int) -> None:
    guard = Guard()  # as it is without settings: one false alarm in 100,000 labels
    found = [stopped_at(guard, seed, 2 * labels, learner, 0.1) for seed in range(40)]
    assert np.median([each or 2 * labels for each in found]) <= labels
    assert all(found)


@pytest.mark.parametrize(("error", "labels"), [(0.9, 48), (0.5, 400)])
def test_a_fall_is_seen_though_the_version_beside_it_falls_too(error: float, labels: int) -> None:
    """As when labels are flipped: both err, and the learner may even learn to be wrong."""
    guard = Guard(fall=0.2)
    found = [stopped_at(guard, seed, 480, error, error, level=0.1) for seed in range(40)]
    assert all(each is not None and each <= labels for each in found)
    without = [stopped_at(Guard(), seed, 480, error, error, level=0.1) for seed in range(40)]
    assert without == [None] * 40


def test_evidence_of_long_good_times_does_not_hide_bad_ones() -> None:
    good, bad = np.zeros(5000), np.ones(64)
    better = observe(Tally(), Guard(), good, np.ones(5000), np.ones(5000), numbers=False)
    assert not judge(Guard(), "tide:1", better)
    assert judge(Guard(), "tide:1", observe(better, Guard(), bad, good[:64], good[:64],
                                            numbers=False))  # fmt: skip


def test_errors_of_numbers_are_held_against_each_other_whatever_their_unit() -> None:
    random = np.random.default_rng(3)
    theirs = random.exponential(1.0, 800)
    for unit in (1e-6, 1.0, 1e6):
        ours = 2.0 * random.exponential(1.0, 800)
        found = observe(Tally(), Guard(), ours * unit, theirs * unit, theirs * unit, numbers=True)
        assert "worse than tide:1" in judge(Guard(), "tide:1", found)
        same = observe(Tally(), Guard(), theirs * unit, theirs * unit, theirs * unit, numbers=True)
        assert not judge(Guard(), "tide:1", same)


def test_scores_have_intervals() -> None:
    assert score(Moments(), numbers=False) is None
    accuracy = score(Moments(400, 100.0, 100.0, 100), numbers=False)
    assert accuracy is not None
    assert accuracy.low < accuracy.value == 0.75 < accuracy.high
    errors = mean(Moments(400, 800.0, 2000.0, 400))
    assert errors is not None
    assert errors.low < errors.value == 2.0 < errors.high
