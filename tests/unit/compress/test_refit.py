"""Least squares from moments, and what a layer loses without units, against the plain way."""

from __future__ import annotations

import numpy as np
import pytest

from fairlead.compress.rank import by_loss
from fairlead.compress.refit import gather, refit

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(400, 12)) @ DRAW.normal(size=(12, 12)) + 5
W = DRAW.normal(size=(12, 3))
Y = X @ W + DRAW.normal(size=(400, 3)) + 2
PARTS = [(X[:150], Y[:150]), (X[150:], Y[150:])]


def residual(kept: list[int]) -> float:
    """What plain least squares with a constant leaves, a row."""
    design = np.c_[X[:, kept], np.ones(len(X))]
    solution = np.linalg.lstsq(design, Y, rcond=None)[0]
    return float(np.square(Y - design @ solution).sum() / len(X))


def test_moments_in_parts_give_plain_least_squares() -> None:
    kept = np.array([0, 3, 4, 9])
    weights, bias = refit(gather(PARTS), kept, W, ridge=0)
    design = np.c_[X[:, kept], np.ones(len(X))]
    right = np.linalg.lstsq(design, Y, rcond=None)[0]
    np.testing.assert_allclose(np.r_[weights, bias[None]], right, rtol=1e-6, atol=1e-6)


def test_without_rows_to_go_by_weights_stay_as_they_were() -> None:
    kept = np.arange(12)
    weights, _ = refit(gather(PARTS), kept, W, ridge=1e9)
    np.testing.assert_allclose(weights, W, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_unit_that_costs_least_goes_first_and_costs_what_it_does(size: int) -> None:
    order, losses = by_loss(gather(PARTS), W, size, ridge=1e-9)
    units = np.arange(12).reshape(-1, size)
    left, whole = list(range(len(units))), Y.var(axis=0).sum()
    for unit, loss in zip(order[:-1].tolist(), losses[:-1], strict=True):
        full = residual(units[left].reshape(-1).tolist())
        costs = {
            u: residual(units[[v for v in left if v != u]].reshape(-1).tolist()) - full
            for u in left
        }
        assert unit == min(costs, key=costs.__getitem__)
        assert loss == pytest.approx(costs[unit] / whole, rel=1e-3)
        left.remove(unit)
