"""Evidence of releases: defined everywhere, the same in any order, and symmetric where arms are."""

from __future__ import annotations

from math import exp, inf, isfinite, log
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

from fairlead.errors import ConfigError, ConflictError
from fairlead.stats import (
    Contrast,
    Estimate,
    Failures,
    Measure,
    Moments,
    Split,
    adjust,
    asymptotic_sequence,
    bernoulli_difference,
    bernoulli_sequence,
    count_failures,
    count_split,
    difference,
    failure_evidence,
    failures_needed,
    half_width,
    judge,
    judge_interval,
    kappa,
    kappa_by_class,
    lift,
    log_beta_mixture,
    log_failure_evidence,
    log_normal_mixture,
    log_quantile_evidence,
    log_split_evidence,
    measure,
    merge_failures,
    merge_moments,
    merge_splits,
    moments,
    power_for_difference,
    proportion,
    quantile_ratio,
    quantile_sequence,
    score_difference,
    score_z,
    sequence_p_value,
    sequential_inflation,
    size_for_difference,
    size_for_noninferiority,
    size_for_proportions,
    split_evidence,
    split_test,
    t_interval,
    t_p_value,
    tuned_concentration,
    tuned_rho,
    units_needed,
)

COUNTS = st.integers(0, 10**7)
SHARES = st.floats(1e-4, 1 - 1e-4)
RATIOS = st.floats(0.1, 10.0)
FEW = st.integers(0, 60)
STEPS = st.lists(st.tuples(st.sampled_from([0.01, 0.05, 0.25, 0.5]), FEW, FEW), max_size=6)
COLUMNS = st.lists(st.tuples(*[st.floats(-100, 100)] * 2), min_size=2, max_size=12)


def failed(steps: list[tuple[float, int, int]]) -> Failures:
    total = Failures()
    for share, candidate, control in steps:
        total = count_failures(total, share, candidate=candidate, control=control)
    return total


@settings(max_examples=300)
@given(COUNTS, COUNTS, SHARES, st.floats(0.01, 1e4), st.sampled_from(["both", "above", "below"]))
def test_beta_mixtures_are_finite_and_mirror_each_other(
    hits: int, misses: int, null: float, concentration: float, side: Any
) -> None:
    one = float(log_beta_mixture(hits, misses, null, concentration=concentration, side=side))
    turned = {"both": "both", "above": "below", "below": "above"}[side]
    other = log_beta_mixture(
        misses,
        hits,
        1 - null,
        concentration=concentration,
        side=turned,  # type: ignore[arg-type]
    )
    assert isfinite(one)
    assert one == pytest.approx(float(other), rel=1e-6, abs=1e-5)


@given(FEW, FEW, SHARES)
def test_one_sided_evidence_grows_with_every_hit(hits: int, misses: int, null: float) -> None:
    def found(c: int, s: int) -> float:
        return float(log_beta_mixture(c, s, null, concentration=20.0))

    assert found(hits + 1, misses) > found(hits, misses) - 1e-9 > found(hits, misses + 1) - 2e-9


@pytest.mark.parametrize(("hits", "misses"), [(0, 40), (5, 95), (0, 20_000), (3, 900), (50, 10)])
@pytest.mark.parametrize("null", [0.05, 0.3])
def test_a_mixture_is_the_integral_that_it_says(hits: int, misses: int, null: float) -> None:
    def integrand(u: float) -> float:
        ratio = hits * log(u / null) + misses * log((1 - u) / (1 - null))
        return exp(ratio - peak) * float(beta.pdf(u, 20 * null, 20 * (1 - null)))

    best = max(hits / (hits + misses), null)
    peak = hits * log(best / null) + misses * log((1 - best) / (1 - null))
    width = 30 / (hits + misses)
    points = [null + width * x for x in (0.01, 0.1, 1.0) if null + width * x < 1]
    mass = quad(integrand, null, 1, points=[*points, best], limit=400)[0]
    expected = log(mass / beta.sf(null, 20 * null, 20 * (1 - null))) + peak
    found = log_beta_mixture(hits, misses, null, concentration=20.0)
    assert float(found) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("side", ["both", "above", "below"])
