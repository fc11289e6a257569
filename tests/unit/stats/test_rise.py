"""A rise of a share is seen when it is none of chance, and held by its interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from fairlead.stats import rise_p_value, share_rise


@given(st.integers(0, 50), st.integers(50, 500), st.integers(0, 50), st.integers(50, 500))
def test_a_rise_agrees_with_scipys_binomial(h: int, n: int, rh: int, rn: int) -> None:
    if h + rh:
        theirs = binomtest(h, h + rh, n / (n + rn), alternative="greater").pvalue
        assert rise_p_value(h, n, rh, rn) == pytest.approx(theirs, abs=1e-9)
    one, other = share_rise(h, n, rh, rn), share_rise(rh, rn, h, n)
    assert one.low <= one.value <= one.high
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_a_rise_keeps_its_level_and_its_interval_holds() -> None:
    random = np.random.default_rng(1)
    hits, before = random.binomial(800, 0.02, 2000), random.binomial(5000, 0.02, 2000)
    p = [rise_p_value(h, 800, b, 5000) for h, b in zip(hits, before, strict=True)]
    assert np.mean(np.array(p) <= 0.05) < 0.065
    held = [
        (e := share_rise(int(h), 800, int(b), 5000)).low <= 0 <= e.high
        for h, b in zip(hits, before, strict=True)
    ]
    assert 0.93 < np.mean(held) < 0.98


def test_what_lies_beyond_the_references_range_is_tested_exactly() -> None:
    random = np.random.default_rng(2)
    p = []
    for _ in range(4000):
        reference, current = random.pareto(1.5, 300), random.pareto(1.5, 900)
        outside = np.sum((current < reference.min()) | (current > reference.max()))
        p.append(rise_p_value(int(outside), 900, 1, 300))
    levels = np.array(p)
    assert 0.035 < (levels <= 0.05).mean() < 0.0604
    assert (levels <= 0.01).mean() < 0.0148


def test_no_hits_are_no_rise() -> None:
    assert rise_p_value(0, 10, 0, 10) == rise_p_value(0, 0, 3, 10) == 1.0
