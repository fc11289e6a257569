"""Harm is proven where there is some, and within the budget where there is none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.monitoring import Budget
from fairlead.monitoring.guard import (
    Guard,
    Loss,
    Moments,
    add_moments,
    expected,
    gained,
    guard,
    limit_of,
    p_worse,
    reference_loss,
)
from fairlead.monitoring.types import Terms
from fairlead.stats import Estimate

TERMS = Terms()
HOUR_US = 3_600_000_000
MONTH = 730


def moments(losses: npt.NDArray[np.float64]) -> Moments:
    return Moments(len(losses), float(losses.sum()), float(np.square(losses).sum()))


def share(rows: int, wrong: float) -> Moments:
    return Moments(rows, wrong, wrong)


def follow(
    batches: list[Moments], loss: Loss, reference: float | None, terms: Terms = TERMS
) -> list[Guard]:
    state, states = Guard(), []
    for hour, batch in enumerate(batches):
        state = guard(state, batch, loss, terms, (hour + 1) * HOUR_US, reference=reference)
        states.append(state)
    return states


def alarms(states: list[Guard]) -> list[int]:
    """Hours in which harm was proven anew."""
    before = [False, *(state.proven for state in states)]
    return [hour for hour, state in enumerate(states) if state.proven and not before[hour]]


def errors(rng: np.random.Generator, hours: int, kind: str) -> list[Moments]:
    """A share of 0.1 wrong labels on average, of rows that are independent or not."""
    if kind == "iid":
        rows = rng.integers(30, 2000, hours)
        return [share(int(n), float(rng.binomial(n, 0.1))) for n in rows]
    if kind == "cycle":
        chance = 0.1 + 0.015 * np.sin(2 * np.pi * np.arange(hours) / 24)
        rows = (400 + 300 * np.sin(2 * np.pi * np.arange(hours) / 24)).astype(int)
        return [share(int(n), float(rng.binomial(n, p))) for n, p in zip(rows, chance, strict=True)]
    users = rng.beta(1.0, 9.0, (hours, 40))  # of which each has ten rows: factor 1.9
    return [share(400, float(rng.binomial(10, each).sum())) for each in users]


@pytest.mark.parametrize("own", [False, True], ids=["reference", "own"])
@pytest.mark.parametrize("kind", ["iid", "cycle", "users"])
def test_false_alarms_about_wrong_labels_stay_within_the_budget(kind: str, own: bool) -> None:
    """A margin of nothing is the hardest: half of a budget of 0.5 a month in ten months is 0.8."""
    terms = Terms(accuracy_drop=0.0 if kind != "cycle" else 0.02)
    rng, found = np.random.default_rng(5), 0
    for _ in range(10):
        states = follow(errors(rng, MONTH, kind), "error", None if own else 0.1, terms)
        found += len(alarms(states))
    assert found <= 10 * TERMS.budget.alarms / 3 + 2


@pytest.mark.parametrize("own", [False, True], ids=["reference", "own"])
@pytest.mark.parametrize("tail", ["normal", "t5"])
def test_false_alarms_about_large_errors_stay_within_the_budget(tail: str, own: bool) -> None:
    terms, rng, found = Terms(error_rise=0.0), np.random.default_rng(6), 0
    for _ in range(10):
        batches = []
        for _ in range(MONTH):
            error = rng.normal(size=100) if tail == "normal" else rng.standard_t(5, 100)
            batches.append(moments(np.square(error)))
        reference = 1.0 if tail == "normal" else 5.0 / 3.0
        found += len(alarms(follow(batches, "squared", None if own else reference, terms)))
    assert found <= 10 * TERMS.budget.alarms / 3 + 2


@pytest.mark.parametrize(
    ("rows", "wrong", "hours"), [(2000, 0.15, 10), (400, 0.18, 12), (100, 0.3, 12), (30, 0.5, 14)]
)
@pytest.mark.parametrize("own", [False, True], ids=["reference", "own"])
def test_harm_is_proven_within_hours(rows: int, wrong: float, hours: int, own: bool) -> None:
    late = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        shares = [0.1] * 48 + [wrong] * 40
        batches = [share(rows, float(rng.binomial(rows, p))) for p in shares]
        proven = [h for h in alarms(follow(batches, "error", None if own else 0.1)) if h >= 48]
        late.append((proven or [10**6])[0] - 47)
    assert np.median(late) <= hours
    assert max(late) < 40


def test_a_version_that_is_worse_from_the_start_is_proven_so_too() -> None:
    states = follow([share(400, 80.0)] * 12, "error", 0.1)
    assert alarms(states)
    assert states[-1].since_us == 0, "it never was well"
    assert not alarms(follow([share(400, 80.0)] * 12, "error", None)), "it is as it always was"


def test_one_enormous_error_proves_nothing_and_hides_nothing() -> None:
    rng = np.random.default_rng(1)
    losses = [np.square(rng.normal(size=200)) for _ in range(60)]
    losses[30][0] = 1e12
    losses[40:] = [3.0 * each for each in losses[40:]]
    proven = alarms(follow([moments(each) for each in losses], "squared", 1.0))
    assert proven
    assert min(proven) >= 40


def test_harm_is_over_after_three_batches_within_the_limit() -> None:
    bad, good = share(400, 120.0), share(400, 40.0)
    states = follow([good] * 20 + [bad] * 12 + [good, good, bad, good, good, good], "error", 0.1)
    assert [state.proven for state in states[-6:]] == [True] * 5 + [False]
    (hour,) = alarms(states)
    assert states[hour].since_us == 20 * HOUR_US
    assert states[-1].evidence.value < 1000


def test_batches_that_are_too_small_wait() -> None:
    assert guard(Guard(), share(29, 29.0), "error", TERMS, 1, reference=0.1) == Guard()


def test_a_margin_that_is_not_used_up_is_no_harm() -> None:
    states = follow([share(100_000, 11_500.0)] * MONTH, "error", 0.1)
    assert not alarms(states)
    assert states[-1].evidence.value < 4.0


def test_more_false_alarms_allowed_means_sooner() -> None:
    batches = [share(200, 20.0)] * 24 + [share(200, 40.0)] * 40
    often, seldom = (
        alarms(follow(batches, "error", 0.1, Terms(budget=Budget(alarms=a))))[0]
        for a in (10.0, 0.01)
    )
    assert 24 <= often < seldom


def test_a_reference_of_few_rows_is_doubted() -> None:
    assert reference_loss(0.9, 100, "error") > 0.16
    assert reference_loss(0.9, 100_000, "error") < 0.102
    assert reference_loss(2.0, 100, "squared") > 5.0
    assert reference_loss(2.0, 10**8, "squared") == pytest.approx(4.0, rel=1e-3)


@pytest.mark.parametrize("loss", ["error", "squared", "absolute"])
def test_a_limit_is_the_reference_made_worse(loss: Loss) -> None:
    assert limit_of(0.5, loss, TERMS) > 0.5
    assert limit_of(0.5, loss, Terms(accuracy_drop=0.0, error_rise=0.0)) == 0.5


@settings(max_examples=60)
@given(st.integers(30, 500), st.floats(0.0, 1.0), st.floats(0.01, 0.5), st.floats(0.0, 0.4))
def test_p_values_are_chances_that_fall_as_more_is_wrong_and_rise_with_the_limit(
    rows: int, wrong: float, limit: float, more: float
) -> None:
    hits = float(int(rows * wrong))
    p_value = p_worse(share(rows, hits), "error", limit, 1.0)
    assert 0.0 <= p_value <= 1.0
    assert p_worse(share(rows, min(hits + 1.0, rows)), "error", limit, 1.0) <= p_value
    assert p_worse(share(rows, hits), "error", limit + more, 1.0) >= p_value * (1 - 1e-9)


def test_rows_that_depend_on_each_other_prove_less() -> None:
    one, five = (p_worse(share(400, 60.0), "error", 0.1, factor) for factor in (1.0, 5.0))
    assert one < 0.002
    assert 0.03 < five < 0.2


def test_exact_p_values_agree_with_the_binomial_distribution() -> None:
    from scipy.stats import binom, ttest_1samp

    for rows, hits in ((50, 9), (1000, 130)):
        ours = p_worse(share(rows, float(hits)), "error", 0.1, 1.0)
        assert ours == pytest.approx(binom.sf(hits - 1, rows, 0.1))
    losses = np.random.default_rng(2).exponential(1.2, 80)
    ours = p_worse(moments(losses), "squared", 1.0, 1.0)
    assert ours == pytest.approx(ttest_1samp(losses, 1.0, alternative="greater").pvalue)


def test_what_came_since_and_what_was_before_add_up() -> None:
    a, b = share(50, 7.0), share(80, 11.0)
    both = add_moments(a, b)
    assert gained(a, both) == b
    assert gained(both, a) == Moments()


def test_an_estimate_says_what_losses_are_expected() -> None:
    one = expected(Estimate(2.0, 1.9, 2.1), 500, "squared")
    assert one.mean == pytest.approx(4.0)
    assert (one.variance / one.rows) ** 0.5 == pytest.approx((2.1**2 - 4.0) / 1.96, rel=1e-3)
