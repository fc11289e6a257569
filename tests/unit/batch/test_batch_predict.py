"""Rows on which a model fails stand apart; the others are answered as if they were not there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.batch.predict import FAILURES_MAX, PART_ROWS, predict
from fairlead.errors import DeadlineError, ModelError
from fairlead.signature import Batch


def rows(numbers: list[float]) -> Batch:
    return Batch(len(numbers), ("x",), np.array(numbers).reshape(-1, 1), {})


def double(batch: Batch) -> Batch:
    """Fails on negative numbers, in the two ways that models fail."""
    if (batch.numbers < 0).any():
        if batch.rows % 2:
            raise ZeroDivisionError("a caller's value")
        raise ModelError("The model failed.")
    return Batch(batch.rows, ("y",), batch.numbers * 2, {})


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, -1.0]), min_size=1, max_size=60))
def test_rows_on_which_it_fails_take_no_others_with_them(numbers: list[float]) -> None:
    answers, failed = predict(double, rows(numbers))
    assert sorted(failed) == [place for place, number in enumerate(numbers) if number < 0]
    assert all("a caller's value" not in str(error) for error in failed.values())
    right = [number * 2 for number in numbers if number > 0]
    assert (answers.numbers[:, 0].tolist() if answers else []) == right


def test_many_rows_are_asked_in_parts_and_in_order() -> None:
    numbers = np.arange(2 * PART_ROWS + 7.0).tolist()
    answers, failed = predict(double, rows(numbers))
    assert not failed
    assert answers is not None
    assert answers.numbers[:, 0].tolist() == [2 * number for number in numbers]


def test_a_model_that_fails_on_many_rows_ends_the_job() -> None:
    with pytest.raises(ModelError, match="fails on many rows: The model failed"):
        predict(double, rows([-1.0] * (FAILURES_MAX + 1)))


def test_a_model_that_takes_too_long_or_forgets_rows_is_not_asked_row_by_row() -> None:
    asked = []

    def slow(batch: Batch) -> Batch:
        asked.append(batch.rows)
        raise DeadlineError("It took too long.")

    with pytest.raises(DeadlineError):
        predict(slow, rows([1.0] * 50))
    assert asked == [50]
    _, failed = predict(lambda batch: batch.take(slice(0, 0)), rows([1.0] * 3))
    assert [str(error) for error in failed.values()] == ["The model gave 0 answers for 1 rows."] * 3