@pytest.mark.parametrize("null", [0.02, 0.4])
def test_an_e_value_is_one_on_average_where_the_null_is_true(side: Any, null: float) -> None:
    rows = 60
    hits = np.arange(rows + 1)
    chances = np.array([1.0])
    for _ in range(rows):
        chances = np.append(chances, 0) * (1 - null) + np.append(0, chances) * null
    e = np.exp(log_beta_mixture(hits, rows - hits, null, concentration=20.0, side=side))
    assert float(chances @ e) == pytest.approx(1.0)


@given(STEPS, STEPS, RATIOS)
def test_failures_add_up_in_any_order_and_survive_a_restart(
    first: list[tuple[float, int, int]], second: list[tuple[float, int, int]], ratio: float
) -> None:
    a, b = failed(first), failed(second)
    both = merge_failures(a, b)
    assert both == merge_failures(b, a) == failed([*second, *first])
    assert msgspec.json.decode(msgspec.json.encode(both), type=Failures) == both
    each = sum(failure_evidence(Failures((step,)), ratio=ratio) for step in both.steps)
    assert failure_evidence(both, ratio=ratio) == pytest.approx(each)


@given(STEPS, SHARES, st.floats(0.5, 3.0))
def test_the_failures_that_are_said_to_be_needed_are(
    steps: list[tuple[float, int, int]], share: float, ratio: float
) -> None:
    needed = failures_needed(failed(steps), share, ratio=ratio, true_ratio=ratio * 4)
    assert needed is not None
    p = 4 * ratio * share / (4 * ratio * share + 1 - share)
    rest = [s for s in failed(steps).steps if s.share != share]
    same = [(s.candidate, s.control) for s in failed(steps).steps if s.share == share]
    now = same[0] if same else (0, 0)
    found = failure_evidence(Failures(tuple(rest)), ratio=ratio) + float(
        log_failure_evidence(now[0] + needed * p, now[1] + needed * (1 - p), share, ratio=ratio)
    )
    assert found >= log(20) - 1e-9
    assert failures_needed(Failures(), share, ratio=ratio) is None


def test_nothing_is_needed_where_it_is_proven_and_nobody_knows_at_the_null() -> None:
    proven = failed([(0.05, 30, 10)])
    assert failures_needed(proven, 0.05, ratio=1.25) == 0.0
    assert failures_needed(proven, 0.05, ratio=1.25, true_ratio=1.25) is None
    assert failures_needed(proven, 1e-4, ratio=1.25, true_ratio=1.2500001) in (0.0, None)


@given(st.lists(st.tuples(FEW, FEW), max_size=6), st.lists(st.tuples(FEW, FEW), max_size=6))
def test_splits_add_up_in_any_order(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    weights = [(0.9, 0.1), (0.5, 0.5), (1.0, 0.0)]

    def split(steps: list[tuple[int, int]]) -> Split:
        total = Split()
        for place, counts in enumerate(steps):
            total = count_split(total, weights[place % 3], counts)
        return total

    both = merge_splits(split(a), split(b))
    assert both == merge_splits(split(b), split(a))
    assert msgspec.json.decode(msgspec.json.encode(both), type=Split) == both
    assert isfinite(split_evidence(both))


def test_arms_without_weight_take_no_part_in_a_split() -> None:
    with_it, without = (500, 520, 7), (500, 520)
    assert split_test(with_it, (1, 1, 0)) == split_test(without, (1, 1))
    assert float(log_split_evidence(with_it, (1, 1, 0))) == float(
        log_split_evidence(without, (1, 1))
    )
    assert float(log_split_evidence((5, 9), (1, 0))) == pytest.approx(0.0)


@given(st.integers(0, 3000), st.integers(1, 3000))
def test_a_bernoulli_sequence_lies_in_shares_and_turns_with_them(hits: int, rows: int) -> None:
    hits = min(hits, rows)
    one, other = bernoulli_sequence(hits, rows), bernoulli_sequence(rows - hits, rows)
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert one.low < one.high
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low), abs=1e-9)
    wider = bernoulli_sequence(hits, rows, confidence=0.99)
    assert wider.low <= one.low
    assert one.high <= wider.high


