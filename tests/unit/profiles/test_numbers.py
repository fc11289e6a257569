"""Numbers: counted on frozen edges and in log buckets, exactly, and read back as quantiles."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.profiles import Numeric, distinct_count, quantile
from fairlead.profiles.logs import BUCKETS_MAX, bounds, count_logs, merge_logs, unpack
from fairlead.profiles.numbers import BLOCK_ROWS, FEW, count_numbers, freeze_numbers, merge_numbers

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.lists(st.one_of(FINITE, st.integers(-9, 9).map(float)), max_size=40).map(
    lambda values: np.array(values, dtype=np.float64)
)


def wide(seed: int, rows: int = 3000) -> Any:
    """More buckets than are kept: both signs, forty orders of magnitude."""
    random = np.random.default_rng(seed)
    return random.choice([-1.0, 1.0], rows) * 10 ** random.uniform(-20, 20, rows)


def summary(values: Any, edges_of: Any = None) -> Numeric:
    array = np.asarray(values, dtype=np.float64)
    frame = freeze_numbers(array if edges_of is None else np.asarray(edges_of, dtype=np.float64))
    return count_numbers(frame, array)


def test_values_beyond_the_reference_are_counted_under_and_over() -> None:
    found = summary([0.5, 1.0, 3.0, 3.5, 9.0, np.inf], edges_of=[1.0, 2.0, 3.0])
    assert found.counts == (1, 1, 0, 1, 2)
    assert (found.low, found.high, found.missing) == (0.5, 9.0, 1)


def test_bins_of_many_values_hold_equal_shares_of_the_reference() -> None:
    counts = np.array(summary(np.random.default_rng(0).normal(size=10_000)).counts[1:-1])
    assert len(counts) == 32
    assert np.ptp(counts) <= 2


@pytest.mark.parametrize("rows", [FEW, FEW + 1, 3 * BLOCK_ROWS + 7])
def test_few_and_many_values_are_counted_alike(rows: int) -> None:
    random = np.random.default_rng(1)
    for values in (random.normal(size=rows), random.integers(0, 9, rows).astype(float)):
        frame = freeze_numbers(values[:500])
        places = np.digitize(values, frame.edges)
        places[values == frame.edges[-1]] -= 1
        expected = np.bincount(places, minlength=len(frame.edges) + 1)
        assert count_numbers(frame, values).counts == tuple(expected.tolist())


@settings(max_examples=200)
@given(VALUES)
def test_moments_extremes_signs_and_zeros_are_those_of_the_values(values: Any) -> None:
    found = summary(values)
    assert found.count == len(values)
    assert found.negative == (values < 0).sum()
    assert found.zero == (values == 0).sum()
    if len(values):
        assert (found.low, found.high) == (values.min(), values.max())
        scale = np.abs(values).max()
        assert found.mean == pytest.approx(
            float(values.astype(np.longdouble).mean()), abs=1e-9 * scale + 1e-300
        )
        if scale < 1e150:
            assert found.m2 == pytest.approx(
                np.square(values - values.mean()).sum(), abs=1e-9 * scale**2 + 1e-300
            )


def test_moments_of_many_blocks_agree_with_those_of_all_values() -> None:
    values = 1e6 + np.random.default_rng(2).normal(size=5 * BLOCK_ROWS)
    found = summary(values)
    assert found.mean == pytest.approx(values.mean(), rel=1e-14)
    assert found.m2 == pytest.approx(np.var(values) * len(values), rel=1e-9)


def test_values_at_the_limit_of_doubles_are_taken() -> None:
    top = sys.float_info.max
    found = summary([-top, top, 5e-324, -5e-324, 0.0])
    assert found.m2 == top
    assert merge_numbers(found, found).m2 == top
    assert quantile(found, 0) == -top
    assert quantile(found, 1) == top
    assert quantile(found, 0.5) == 0


def test_a_reference_without_values_still_counts_magnitudes() -> None:
    found = summary([1.0, 100.0, 10_000.0], edges_of=[np.nan])
    assert (found.edges, found.counts) == ((), (3,))
    assert quantile(found, 0.5) == pytest.approx(100, rel=0.03)
    assert quantile(summary([np.nan]), 0.5) is None


@settings(max_examples=200)
@given(VALUES)
def test_each_value_lies_in_the_bucket_that_counts_it(values: Any) -> None:
    values = values[values != 0]
    keys, counts = unpack(count_logs(values))
    lows, highs = bounds(keys)
    assert counts.sum() == len(values)
    inside = (lows[:, None] <= values) & (values <= highs[:, None])
    assert (inside.sum(axis=1) >= counts).all()
    normal = np.minimum(np.abs(lows), np.abs(highs)) >= sys.float_info.min
    assert (np.abs(highs - lows)[normal] <= 0.03126 * np.abs(lows)[normal]).all()


@pytest.mark.parametrize("seed", range(5))
def test_buckets_merge_exactly_when_there_are_more_than_are_kept(seed: int) -> None:
    values = wide(seed)
    cuts = np.sort(np.random.default_rng(seed).integers(0, len(values), 2))
    a, b, c = (count_logs(part) for part in np.split(values, cuts))
    whole = count_logs(values)
    assert len(unpack(whole)[0]) == BUCKETS_MAX
    assert whole.below > 0
    assert merge_logs(merge_logs(a, b), c) == whole
    assert merge_logs(a, merge_logs(b, c)) == whole
    assert merge_logs(c, merge_logs(b, a)) == whole


def test_wide_counts_survive_merging() -> None:
    found = count_logs(np.ones(1000))
    for _ in range(30):
        found = merge_logs(found, found)
    assert unpack(found)[1].tolist() == [1000 * 2**30]


SHARES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)


@pytest.mark.parametrize("shape", ["normal", "lognormal", "pareto", "uniform"])
def test_quantiles_of_values_like_the_reference_are_close_in_value_or_rank(shape: str) -> None:
    values = getattr(np.random.default_rng(3), shape)(*([1.5] if shape == "pareto" else []),
                                                      size=50_000)  # fmt: skip
    found = summary(values)
    for share in SHARES:
        shown = quantile(found, share)
        assert shown is not None
        near = shown == pytest.approx(np.quantile(values, share), rel=0.03)
        assert near or abs((values < shown).mean() - share) < 0.002


@pytest.mark.parametrize("factor", [1e-6, 0.3, 40.0, 1e9])
def test_quantiles_far_from_the_reference_are_within_three_percent(factor: float) -> None:
    reference = np.random.default_rng(4).lognormal(size=10_000)
    values = factor * np.random.default_rng(5).lognormal(size=20_000)
    found = summary(values, edges_of=reference)
    for share in SHARES:
        assert quantile(found, share) == pytest.approx(np.quantile(values, share), rel=0.035)


@pytest.mark.parametrize("distinct", [0, 1, 10, 300, 5000, 200_000])
def test_distinct_values_are_counted_within_four_standard_errors(distinct: int) -> None:
    for values in (np.arange(distinct), 1e9 + np.arange(distinct) / 7):
        found = summary(np.concatenate([values, values[::2]]))
        assert abs(distinct_count(found) - distinct) <= max(4 * 0.065 * distinct, 0)
    assert distinct_count(summary([0.0, -0.0])) == 1
