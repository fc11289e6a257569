"""Rows by what they are for: none for two things."""

from __future__ import annotations

import numpy as np
import pytest

from fairlead.compress.divide import FIT_ROWS_MAX, divide
from fairlead.errors import ConfigError
from fairlead.signature import Batch


def batch(count: int, start: int = 0) -> Batch:
    return Batch(count, ("a",), np.arange(start, start + count, dtype=float)[:, None], {})


def test_each_row_is_for_one_thing_and_keeps_its_label() -> None:
    parts = divide(batch(1000), np.arange(1000) * 2, fit=None, seed=3)
    held = [parts.fit, parts.choose.rows, parts.report.rows]
    assert [each.rows for each in held] == [400, 300, 300]
    assert sorted(np.concatenate([each.numbers[:, 0] for each in held])) == list(range(1000))
    for part in (parts.choose, parts.report):
        assert part.truth is not None
        assert (part.truth == 2 * part.rows.numbers[:, 0]).all()


def test_rows_to_fit_to_of_ones_own_leave_the_others_whole() -> None:
    parts = divide(batch(200), None, fit=batch(50, start=1000), seed=3)
    assert parts.fit.numbers[:, 0].tolist() == list(range(1000, 1050))
    assert (parts.choose.rows.rows, parts.report.rows.rows) == (100, 100)
    assert parts.choose.truth is None


def test_the_same_seed_draws_the_same_rows() -> None:
    one, same, other = (divide(batch(300), None, fit=None, seed=seed) for seed in (1, 1, 2))
    assert (one.report.rows.numbers == same.report.rows.numbers).all()
    assert (one.report.rows.numbers != other.report.rows.numbers).any()


def test_more_rows_to_fit_to_than_help_are_drawn_from() -> None:
    parts = divide(batch(200), None, fit=batch(FIT_ROWS_MAX + 9), seed=1)
    assert parts.fit.rows == FIT_ROWS_MAX


def test_too_few_rows_are_said_to_be_so() -> None:
    with pytest.raises(ConfigError, match="There are 99 rows"):
        divide(batch(99), None, fit=None, seed=1)


def test_of_wide_rows_fewer_are_fitted_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead.compress.divide.FIT_NUMBERS_MAX", 120)
    assert divide(batch(200), None, fit=batch(500), seed=3).fit.rows == 120
