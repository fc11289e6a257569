"""Losses are estimated from where rows lie, added up from parts, and replaced by the truth."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead import stats
from fairlead.errors import ConfigError
from fairlead.stats.dle import (
    Dle,
    Losses,
    estimate_dle,
    expect_losses,
    expected_loss,
    fit_dle,
    know_losses,
    merge_losses,
)
from fairlead.stats.forest import ask, fit_forest

Values = npt.NDArray[Any]
SIZES = [10, 4]
few = settings(max_examples=8)


def answered(rows: int, seed: int, high: int = 10) -> tuple[list[Values], Values, Values]:
    """Codes, truth and predictions of rows whose error grows with the first field."""
    random = np.random.default_rng(seed)
    codes = [random.integers(0, high, rows), random.integers(0, 4, rows)]
    predicted = 50.0 + 3.0 * codes[1]
    truth = predicted + random.normal(0.0, 1.0 + codes[0])
    return codes, truth, predicted


@pytest.fixture(scope="module")
def dle() -> Dle:
    codes, truth, predicted = answered(20_000, 0)
    return fit_dle(codes, SIZES, truth, predicted)


@pytest.mark.parametrize(("high", "within"), [(2, 0.15), (5, 0.05), (10, 0.05)])
def test_a_loss_is_estimated_where_rows_moved_to(dle: Dle, high: int, within: float) -> None:
    codes, truth, predicted = answered(20_000, 1, high)
    found = estimate_dle(dle, expect_losses(dle, codes))
    assert found["mae"].value == pytest.approx(stats.mae(truth, predicted), rel=within)
    assert found["rmse"].value == pytest.approx(stats.rmse(truth, predicted), rel=within)
    assert found["mape"].value == pytest.approx(stats.mape(truth, predicted), rel=within)


def test_the_estimate_is_the_mean_of_what_is_expected_of_rows(dle: Dle) -> None:
    codes, _, _ = answered(500, 1)
    mean = expected_loss(dle, codes).mean()
    assert estimate_dle(dle, expect_losses(dle, codes))["mae"].value == pytest.approx(mean)


def test_an_interval_holds_the_realised_value_as_often_as_it_says(dle: Dle) -> None:
    held: dict[str, list[bool]] = {}
    for seed in range(1, 201):
        codes, truth, predicted = answered(400, seed)
        realised = estimate_dle(dle, None, know_losses(truth, predicted))
        for name, one in estimate_dle(dle, expect_losses(dle, codes)).items():
            held.setdefault(name, []).append(one.low <= realised[name].value <= one.high)
    # Of 200 draws at 95 % one in a thousand holds fewer than 90 %.
    assert {name: np.mean(each) for name, each in held.items() if np.mean(each) < 0.9} == {}
    assert np.mean(held["mae"]) < 1.0


def test_known_rows_give_the_metrics_of_the_rows(dle: Dle) -> None:
    _, truth, predicted = answered(300, 1)
    found = estimate_dle(dle, None, know_losses(truth, predicted))
    for name, metric in (("mae", stats.mae), ("rmse", stats.rmse), ("mape", stats.mape)):
        assert found[name].value == pytest.approx(metric(truth, predicted))
        assert found[name].low == pytest.approx(found[name].high)


def test_the_truth_closes_the_interval(dle: Dle) -> None:
    codes, truth, predicted = answered(1000, 1)
    widths = []
    for known in (1, 400, 999):
        rest = expect_losses(dle, [code[known:] for code in codes])
        one = estimate_dle(dle, rest, know_losses(truth[:known], predicted[:known]))["rmse"]
        widths.append(one.high - one.low)
    assert widths == sorted(widths, reverse=True)


def close(a: Losses, b: Losses) -> bool:
    ours, theirs = ([(x.total, x.variance) for x in one.losses.values()] for one in (a, b))
    return a.rows == b.rows and a.losses.keys() == b.losses.keys() and np.allclose(ours, theirs)


@few
@given(st.integers(0, 1000), st.integers(1, 59))
def test_summaries_of_parts_add_up_to_that_of_the_whole(seed: int, cut: int) -> None:
    codes, truth, predicted = answered(60, seed)
    fitted = fit_dle(codes, SIZES, truth, predicted)
    first, rest = (
        expect_losses(fitted, [code[at] for code in codes]) for at in (slice(cut), slice(cut, None))
    )
    whole = expect_losses(fitted, codes)
    assert close(merge_losses(first, rest), whole)
    assert close(merge_losses(rest, first), whole)
    parts = know_losses(truth[:cut], predicted[:cut]), know_losses(truth[cut:], predicted[cut:])
    assert close(merge_losses(*parts), know_losses(truth, predicted))


def test_a_truth_of_zero_leaves_relative_errors_out(dle: Dle) -> None:
    codes, truth, predicted = answered(50, 1)
    truth[3] = 0.0
    known = know_losses(truth, predicted)
    assert known.losses.keys() == {"mae", "rmse"}
    both = estimate_dle(dle, expect_losses(dle, codes), known)
    assert both.keys() == {"mae", "rmse"}


def test_rows_without_finite_numbers_are_not_counted() -> None:
    codes, truth, predicted = answered(50, 1)
    predicted[7], truth[8] = np.nan, np.inf
    assert know_losses(truth, predicted).rows == 48
    assert fit_dle(codes, SIZES, truth, predicted).reference.rows == 48


def test_an_estimator_survives_being_written_and_is_small(dle: Dle) -> None:
    raw = msgspec.json.encode(dle)
    assert msgspec.json.decode(raw, type=Dle) == dle
    assert len(raw) < 400_000


@few
@given(st.integers(0, 10_000))
def test_no_loss_is_expected_to_be_negative(seed: int) -> None:
    random = np.random.default_rng(seed)
    codes = [random.integers(0, 5, 100) for _ in range(3)]
    forest = fit_forest(codes, [5, 5, 5], random.exponential(1.0, 100) ** 4)
    said = ask(forest, [random.integers(0, 5, 50) for _ in range(3)])
    assert (said >= 0.0).all()


def test_noise_grows_no_trees_and_an_equal_loss_no_error() -> None:
    random = np.random.default_rng(4)
    codes = [random.integers(0, 5, 400) for _ in range(3)]
    assert len(fit_forest(codes, [5, 5, 5], random.random(400)).trees) <= 3
    even = fit_forest(codes, [5, 5, 5], np.full(400, 2.0))
    assert (even.base, even.spread) == (2.0, 0.0)
    assert fit_forest(codes, [5, 5, 5], np.zeros(400)).spread == 0.0


def test_fields_of_one_value_say_nothing() -> None:
    forest = fit_forest([np.zeros(30, int)], [1], np.arange(30.0))
    assert forest.trees == ()
    assert ask(forest, [np.zeros(2, int)]).tolist() == [14.5, 14.5]


def test_the_same_rows_give_the_same_estimator() -> None:
    codes, truth, predicted = answered(500, 1)
    assert fit_dle(codes, SIZES, truth, predicted) == fit_dle(codes, SIZES, truth, predicted)


def test_too_few_rows_are_refused(dle: Dle) -> None:
    codes, truth, predicted = answered(9, 1)
    with pytest.raises(ConfigError, match="enough"):
        fit_dle(codes, SIZES, truth, predicted)
    with pytest.raises(ConfigError, match="no rows"):
        estimate_dle(dle, expect_losses(dle, [code[:0] for code in codes]))
