"""Looked at again and again, guards are wrong as rarely as they say, and catch what is bad soon."""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fairlead.stats import (
    Failures,
    Moments,
    asymptotic_sequence,
    bernoulli_sequence,
    difference,
    failures_needed,
    half_width,
    judge,
    judge_interval,
    log_beta_mixture,
    log_failure_evidence,
    log_quantile_evidence,
    log_split_evidence,
    measure,
    merge_moments,
    moments,
    proportion,
    sequential_inflation,
    size_for_proportions,
    tuned_concentration,
    tuned_rho,
)

ALPHA = 0.05
ENOUGH = log(1 / ALPHA)
RUNS, LOOKS = 2000, 100
MOST = ALPHA + 3 * sqrt(ALPHA * (1 - ALPHA) / RUNS)

Paths = npt.NDArray[np.int64]


def arms(
    random: np.random.Generator, rows: int, share: float, ours: float, theirs: float
) -> tuple[Paths, Paths, Paths, Paths]:
    """Rows and failures of candidate and control at each look, shape (runs, looks)."""
    candidate = random.binomial(rows, share, (RUNS, LOOKS))
    failed, others = random.binomial(candidate, ours), random.binomial(rows - candidate, theirs)
    paths = (candidate, failed, rows - candidate, others)
    return tuple(path.cumsum(axis=1) for path in paths)  # type: ignore[return-value]


def ever(found: Any) -> float:
    return float(np.mean((np.asarray(found) >= ENOUGH).any(axis=1)))


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_failures_prove_nothing_false_at_the_margin(share: float) -> None:
    random = np.random.default_rng(1)
    _, ours, _, theirs = arms(random, 500, share, 0.0125, 0.01)
    for side in ("above", "below"):
        found = log_failure_evidence(ours, theirs, share, ratio=1.25, side=side)
        assert ever(found) <= MOST


def test_failures_prove_nothing_false_where_weights_and_rates_change() -> None:
    random = np.random.default_rng(2)
    total = np.zeros((RUNS, 1))
    crossed = np.zeros(RUNS, dtype=bool)
    for share, rate in ((0.01, 0.03), (0.05, 0.002), (0.25, 0.01)):
        candidate = random.binomial(2000, share, (RUNS, 20))
        ours = random.binomial(candidate, rate).cumsum(axis=1)
        theirs = random.binomial(2000 - candidate, rate).cumsum(axis=1)
        found = total + log_failure_evidence(ours, theirs, share, ratio=1.0)
        crossed |= (found >= ENOUGH).any(axis=1)
        total = found[:, -1:]
    assert crossed.mean() <= MOST


def clustered(random: np.random.Generator, share: float) -> tuple[Paths, Paths, Paths, Paths]:
    """Requests and units that failed, where few users fail and each of those about 20 times."""
    ours, theirs = (random.poisson(0.01 * 200 * part, (RUNS, 60)) for part in (share, 1 - share))
    repeats = [random.poisson(20 * units) for units in (ours, theirs)]
    each = (repeats[0], repeats[1], ours, theirs)
    return tuple(path.cumsum(axis=1) for path in each)  # type: ignore[return-value]


def test_failures_of_clustered_users_are_to_be_counted_by_unit() -> None:
    share = 0.1
    requests, other_requests, units, other_units = clustered(np.random.default_rng(3), share)
    assert ever(log_failure_evidence(units, other_units, share, ratio=1.0)) <= MOST
    assert ever(log_failure_evidence(requests, other_requests, share, ratio=1.0)) > 0.25


def test_a_threefold_rate_of_failures_is_caught_within_500_requests() -> None:
    random = np.random.default_rng(4)
    rows, ours, _, theirs = arms(random, 200, 0.05, 0.03, 0.01)
    found = log_failure_evidence(ours, theirs, 0.05, ratio=1.25) >= ENOUGH
    caught = np.where(found.any(axis=1), rows[np.arange(RUNS), found.argmax(axis=1)], np.inf)
    assert np.median(caught) <= 500
    needed = failures_needed(Failures(), 0.05, ratio=1.25, true_ratio=3.0)
    assert needed is not None
    requests = needed / (0.05 * 0.03 + 0.95 * 0.01) * 0.05
    assert np.median(caught) == pytest.approx(requests, rel=0.3)