@given(FEW, FEW, FEW, FEW)
def test_differences_of_shares_turn_with_their_arms(h: int, n: int, ch: int, cn: int) -> None:
    n, cn = max(h, n, 1), max(ch, cn, 1)
    for interval in (score_difference, bernoulli_difference):
        one, other = interval(h, n, ch, cn), interval(ch, cn, h, n)
        assert -1 <= one.low <= one.value <= one.high <= 1
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-6)
    assert isfinite(score_z(h, n, ch, cn, difference=-0.1))


@given(COLUMNS, COLUMNS)
def test_moments_of_parts_are_those_of_the_whole(
    a: list[tuple[float, float]], b: list[tuple[float, float]]
) -> None:
    whole = moments(*zip(*[*a, *b], strict=True))
    parts = merge_moments(moments(*zip(*a, strict=True)), moments(*zip(*b, strict=True)))
    assert (parts.units, parts.nonzero) == (whole.units, whole.nonzero)
    assert parts.means == pytest.approx(whole.means, abs=1e-9)
    assert parts.products == pytest.approx(whole.products, rel=1e-9, abs=1e-7)
    assert merge_moments(moments([], []), whole) == whole
    assert msgspec.json.decode(msgspec.json.encode(whole), type=Moments) == whole


@given(COLUMNS, COLUMNS)
def test_contrasts_are_defined_for_any_units(
    a: list[tuple[float, float]], b: list[tuple[float, float]]
) -> None:
    arms = [moments(*zip(*arm, strict=True)) for arm in (a, b)]
    one, freed = difference(*map(measure, arms)), difference(*adjust(*arms))
    turned = difference(*map(measure, arms[::-1]))
    for contrast in (one, freed):
        interval = t_interval(contrast)
        assert interval.low <= contrast.value <= interval.high
        assert 0 <= t_p_value(contrast) <= 1
        assert 0 <= sequence_p_value(contrast, 0.1) <= 1
        sequence = asymptotic_sequence(contrast, 0.1, events_min=1)
        assert sequence.low <= contrast.value <= sequence.high
    assert (one.value, one.standard_error) == (-turned.value, turned.standard_error)


@given(st.floats(-10, -0.1), st.floats(-10, 10))
def test_a_lift_is_up_where_more_is_more(control: float, candidate: float) -> None:
    one = lift(Measure(control, 1.0, 50, 50), Measure(candidate, 1.0, 50, 50))
    assert (one.value > 0) == (candidate > control)


def test_ratios_with_a_covariate_are_freed_from_it() -> None:
    random = np.random.default_rng(3)
    sums = []
    for shift in (0.0, 0.02):
        views, habit = random.poisson(20, 2000) + 1, random.beta(2, 8, 2000)
        before = random.poisson(20, 2000) + 1
        clicks = random.binomial(views, np.clip(habit + shift, 0, 1))
        sums.append(moments(clicks, views, random.binomial(before, habit), before))
    plain = difference(*(measure(some, (0, 1)) for some in sums))
    freed = difference(*adjust(*sums, columns=(0, 1), covariate=(2, 3)))
    assert freed.standard_error < 0.9 * plain.standard_error
    assert abs(freed.value - 0.02) < 4 * freed.standard_error


HISTOGRAMS = st.lists(st.integers(0, 400), min_size=8, max_size=8).filter(any)
EDGES = 1.3 ** np.arange(9)


