"""What a form loses: its metric and its agreement, with intervals, of labels and of numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fairlead.compress.compare import Original, alike, compare
from fairlead.errors import ConfigError
from fairlead.signature import Batch, Field, Signature
from support.versions import classifier, named, regressor


def original(answered: Any, truth: Any = None, metric: str = "") -> Original:
    return Original(answered.signature, answered.outputs, truth, metric, seed=1)


CHANCES = np.array([0.1, 0.9] * 50)


def test_equal_answers_change_nothing_and_agree_as_far_as_rows_can_tell() -> None:
    one = classifier(CHANCES)
    found = compare(original(one, named(CHANCES > 0.5), "accuracy"), one.outputs, confidence=0.95)
    assert (found.metric, found.original, found.value) == ("accuracy", 1.0, 1.0)
    assert found.change is not None
    assert found.change.value == 0.0
    assert found.agreement.value == found.agreement.high == 1.0
    assert 0.95 < found.agreement.low < 1.0
    assert found.kappa == 1.0


def test_lost_rows_are_counted_beside_gained_ones() -> None:
    before, after = CHANCES.copy(), CHANCES.copy()
    truth = named(CHANCES > 0.5)
    before[:2] = 1.0 - before[:2]  # two that the original has wrong
    after[4:9] = 1.0 - after[4:9]  # five that the form has
    found = compare(original(classifier(before), truth, "accuracy"), classifier(after).outputs,
                    confidence=0.95)  # fmt: skip
    assert found.change is not None
    assert found.change.value == pytest.approx(-0.03)
    assert found.change.low < -0.03 < found.change.high
    assert found.agreement.value == 0.93


@pytest.mark.parametrize(("rows", "metric"), [(2, "roc_auc"), (3, "accuracy")])
def test_the_usual_metric_is_that_of_the_platform(rows: int, metric: str) -> None:
    names = tuple("abc"[:rows])
    each = np.eye(rows)[np.arange(60) % rows] * 0.8 + 0.2 / rows
    one = classifier(each, names)
    truth = np.array(names, dtype=object)[np.arange(60) % rows]
    assert compare(original(one, truth), one.outputs, confidence=0.9).metric == metric


def test_of_errors_less_is_better_and_a_drop_is_still_below_zero() -> None:
    truth = np.linspace(0.0, 10.0, 200)
    noise = np.random.default_rng(1).normal(size=200)
    close, far = regressor(truth + 0.1 * noise), regressor(truth + 0.5 * noise)
    for metric in ("mae", "r2", ""):
        found = compare(original(close, truth, metric), far.outputs, confidence=0.95)
        assert found.change is not None
        assert found.change.low <= found.change.value <= found.change.high < 0.0
        assert found.metric == (metric or "r2")


def test_without_labels_there_is_agreement_alone() -> None:
    one = classifier(CHANCES)
    found = compare(original(one), one.outputs, confidence=0.95)
    assert (found.metric, found.original, found.value, found.change) == ("", None, None, None)
    assert found.agreement.value == 1.0


def test_a_metric_that_there_is_not_is_named_with_those_there_are() -> None:
    one = classifier(CHANCES)
    with pytest.raises(ConfigError, match="no metric r2") as found:
        compare(original(one, named(CHANCES > 0.5), "r2"), one.outputs, confidence=0.9)
    assert "accuracy" in found.value.hint


def test_numbers_are_alike_within_a_tenth_of_their_spread() -> None:
    values = np.linspace(-1.0, 1.0, 101)
    spread = float(np.std(values))
    moved = values + np.where(np.arange(101) < 10, 0.2 * spread, 0.05 * spread)
    one, two = regressor(values), regressor(moved)
    assert alike(one.signature, one.outputs, two.outputs).tolist() == [False] * 10 + [True] * 91


def test_missing_numbers_are_alike_only_where_both_are() -> None:
    one, two = regressor([1.0, np.nan, 3.0, 5.0]), regressor([1.0, np.nan, np.nan, 5.0])
    assert alike(one.signature, one.outputs, two.outputs).tolist() == [True, True, False, True]


def test_labels_that_never_vary_are_told_by_their_probabilities() -> None:
    draw = np.random.default_rng(2)
    rare = draw.uniform(0.0, 0.2, 300)
    one, flat = classifier(rare), classifier(np.full(300, 0.1))
    assert alike(one.signature, one.outputs, one.outputs).all()
    assert alike(one.signature, one.outputs, flat.outputs).mean() < 0.3


def test_a_tensor_of_another_shape_is_never_alike() -> None:
    field = Field(name="embedding", kind="tensor", shape=(3,))
    signature = Signature(inputs=(), outputs=(field,))
    wide, narrow = (
        Batch(4, (), np.empty((4, 0)), {"embedding": np.arange(4.0 * n).reshape(4, n)})
        for n in (3, 2)
    )
    assert not alike(signature, wide, narrow).any()


def test_who_always_says_one_label_agrees_by_chance_alone() -> None:
    chances = np.where(np.arange(200) % 20 == 0, 0.9, 0.1)
    one, never = classifier(chances), classifier(np.full(200, 0.1))
    found = compare(original(one), never.outputs, confidence=0.6)
    assert found.agreement.value == 0.95
    assert found.kappa == pytest.approx(0.0)


def test_the_same_seed_gives_the_same_interval() -> None:
    truth = named(CHANCES > 0.4)
    near = classifier(np.clip(CHANCES + np.random.default_rng(3).normal(0, 0.3, 100), 0.01, 0.99))
    one = original(classifier(CHANCES), truth)
    assert compare(one, near.outputs, confidence=0.9) == compare(
        replace(one), near.outputs, confidence=0.9
    )