def test_an_asymptotic_sequence_needs_failures_before_it_says_better() -> None:
    random = np.random.default_rng(5)
    rows, ours, others, theirs = arms(random, 200, 0.05, 0.01, 0.01)
    p, q = ours / np.maximum(rows, 1), theirs / others
    variance = p * (1 - p) / np.maximum(rows, 1) + q * (1 - q) / others
    units = rows + others
    half = half_width(units * variance, units, tuned_rho(20_000))
    naive = (p - q + half < 0) & (rows > 0)
    assert naive.any(axis=1).mean() > 0.3
    # What is decided by refuses the same looks, and its own errors stay rare.
    false = {"worse": 0, "no_worse": 0}
    for run in range(0, RUNS, 20):
        findings = set()
        for look in range(0, LOOKS, 5):
            control = proportion(int(theirs[run, look]), int(others[run, look]))
            candidate = proportion(int(ours[run, look]), max(int(rows[run, look]), 2))
            interval = asymptotic_sequence(difference(control, candidate), tuned_rho(20_000))
            findings |= {
                judge_interval(interval, 0.0, more_is_worse=True).finding,
            }
            if min(ours[run, look], theirs[run, look]) < 20:
                assert judge_interval(interval, 0.0, more_is_worse=True).finding == "unknown"
        for finding in false:
            false[finding] += finding in findings
    assert max(false.values()) <= 5
    assert ever(log_failure_evidence(ours, theirs, 0.05, ratio=1.0, side="below")) <= MOST


def test_means_prove_nothing_false() -> None:
    random = np.random.default_rng(6)
    wrong = {"worse": 0, "no_worse": 0}
    for _ in range(200):
        control = candidate = Moments(0, (0.0,), (0.0,), (0,))
        seen = set()
        for _ in range(20):
            control = merge_moments(control, moments(random.exponential(1.0, 190)))
            candidate = merge_moments(candidate, moments(random.exponential(1.0, 10)))
            if candidate.units < 20:
                continue
            one = difference(measure(control), measure(candidate))
            interval = asymptotic_sequence(one, tuned_rho(4000))
            seen.add(judge_interval(interval, 0.0, more_is_worse=True).finding)
        for finding in wrong:
            wrong[finding] += finding in seen
    assert max(wrong.values()) <= 0.05 * 200 + 3 * sqrt(0.05 * 0.95 * 200)


def test_shares_prove_nothing_false_at_any_look() -> None:
    random = np.random.default_rng(7)
    hits = random.binomial(20, 0.02, (RUNS, LOOKS)).cumsum(axis=1)
    rows = 20 * np.arange(1, LOOKS + 1)
    k = tuned_concentration(1000, side="both")
    assert ever(log_beta_mixture(hits, rows - hits, 0.02, concentration=k, side="both")) <= MOST
    one = bernoulli_sequence(int(hits[0, -1]), int(rows[-1]))
    assert one.low < 0.02 < one.high


def test_splits_prove_nothing_false_and_find_a_mismatch() -> None:
    random = np.random.default_rng(8)
    for share, most, least in ((0.05, MOST, 0.0), (0.07, 1.0, 0.99)):
        ours = random.binomial(200, share, (RUNS, LOOKS)).cumsum(axis=1)
        counts = np.stack([200 * np.arange(1, LOOKS + 1) - ours, ours], axis=-1)
        assert least <= ever(log_split_evidence(counts, (0.95, 0.05))) <= most


def histograms(
    random: np.random.Generator, edges: Any, slower: float, runs: int, looks: int
) -> Any:
    """Counts of lognormal latencies at each look, shape (runs, looks, buckets)."""
    ms = 50 * slower * random.lognormal(0.0, 0.3, (runs, looks, 40))
    places = np.searchsorted(edges, ms, side="right") - 1
    return (places[..., None] == np.arange(len(edges) - 1)).sum(axis=2).cumsum(axis=1)


def test_latencies_prove_nothing_false_at_the_margin_and_find_what_is_slow() -> None:
    random = np.random.default_rng(9)
    runs = 200
    edges = np.array([0.0, *(50 * 1.05 ** np.arange(0.0, 22.0)), np.inf])
    control = histograms(random, edges, 1.0, runs, 12)
    most = ALPHA + 3 * sqrt(ALPHA * (1 - ALPHA) / runs)
    same = histograms(random, edges, 1.2, runs, 12)
    assert ever(log_quantile_evidence(control, same, edges, 0.9, ratio=1.2)) <= most
    assert ever(log_quantile_evidence(same, control, edges, 0.9, ratio=1 / 1.2)) <= most
    slow = histograms(random, edges, 1.8, runs, 12)
    assert ever(log_quantile_evidence(control, slow, edges, 0.9, ratio=1.2)) > 0.95
    found = log_quantile_evidence(control[0, -1], slow[0, -1], edges, 0.9, ratio=1.2)
    assert judge(float(found), 0.0).finding == "worse"


def test_a_sequence_has_the_power_that_its_size_was_planned_for() -> None:
    random = np.random.default_rng(10)
    size = size_for_proportions(0.2, 0.24, sequential=True)
    units = np.ceil(np.linspace(0.05, 1.0, 20) * size.candidate).astype(int)
    steps = np.diff(units, prepend=0)
    p = random.binomial(steps, 0.24, (RUNS, 20)).cumsum(axis=1) / units
    q = random.binomial(steps, 0.2, (RUNS, 20)).cumsum(axis=1) / units
    variance = 2 * (p * (1 - p) + q * (1 - q))
    half = half_width(variance, 2 * units, tuned_rho(2 * units[-1]))
    power = (np.abs(p - q) > half).any(axis=1).mean()
    assert 0.8 < power < 0.9
    assert sequential_inflation() < 2.0