@given(HISTOGRAMS, HISTOGRAMS, st.sampled_from([0.5, 0.9, 0.99]))
def test_quantiles_of_histograms_lie_in_their_intervals(
    control: list[int], candidate: list[int], share: float
) -> None:
    one = quantile_sequence(candidate, EDGES, share)
    assert EDGES[0] <= one.low <= one.value <= one.high <= EDGES[-1]
    ratio = quantile_ratio(control, candidate, EDGES, share)
    assert 0 < ratio.low <= ratio.value <= ratio.high < inf
    evidence = [
        float(log_quantile_evidence(control, candidate, EDGES, share, ratio=r))
        for r in (0.5, 0.8, 1.0, 1.3, 2.0)
    ]
    assert np.all(np.isfinite(evidence))
    assert evidence == sorted(evidence, reverse=True)
    opposite = log_quantile_evidence(candidate, control, EDGES, share, ratio=1.0)
    assert min(evidence[2], float(opposite)) < log(20)


def test_verdicts() -> None:
    assert judge(log(20), 9.0).finding == "worse"
    assert judge(0.0, log(20), needed=5.0).needed == 0.0
    assert judge(-inf, 0.0, needed=5.0).needed == 5.0
    assert judge(1.0, 1.0, alpha=0.5).finding == "worse"
    unknown = judge_interval(Estimate(0.0, -inf, inf), 0.1, more_is_worse=True, needed=None)
    assert unknown.finding == "unknown"
    assert judge_interval(Estimate(-0.2, -0.3, -0.15), 0.1, more_is_worse=False).finding == "worse"
    assert judge_interval(Estimate(-0.2, -0.3, -0.15), 0.1, more_is_worse=True).finding == (
        "no_worse"
    )
    at_margin = Contrast(0.1, 0.01, 10.0, 20, 20)
    estimate = Estimate(0.1, 0.0, 0.2)
    assert units_needed(at_margin, estimate, 0.1, more_is_worse=True) is None
    blind = Estimate(0.1, -inf, inf)
    assert units_needed(at_margin, blind, 0.0, more_is_worse=True) is None


def test_kappa_is_careful_with_few_rows() -> None:
    all_agree = kappa([[5, 0], [0, 5]])
    assert all_agree is not None
    assert (all_agree.value, all_agree.high) == (1.0, 1.0)
    assert all_agree.low < 0.6
    assert kappa([[0, 0], [0, 0]]) is kappa([[9, 0], [0, 0]]) is None
    assert kappa_by_class([[5, 0, 0], [0, 5, 0], [0, 0, 0]])[2] is None


@given(st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3), min_size=3, max_size=3))
def test_kappa_is_at_most_one_and_the_same_for_either_judge(table: list[list[int]]) -> None:
    one, turned = kappa(table), kappa(np.transpose(table))
    assert (one is None) == (turned is None)
    if one is not None and turned is not None:
        assert -1 <= one.low <= one.value <= one.high <= 1
        assert (one.value, one.low) == pytest.approx((turned.value, turned.low))


