"""What a form may lose: by its metric, by its agreement, by both with the sureness asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fairlead.compress.refuse import confidence_of, drop_of, refuse
from fairlead.compress.types import Compared, Limits
from fairlead.stats import Estimate

FINE = Compared(
    rows=1000, metric="accuracy", original=0.9, value=0.9, change=Estimate(0.0, -0.003, 0.003),
    agreement=Estimate(0.99, 0.985, 0.995), kappa=0.97,
)  # fmt: skip


def test_what_loses_little_is_taken() -> None:
    assert refuse(FINE, Limits()) == ""


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        (Estimate(-0.004, -0.0049, 0.0), True),
        (Estimate(-0.004, -0.0051, 0.0), False),  # it may be more than is allowed
        (Estimate(-0.006, -0.007, -0.005), False),
        (Estimate(0.01, 0.005, 0.015), True),
        (Estimate(0.001, -0.006, 0.008), False),  # it seems better, and may be worse
    ],
)
def test_the_end_of_the_interval_decides(change: Estimate, taken: bool) -> None:
    assert (refuse(replace(FINE, change=change), Limits(max_drop=0.005)) == "") is taken


def test_answers_that_are_all_the_same_lose_nothing_however_few_there_are() -> None:
    same = replace(FINE, change=Estimate(0.0, -0.02, 0.02), agreement=Estimate(1.0, 0.98, 1.0))
    assert refuse(same, Limits(max_drop=0.0)) == ""


def test_agreement_is_asked_for_whatever_the_metric_says() -> None:
    apart = replace(FINE, agreement=Estimate(0.975, 0.965, 0.98))
    assert refuse(apart, Limits(agreement_min=0.97)).startswith("97.50% of rows are answered alike")
    assert refuse(apart, Limits(agreement_min=0.96)) == ""


def test_without_labels_rows_answered_otherwise_take_the_place_of_the_drop() -> None:
    bare = replace(FINE, metric="", original=None, value=None, change=None)
    assert "98.00% must be" in refuse(
        replace(bare, agreement=Estimate(0.98, 0.97, 0.99)), Limits(max_drop=0.02)
    )
    assert refuse(bare, Limits(max_drop=0.02)) == ""


def test_agreement_by_chance_is_none() -> None:
    assert "kappa of 0.10" in refuse(replace(FINE, kappa=0.1), Limits())
    assert refuse(replace(FINE, kappa=None), Limits()) == ""


def test_a_metric_that_is_undefined_there_proves_nothing() -> None:
    assert "undefined" in refuse(replace(FINE, change=None, value=None), Limits())


def test_a_relative_drop_is_of_the_originals_value() -> None:
    limits = Limits(max_drop=0.02, relative=True)
    assert drop_of(limits, 50.0) == pytest.approx(1.0)
    worse = replace(FINE, metric="mae", original=50.0, value=50.9, change=Estimate(-0.9, -0.95, 0))
    assert refuse(worse, limits) == ""
    reason = refuse(replace(worse, change=Estimate(-1.2, -1.3, 0)), limits)
    assert reason == "mae changes by -1.2, maybe by -1.3; -1 is allowed"


def test_half_sure_is_hardly_an_interval() -> None:
    assert confidence_of(Limits(sureness=0.5)) == pytest.approx(0.02)
    assert confidence_of(Limits(sureness=0.95)) == pytest.approx(0.9)
