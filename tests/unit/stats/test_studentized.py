"""The interval of a difference, of which either end holds its chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import ConfigError
from fairlead.stats import bootstrap_pair, studentized_pair, t_interval, weighted
from fairlead.stats.contrast import Contrast

ROWS = 60


def pair(seed: int, rows: int = ROWS) -> tuple[Any, Any]:
    draw = np.random.default_rng(seed)
    return draw.normal(size=rows), draw.normal(size=rows)


def between(ours: Any, theirs: Any, **how: Any) -> Any:
    return studentized_pair(
        weighted.mean(ours), weighted.mean(theirs), len(ours), **{"seed": 1, **how}
    )


def test_it_is_at_least_as_wide_as_students_and_about_the_percentiles() -> None:
    ours, theirs = pair(1, 200)
    found = between(ours, theirs)
    apart = ours - theirs
    error = float(apart.std(ddof=1) / np.sqrt(200))
    student = t_interval(Contrast(float(apart.mean()), error, 199.0, 200, 200))
    assert found.value == pytest.approx(student.value)
    assert found.low <= student.low + 1e-9
    assert found.high >= student.high - 1e-9
    one, other = ({"m": weighted.mean(each)} for each in (ours, theirs))
    usual = bootstrap_pair(one, other, 200, seed=1)[1]["m"]
    assert (found.low, found.high) == pytest.approx((usual.low, usual.high), abs=0.05)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 0.99))
def test_swapped_it_is_the_same_turned_round(seed: int, confidence: float) -> None:
    ours, theirs = pair(seed)
    there, back = (between(*each, confidence=confidence) for each in
                   ((ours, theirs), (theirs, ours)))  # fmt: skip
    turned = (-back.value, -back.high, -back.low)
    assert (there.value, there.low, there.high) == pytest.approx(turned, abs=1e-9)
    assert there.low <= there.value <= there.high


def test_more_confidence_is_wider_and_the_seed_decides() -> None:
    ours, theirs = pair(3)
    narrow, wide = between(ours, theirs, confidence=0.8), between(ours, theirs, confidence=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert between(ours, theirs) == between(ours, theirs)


def test_skewed_differences_reach_further_on_their_long_side() -> None:
    draw = np.random.default_rng(1)
    errors = np.exp(draw.normal(size=100))
    found = between(errors, np.zeros(100))
    assert found.high - found.value > 1.2 * (found.value - found.low)


@pytest.mark.parametrize("apart", [0.0, 0.5])
def test_a_constant_difference_has_no_width(apart: float) -> None:
    ours, _ = pair(1)
    found = between(ours + apart, ours)
    assert found.low == found.value == found.high == pytest.approx(apart)


def test_copies_of_rows_by_unit_are_as_sure_as_the_units() -> None:
    ours, theirs = pair(5, 40)
    alone = between(ours, theirs)
    copied = [np.repeat(each, 25) for each in (ours, theirs)]
    units = np.repeat([f"user {n}" for n in range(40)], 25)
    told = between(*copied, units=units)
    unsaid = between(*copied)
    assert told.high - told.low == pytest.approx(alone.high - alone.low, rel=0.15)
    assert unsaid.high - unsaid.low < 0.5 * (told.high - told.low)


def test_very_many_rows_are_drawn_in_bundles() -> None:
    ours, theirs = pair(1, 30_000)
    found = between(ours, theirs)
    error = np.sqrt(2.0 / 30_000)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.3)


def test_what_is_undefined_has_no_interval() -> None:
    positive = np.arange(ROWS) == 0
    scores = pair(1)
    ours, theirs = (weighted.roc_auc(positive, each) for each in scores)
    # Without the one positive row there is no area.
    assert studentized_pair(ours, theirs, ROWS, seed=1) is None
    assert between(np.full(ROWS, np.nan), scores[0]) is None
    assert between(*scores, units=np.zeros(ROWS)) is None


def test_too_few_rows_or_units_are_said() -> None:
    with pytest.raises(ConfigError, match="1 rows"):
        between(np.ones(1), np.ones(1))
    with pytest.raises(ConfigError, match="units"):
        between(*pair(1), units=np.zeros(3))
