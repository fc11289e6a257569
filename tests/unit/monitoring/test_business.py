"""Sums, means and ratios of what came later, with intervals that hold."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fairlead.errors import ConfigError
from fairlead.monitoring.business import Goal, business
from fairlead.stats import Estimate
from support.answers import AnswerLog, classified

GOALS = {
    "revenue": Goal(kind="sum", value="paid"),
    "basket": Goal(kind="mean", value="paid"),
    "per_answer": Goal(kind="ratio", value="paid"),
    "per_click": Goal(kind="ratio", value="paid", over="clicks"),
}


def test_what_came_is_added_up_under_its_prediction(log: AnswerLog) -> None:
    log.answer(classified(4, 1))
    log.feed([(0, 10.0), (1, 30.0), (0, 5.0)], name="paid")
    log.feed([(0, 2), (1, 1), (2, 1)], name="clicks")
    log.feed([(77, 1000.0)], name="paid")  # of no prediction
    log.feed([(3, "much")], name="paid")  # no number
    found = business(log.rows(), log.feedback(), GOALS)
    assert {name: one.value for name, one in found.items()} == {
        "revenue": 45.0, "basket": 22.5, "per_answer": 11.25, "per_click": 11.25,
    }  # fmt: skip
    assert all(one.low < one.value < one.high for one in found.values())


def test_what_is_undefined_is_left_out(log: AnswerLog) -> None:
    log.answer(classified(4, 1))
    log.feed([(0, 10.0)], name="paid")
    assert business(log.rows(), log.feedback(), GOALS).keys() == {"revenue", "per_answer"}


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held: dict[str, list[bool]] = {name: [] for name in GOALS}
    truth = {"revenue": 600.0, "basket": 2.0, "per_answer": 1.0, "per_click": 0.5}
    for seed in range(200):
        random = np.random.default_rng(seed)
        ids = [str(n) for n in range(600)]
        clicks = random.poisson(2.0, 600)
        # Half of the predictions pay, twice on average; clicks and payments go together.
        paid = np.where(random.random(600) < 0.5, random.gamma(clicks + 1e-9, 1.0), np.nan)
        came = pl.concat(
            [
                pl.DataFrame({"prediction_id": ids, "name": "clicks", "number": clicks * 1.0}),
                pl.DataFrame({"prediction_id": ids, "name": "paid", "number": paid}),
            ]
        )
        for name, one in business(pl.DataFrame({"id": ids}), came, GOALS).items():
            held[name].append(one.low <= truth[name] <= one.high)
    shares = {name: np.mean(each) for name, each in held.items()}
    assert all(0.9 <= share < 1.0 for share in shares.values()), shares


def test_something_below_what_is_no_ratio_is_refused() -> None:
    empty = pl.DataFrame({"id": ["a"]})
    came = pl.DataFrame(schema={"prediction_id": pl.String, "name": pl.String, "number": float})
    with pytest.raises(ConfigError, match="ratio"):
        business(empty, came, {"x": Goal(kind="sum", value="paid", over="clicks")})
    assert business(empty, came, GOALS) == {}


def test_an_even_value_is_known_exactly() -> None:
    came = pl.DataFrame({"prediction_id": ["a", "b"], "name": "paid", "number": [3.0, 3.0]})
    found = business(pl.DataFrame({"id": ["a", "b"]}), came, GOALS)
    assert found["basket"] == Estimate(3.0, 3.0, 3.0)
