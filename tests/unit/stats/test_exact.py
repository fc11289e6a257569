"""Exact intervals of shares and of their differences, beside known values and by counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from fairlead.errors import ConfigError
from fairlead.stats import exact_difference, exact_share, share_rise


@pytest.mark.parametrize(("hits", "rows"), [(0, 7), (1, 30), (9, 10), (30, 30), (480, 10_000)])
@pytest.mark.parametrize("confidence", [0.95, 0.9999])
def test_the_interval_is_that_of_clopper_and_pearson(
    hits: int, rows: int, confidence: float
) -> None:
    found = exact_share(hits, rows, confidence=confidence)
    known = binomtest(hits, rows).proportion_ci(confidence, method="exact")
    assert (found.low, found.high) == pytest.approx((known.low, known.high))


@pytest.mark.parametrize("share", [0.005, 0.02, 0.3])
@pytest.mark.parametrize("rows", [10, 30, 200])
def test_it_holds_however_rare_hits_are(share: float, rows: int) -> None:
    counts = np.arange(rows + 1)
    chances = binom.pmf(counts, rows, share)
    ends = [exact_share(int(count), rows, confidence=0.9975) for count in counts]
    missed = sum(
        p for p, one in zip(chances, ends, strict=True) if not one.low <= share <= one.high
    )
    assert missed <= 0.0025


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_difference_turns_with_its_samples_and_is_no_shorter_than_newcombes(
    data: st.DataObject,
) -> None:
    rows, others = data.draw(st.integers(1, 400)), data.draw(st.integers(1, 400))
    hits, other_hits = data.draw(st.integers(0, rows)), data.draw(st.integers(0, others))
    one = exact_difference(hits, rows, other_hits, others)
    turned = exact_difference(other_hits, others, hits, rows)
    assert (one.low, one.value, one.high) == pytest.approx(
        (-turned.high, -turned.value, -turned.low)
    )
    assert -1.0 <= one.low <= one.value <= one.high <= 1.0
    short = share_rise(hits, rows, other_hits, others)
    assert one.high - one.low >= 0.9 * (min(short.high, 1.0) - max(short.low, -1.0))


@pytest.mark.parametrize(("hits", "rows"), [(-1, 5), (6, 5), (0, 0)])
def test_what_is_no_share_is_refused(hits: int, rows: int) -> None:
    with pytest.raises(ConfigError, match="no share"):
        exact_share(hits, rows)
    with pytest.raises(ConfigError, match="confidence"):
        exact_difference(1, 5, 1, 5, confidence=1.0)
