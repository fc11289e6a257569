"""Intervals hold the true value as often as they say, and never their own value outside."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import ConfigError
from fairlead.stats import (
    Estimate,
    Statistic,
    bootstrap,
    bootstrap_pair,
    share_difference,
    weighted,
    wilson,
)


def binomial(rows: int, share: float) -> Any:
    """Chances of 0..rows hits."""
    chances = np.zeros(rows + 1)
    chances[0] = 1.0
    for _ in range(rows):
        chances[1:] = chances[1:] * (1 - share) + chances[:-1] * share
        chances[0] *= 1 - share
    return chances


@given(st.integers(1, 10_000), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_wilsons_interval_lies_in_shares_and_around_its_own(
    rows: int, part: float, confidence: float
) -> None:
    hits = round(rows * part)
    one, other = (wilson(h, rows, confidence=confidence) for h in (hits, rows - hits))
    assert 0.0 <= one.low <= one.value <= one.high <= 1.0
    assert one.low < one.high
    assert (other.low, other.high) == pytest.approx((1 - one.high, 1 - one.low))


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
def test_wilsons_interval_holds_the_share(share: float) -> None:
    rows = 60
    held = [wilson(hits, rows).low <= share <= wilson(hits, rows).high for hits in range(rows + 1)]
    assert 0.93 <= binomial(rows, share)[held].sum() <= 0.98


def test_wilsons_interval_of_all_hits_has_a_width() -> None:
    assert wilson(10, 10) == Estimate(1.0, pytest.approx(0.7225, abs=1e-4), 1.0)  # type: ignore[arg-type]


@given(st.integers(1, 500), st.data())
def test_a_difference_of_shares_turns_with_its_sides(rows: int, data: st.DataObject) -> None:
    gained = data.draw(st.integers(0, rows))
    lost = data.draw(st.integers(0, rows - gained))
    one, other = share_difference(gained, lost, rows), share_difference(lost, gained, rows)
    assert -1.0 <= one.low <= one.value <= one.high <= 1.0
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_a_difference_of_shares_is_seldom_seen_where_there_is_none() -> None:
    random = np.random.default_rng(3)
    counts = random.multinomial(200, [0.02, 0.02, 0.96], size=2000)
    seen = [(e := share_difference(int(g), int(s), 200)).low > 0 or e.high < 0
            for g, s, _ in counts]  # fmt: skip
    assert np.mean(seen) < 0.05


@pytest.mark.parametrize(
    ("hits", "rows", "confidence"), [(3, 2, 0.9), (-1, 2, 0.9), (0, 0, 0.9), (1, 2, 1.0)]
)
def test_shares_that_are_none_are_refused(hits: int, rows: int, confidence: float) -> None:
    with pytest.raises(ConfigError):
        wilson(hits, rows, confidence=confidence)
    with pytest.raises(ConfigError):
        share_difference(hits, 0, rows, confidence=confidence)


def coverage(rows: int, draws: int, truth: float, draw: Any, make: Any) -> float:
    held = 0
    for seed in range(draws):
        one = bootstrap({"it": make(draw(rows))}, rows, seed=seed)["it"]
        held += one.low <= truth <= one.high
    return held / draws


def test_bootstrap_intervals_hold_a_mean_of_few_rows() -> None:
    random = np.random.default_rng(5)
    assert 0.92 <= coverage(12, 400, 0.0, random.standard_normal, weighted.mean) <= 0.985


def test_bootstrap_intervals_hold_an_area_under_the_curve() -> None:
    random = np.random.default_rng(6)
    # Scores of N(0, 1) and N(1, 1): the area is Phi(1 / sqrt 2).
    flags = np.arange(60) < 30

    def make(noise: Any) -> Statistic:
        return weighted.roc_auc(flags, noise + flags)

    assert 0.91 <= coverage(60, 250, 0.76025, random.standard_normal, make) <= 0.985


def statistics(seed: int, rows: int) -> dict[str, Statistic]:
    random = np.random.default_rng(seed)
    truth, scores = random.integers(0, 3, rows), random.random(rows)
    answers = np.where(scores < 0.6, truth, 0)
    return {
        "f1": weighted.macro_f1(truth, answers),
        "balanced": weighted.balanced_accuracy(truth, answers),
        "auc": weighted.roc_auc(truth == 1, scores),
        "r2": weighted.r2(truth, scores),
        "rmse": weighted.rmse(truth, scores),
    }


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(2, 40))
def test_an_interval_holds_its_own_value_and_is_plain_json(seed: int, rows: int) -> None:
    for one in bootstrap(statistics(seed, rows), rows, seed=seed).values():
        assert one.low <= one.value <= one.high
        assert msgspec.json.decode(msgspec.json.encode(one), type=Estimate) == one


def test_the_same_seed_gives_the_same_interval_in_any_company() -> None:
    every = statistics(1, 50)
    alone = bootstrap({"f1": every["f1"]}, 50, seed=9)
    together = bootstrap(every, 50, seed=9)
    assert alone["f1"] == together["f1"]
    assert bootstrap(every, 50, seed=10) != together
    assert bootstrap_pair(every, statistics(2, 50), 50, seed=9)[0] == together


def test_a_difference_to_oneself_is_none() -> None:
    every = statistics(1, 50)
    _, differences = bootstrap_pair(every, every, 50, seed=1)
    assert set(differences) == set(every)
    assert set(differences.values()) == {Estimate(0.0, 0.0, 0.0)}


def test_pairing_sees_what_two_intervals_do_not() -> None:
    random = np.random.default_rng(2)
    hard = random.exponential(10.0, 200)
    worse = {"loss": weighted.mean(hard + 0.5 + 0.1 * random.standard_normal(200))}
    better = {"loss": weighted.mean(hard)}
    alone, difference = bootstrap_pair(better, worse, 200, seed=1)
    assert difference["loss"].high < 0
    assert alone["loss"].high - alone["loss"].low > 1.0


def test_the_order_of_rows_moves_an_interval_by_no_more_than_resampling_does() -> None:
    numbers = np.random.default_rng(4).exponential(1.0, 400)
    one = bootstrap({"it": weighted.mean(numbers)}, 400, seed=1)["it"]
    other = bootstrap({"it": weighted.mean(numbers[::-1])}, 400, seed=1)["it"]
    assert other.value == pytest.approx(one.value)
    width = one.high - one.low
    assert abs(other.low - one.low) < 0.15 * width
    assert abs(other.high - one.high) < 0.15 * width


def test_what_is_undefined_is_left_out() -> None:
    one = {"auc": weighted.roc_auc(np.ones(9), np.arange(9.0)), "mean": weighted.mean(np.ones(9))}
    assert set(bootstrap(one, 9, seed=1)) == {"mean"}
    assert set(bootstrap_pair(one, {"auc": one["mean"]}, 9, seed=1)[1]) == set()
    assert bootstrap({"auc": one["auc"]}, 9, seed=1) == {}


def test_resamples_without_a_class_do_not_count() -> None:
    flags = np.arange(10) == 4
    one = bootstrap({"auc": weighted.roc_auc(flags, np.arange(10.0))}, 10, seed=1)["auc"]
    assert 0.0 <= one.low < one.value < one.high <= 1.0


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_rows_are_refused(rows: int) -> None:
    with pytest.raises(ConfigError, match="rows to resample"):
        bootstrap({}, rows, seed=1)


def test_a_hundred_thousand_rows_take_seconds() -> None:
    rows = 100_000
    start = time.process_time()
    bootstrap({"f1": statistics(1, rows)["f1"]}, rows, seed=1)
    assert time.process_time() - start < 8.0