@given(st.floats(0.001, 1.0), st.floats(0.01, 9.0), st.floats(0.01, 9.0), SHARES)
def test_the_size_that_is_planned_has_the_power_that_was_asked(
    apart: float, control: float, candidate: float, share: float
) -> None:
    size = size_for_difference(apart, control, candidate, share=share, power=0.9)
    found = power_for_difference(apart, (control, size.control), (candidate, size.candidate))
    assert found == pytest.approx(0.9, abs=1e-4)
    longer = size_for_difference(apart, control, candidate, share=share, power=0.9, sequential=True)
    assert longer.candidate / size.candidate == pytest.approx(sequential_inflation(power=0.9))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: log_beta_mixture(-1, 2, 0.5, concentration=20.0),
        lambda: log_beta_mixture(1, 2, 1.0, concentration=20.0),
        lambda: log_beta_mixture(1, float("nan"), 0.5, concentration=20.0),
        lambda: tuned_concentration(0),
        lambda: tuned_concentration(10, alpha=0.7),
        lambda: tuned_rho(-1),
        lambda: half_width(-1.0, 10, 0.1),
        lambda: log_normal_mixture(0.1, 0.0, 1.0),
        lambda: bernoulli_sequence(5, 4),
        lambda: bernoulli_sequence(1, 4, confidence=1.0),
        lambda: score_z(1, 0, 1, 2),
        lambda: score_z(1, 2, 1, 2, difference=1.0),
        lambda: count_failures(Failures(), 1.0, candidate=1),
        lambda: count_failures(Failures(), 0.5, candidate=-1),
        lambda: failure_evidence(Failures(), ratio=0.0),
        lambda: count_split(Split(), (1, 1), (1, 2, 3)),
        lambda: count_split(Split(), (0, 0), (1, 2)),
        lambda: moments([1.0], [1.0, 2.0]),
        lambda: moments([float("inf")]),
        lambda: moments(),
        lambda: measure(moments([1.0])),
        lambda: measure(moments([1.0, 2.0], [1.0, -1.0]), (0, 1)),
        lambda: proportion(2, 1),
        lambda: difference(Measure(1, 1, 1, 1), Measure(1, 1, 9, 1)),
        lambda: lift(Measure(0, 1, 9, 1), Measure(1, 1, 9, 1)),
        lambda: t_p_value(Contrast(1, 1, 1, 1, 1), sides=3),
        lambda: quantile_sequence([1, 2], [0, 1], 0.5),
        lambda: quantile_sequence([1, 2], [0, 2, 1], 0.5),
        lambda: log_quantile_evidence([1], [1], [-1, 2], 0.5, ratio=1.0),
        lambda: quantile_ratio([1], [1], [0, 2], 0.5),
        lambda: judge(1.0, 1.0, alpha=0.0),
        lambda: judge_interval(Estimate(0, -1, 1), -0.1, more_is_worse=True),
        lambda: size_for_proportions(0.1, 0.1),
        lambda: size_for_proportions(0.0, 0.1),
        lambda: size_for_noninferiority(0.0, 1.0),
        lambda: size_for_difference(1.0, 1.0, 1.0, power=0.2),
        lambda: size_for_difference(1.0, 1.0, 1.0, sides=0),
        lambda: kappa([[1, 2, 3]]),
        lambda: kappa([[1, -2], [1, 1]]),
    ],
)
def test_what_lies_outside_of_the_domain_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        wrong()
    assert raised.value.hint


def test_moments_of_different_metrics_are_not_mixed() -> None:
    with pytest.raises(ConflictError):
        merge_moments(moments([1.0]), moments([1.0], [2.0]))


wild = st.floats(-1e60, 1e60, allow_subnormal=True)


@given(
    rows=st.lists(st.tuples(wild, wild, wild, wild), min_size=4, max_size=8),
    known=st.booleans(),
    columns=st.sampled_from([(0,), (0, 1)]),
)
@example(rows=[(1e-170, 1.0, 0.0, 0.0), (2e-170, 1.0, 0.0, 0.0)] * 2, known=False, columns=(0,))
@example(rows=[(1e59, 1e-60, 0.0, 0.0), (0.0, 1e-60, 0.0, 0.0)] * 2, known=False, columns=(0, 1))
def test_what_is_beyond_all_numbers_is_refused_and_never_half_known(
    rows: list[tuple[float, float, float, float]], known: bool, columns: tuple[int, ...]
) -> None:
    arms = [moments(*zip(*part, strict=True)) for part in (rows[:2], rows[2:])]
    for compare in (difference, lift):
        try:
            if known:
                control, candidate = adjust(
                    *arms, columns=columns, covariate=[place + 2 for place in columns]
                )
            else:
                control, candidate = (measure(arm, columns) for arm in arms)
            found = compare(control, candidate)
        except ConfigError:
            continue
        assert isfinite(found.value)
        assert 0.0 <= found.standard_error**2 < inf
        assert found.degrees >= 1.0 or found.standard_error == 0.0
