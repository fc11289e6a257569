"""Evidence adds up in time, and false alarms are as seldom as their budget says."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from fairlead.errors import ConfigError
from fairlead.stats import (
    Dispersion,
    Evidence,
    add,
    benjamini_hochberg,
    dispersed_p_value,
    dispersion,
    e_bh,
    e_values,
    evidence,
    follow,
    holm,
    threshold,
)

p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(p_lists)
def test_adjusted_p_values_agree_with_scipy(p_values: list[float]) -> None:
    theirs = false_discovery_control(p_values, method="bh")
    assert benjamini_hochberg(p_values) == pytest.approx(theirs, abs=1e-12)


@given(p_lists)
def test_holm_rejects_what_its_steps_reject(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    left = sorted(p_values)
    rejected = 0
    while rejected < len(left) and left[rejected] * (len(left) - rejected) <= 0.05:
        rejected += 1
    assert sum(p <= 0.05 for p in adjusted) == rejected
    assert all(a >= b - 1e-12 for a, b in zip(adjusted, benjamini_hochberg(p_values), strict=True))


@given(st.lists(st.floats(0, 1e6), max_size=30), st.floats(1, 1e4))
def test_e_bh_takes_the_largest_and_their_mean_is_over_the_threshold(
    values: list[float], bar: float
) -> None:
    kept = e_bh(values, bar)
    if kept:
        assert min(values[i] for i in kept) * len(kept) / len(values) >= bar
        assert sum(values) / len(values) >= bar * (1 - 1e-9)
    else:
        assert max(values, default=0.0) / max(len(values), 1) < bar


def test_an_e_value_is_one_on_average_where_nothing_is_true() -> None:
    # k p^(k-1) has no variance for k <= 1/2; the integral over a fine grid has no luck.
    p = np.exp(np.linspace(-80.0, 0.0, 400_001))
    widths = np.diff(p, prepend=0.0)
    means = np.array([e_values(x) for x in p]).T @ widths
    assert means == pytest.approx(1.0, abs=1e-3)


@given(st.lists(st.floats(1e-9, 1), min_size=2, max_size=20), st.data())
def test_evidence_of_stretches_joins_in_the_order_of_time(
    p_values: list[float], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(p_values)))
    states = [evidence(p) for p in p_values]
    whole = reduce(follow, states, Evidence())
    parts = [reduce(follow, part, Evidence()) for part in (states[:place], states[place:])]
    joined = follow(*parts)
    assert joined.sums == pytest.approx(whole.sums, rel=1e-9)
    assert joined.products == pytest.approx(whole.products, rel=1e-9)


def test_evidence_stays_finite() -> None:
    state = reduce(follow, [evidence(0.0)] * 50, Evidence())
    assert np.isfinite([*state.sums, *state.products]).all()


def test_false_alarms_are_no_more_than_the_budget_and_changes_are_found() -> None:
    random = np.random.default_rng(11)
    bar = threshold(730, 4)
    alarms, found = 0, []
    for p in random.uniform(size=(60, 730)):
        state = Evidence()
        for value in p:
            state = follow(state, evidence(value))
            if state.value >= bar:
                alarms, state = alarms + 1, Evidence()
    for p in random.uniform(size=(60, 100)) ** 3:
        state, waited = Evidence(), 0
        while state.value < bar:
            state, waited = follow(state, evidence(p[waited])), waited + 1
        found.append(waited)
    assert alarms / 60 <= 4
    assert alarms > 0
    assert np.median(found) <= 12


@pytest.mark.parametrize(("windows", "alarms"), [(730, 0), (0, 0), (10, 11), (float("inf"), 1)])
def test_a_budget_that_is_none_is_refused(windows: float, alarms: float) -> None:
    with pytest.raises(ConfigError):
        threshold(windows, alarms)


def test_dispersion_of_two_pasts_adds_up_in_any_order() -> None:
    parts = [dispersion(float(x), 4 + x) for x in range(20)]
    forth, back = reduce(add, parts, Dispersion()), reduce(add, parts[::-1], Dispersion())
    assert forth.factor == pytest.approx(back.factor)
    assert forth.spread == pytest.approx(back.spread)


@pytest.mark.parametrize("factor", [1.0, 4.0])
@pytest.mark.parametrize("effective", [30.0, 5.0])
def test_dispersed_p_values_keep_their_level_far_out(factor: float, effective: float) -> None:
    """Statistics as of dependent rows: a gamma of the right mean and fewer degrees."""
    random = np.random.default_rng(12)
    degrees, past_windows, runs = 30, 48, 300
    scale = factor * degrees / effective
    p = []
    for _ in range(runs):
        drawn = scale * random.chisquare(effective, past_windows + 20)
        past = reduce(add, [dispersion(x, degrees) for x in drawn[:past_windows]])
        p += [dispersed_p_value(x, degrees, past) for x in drawn[past_windows:]]
    found = np.array(p)
    assert (found < 0.05).mean() < 0.065
    assert (found < 0.001).mean() < 0.003


def test_little_past_is_no_past() -> None:
    past = reduce(add, [dispersion(100.0, 10)] * 3)
    assert dispersed_p_value(30.0, 10, past) == dispersed_p_value(30.0, 10, Dispersion())
    assert dispersed_p_value(30.0, 10, Dispersion()) == pytest.approx(0.000857, rel=1e-3)
    assert dispersed_p_value(0.0, 0, past) == 1.0
    assert dispersion(0.0, 0) == Dispersion()
