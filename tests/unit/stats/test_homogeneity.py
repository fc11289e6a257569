"""Tests of counts agree with SciPy's and keep their level, sparse bins or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from fairlead.stats import (
    Counts,
    chi_square,
    counts_of,
    jensen_shannon,
    kolmogorov_smirnov,
    pool,
    psi,
    psi_null_mean,
    psi_test,
    wasserstein,
)

counts = st.lists(st.integers(0, 500), min_size=2, max_size=40)


def pairs(data: Any) -> tuple[Counts, Counts]:
    a = data.draw(counts)
    b = data.draw(st.lists(st.integers(0, 500), min_size=len(a), max_size=len(a)))
    return np.array(a, float) + np.eye(len(a))[0], np.array(b, float) + np.eye(len(a))[0]


@given(st.data())
def test_chi_square_agrees_with_scipy(data: st.DataObject) -> None:
    a, b = pairs(data)
    held = a + b > 0
    test = chi_square(a, b)
    if held.sum() < 2:
        assert (test.degrees, test.p_value) == (0, 1.0)
        return
    theirs = chi2_contingency(np.array([a[held], b[held]]), correction=False)
    assert test.statistic == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-9)
    assert test.degrees == theirs.dof
    assert test.p_value == pytest.approx(theirs.pvalue, abs=1e-12)


@given(st.data())
def test_jensen_shannon_agrees_with_scipy(data: st.DataObject) -> None:
    a, b = pairs(data)
    # SciPy takes the root of what rounding leaves below zero.
    theirs = float(np.nan_to_num(jensenshannon(a, b)))
    assert jensen_shannon(a, b) == pytest.approx(theirs, abs=1e-7)
    assert jensen_shannon(a, a) == pytest.approx(0.0, abs=1e-7)


def test_kolmogorov_smirnov_agrees_with_scipy_where_bins_are_values() -> None:
    random = np.random.default_rng(1)
    x, y = random.integers(0, 40, 3000), random.integers(1, 41, 700)
    a, b = (np.bincount(v, minlength=41).astype(float) for v in (x, y))
    ours, theirs = kolmogorov_smirnov(a, b), ks_2samp(x, y, method="asymp")
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=0.2)


@given(st.data(), st.integers(0, 40))
def test_pooling_keeps_all_rows_and_leaves_no_sparse_bin(data: st.DataObject, ordered: int) -> None:
    a, b = pairs(data)
    joined_a, joined_b = pool(a, b, ordered=min(ordered, len(a)))
    assert (joined_a.sum(), joined_b.sum()) == (a.sum(), b.sum())
    totals = joined_a + joined_b
    expected = totals * min(a.sum(), b.sum()) / totals.sum()
    assert len(totals) == 1 or expected.min() >= 10.0 - 1e-9


def test_pooling_joins_neighbours_where_bins_have_an_order() -> None:
    a = np.array([0.0, 9.0, 50.0, 3.0, 4.0, 5.0, 1.0, 60.0])
    assert pool(a, a, ordered=8)[0].tolist() == [59.0, 12.0, 61.0]
    assert pool(a, a, ordered=7)[0].tolist() == [59.0, 13.0, 60.0]


def test_a_lone_bin_with_an_order_that_is_sparse_joins_what_there_is() -> None:
    a = np.array([1.0, 10.0])
    assert pool(a, a, ordered=1)[0].tolist() == [11.0]


def test_pooling_of_nothing_is_one_empty_bin() -> None:
    assert [x.tolist() for x in pool(np.zeros(3), np.ones(3))] == [[0.0], [0.0]]


@pytest.mark.parametrize(
    ("categories", "rows_a", "rows_b", "slope"),
    [(3, 5000, 100, 0.0), (50, 5000, 100, 1.0), (300, 5000, 1000, 1.1), (1000, 5000, 5000, 0.0)],
)
def test_the_level_holds_far_out_with_sparse_categories(
    categories: int, rows_a: int, rows_b: int, slope: float
) -> None:
    random = np.random.default_rng(2)
    shares = 1.0 / np.arange(1, categories + 1) ** slope
    shares /= shares.sum()
    drawn = zip(
        random.multinomial(rows_a, shares, 4000).astype(float),
        random.multinomial(rows_b, shares, 4000).astype(float),
        strict=True,
    )
    p = np.array([chi_square(*pool(a, b)).p_value for a, b in drawn])
    # Bounds are three standard errors above the level.
    assert (p < 0.05).mean() < 0.0604
    assert (p < 0.01).mean() < 0.0148
    assert (p < 0.001).mean() < 0.0025
    assert categories == 1000 or (p < 0.05).mean() > 0.035


def test_psi_is_on_average_its_null_mean_and_its_test_keeps_its_level() -> None:
    random = np.random.default_rng(3)
    drawn = random.multinomial(5000, [0.1] * 10, 4000), random.multinomial(500, [0.1] * 10, 4000)
    pairs = list(zip(*(x.astype(float) for x in drawn), strict=True))
    found = [psi(a, b) for a, b in pairs]
    assert np.mean(found) == pytest.approx(psi_null_mean(10, 5000, 500), rel=0.05)
    levels = np.array([psi_test(a, b).p_value for a, b in pairs])
    assert 0.035 < (levels < 0.05).mean() < 0.0604


def test_one_outlier_neither_hides_nor_makes_a_distance() -> None:
    random = np.random.default_rng(4)
    x = random.normal(size=20_000)
    edges = np.quantile(x, np.linspace(0, 1, 33), method="lower")
    spoiled = np.append(edges, 1e6)

    def counted(values: Any, at: Any) -> Counts:
        places = np.searchsorted(at, values, side="right")
        return counts_of(np.bincount(places, minlength=len(at) + 1))

    same, moved = random.normal(size=5000), np.append(random.normal(size=5000) + 0.5, 1e6)
    for at in (edges, spoiled):
        a = counted(x, at)
        assert wasserstein(at, a, counted(same, at)) < 0.05
        assert 0.4 < wasserstein(at, a, counted(moved, at)) < 0.6
        assert psi(*pool(a, counted(moved, at), ordered=len(a))) > 0.2


def test_wasserstein_agrees_with_scipy_inside_of_the_edges() -> None:
    random = np.random.default_rng(5)
    x, y = random.uniform(size=200_000), random.uniform(size=200_000) ** 1.2
    edges = np.linspace(0, 1, 257)
    a, b = (np.concatenate([[0], np.histogram(v, edges)[0], [0]]).astype(float) for v in (x, y))
    scale = 0.5 / 1.3489795
    assert wasserstein(edges, a, b) * scale == pytest.approx(wasserstein_distance(x, y), rel=0.01)


def test_nothing_to_compare_is_no_evidence() -> None:
    none, some = np.zeros(3), np.ones(3)
    for test in (chi_square, psi_test, kolmogorov_smirnov):
        assert test(none, some).p_value == 1.0
    assert jensen_shannon(none, some) == wasserstein(np.array([0.0]), none, some) == 0.0
    assert wasserstein(np.array([2.0, 2.5]), some, some) == 0.0


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=9, unique=True)
)
def test_wasserstein_is_a_number_on_any_edges(values: list[float]) -> None:
    edges = np.array(sorted(values))
    a, b = np.ones(len(edges) + 1), np.arange(len(edges) + 1.0)
    assert 0.0 <= wasserstein(edges, a, b) < np.inf
