"""Units in the order in which a layer can do without them, and what each costs it."""

from __future__ import annotations

import numpy as np

from fairlead.compress.graph import Array
from fairlead.compress.refit import Moments, eased

RIDGE_MIN = 1e-6
"""Units that say the same have no inverse moments without it, and updates of it would blow up."""


def by_activation(moments: Moments, weights: Array, size: int) -> tuple[Array, Array]:
    """Units from the least to the most active, each weighed by what it is multiplied by.

    It is quick, and knows nothing of what other units could say in a unit's place.

    Args:
        moments: of the layer that reads the units.
        weights: of it, shape (inputs, outputs).
        size: its inputs for each unit.

    Returns:
        Units, those to leave out first ahead; and the share of the outputs' variance that each
        brings by itself.
    """
    active = np.diag(moments.inner) * (weights**2).sum(axis=1)
    shares = active.reshape(-1, size).sum(axis=1)
    order = np.argsort(shares, kind="stable")
    return order, shares[order] / _whole(moments)


def by_loss(moments: Moments, prior: Array, size: int, ridge: float) -> tuple[Array, Array]:
    """Units by what the outputs lose without them when all that stay are refitted.

    From the whole, the unit is taken out that costs least, again and again. Removing the inputs S
    costs W_S' (P_SS)^-1 W_S, where P is the inverse of the inner moments; then both are updated.
    Source: Hassibi, Stork: Second order derivatives for network pruning: Optimal Brain Surgeon,
    1992, here for groups of weights.

    Args:
        moments: of the layer that reads the units.
        prior: its weights as they were, shape (inputs, outputs).
        size: its inputs for each unit.
        ridge: as in `refit`.

    Returns:
        Units, those to leave out first ahead; and the share of the outputs' variance that is lost
        with each, after those ahead of it.
    """
    inner, pull = eased(moments, max(ridge, RIDGE_MIN))
    inverse = np.linalg.inv(inner)
    weights = inverse @ (moments.cross + pull * prior)
    units = len(inner) // size
    places = np.arange(len(inner)).reshape(units, size)
    free, order, costs = np.ones(units, bool), [], []
    for _ in range(units):
        losses = np.where(free, _losses(inverse, weights, places), np.inf)
        unit = int(losses.argmin())
        order.append(unit)
        costs.append(losses[unit])
        free[unit] = False
        own = places[unit]
        share = np.linalg.solve(inverse[np.ix_(own, own)], inverse[own]).T
        weights -= share @ weights[own]
        inverse -= share @ inverse[own]
        inverse[own, own] = 1  # of what is out nothing is asked again
    return np.array(order), np.maximum(costs, 0) / _whole(moments)


def _whole(moments: Moments) -> float:
    return float(moments.spread.sum()) or 1.0


def _losses(inverse: Array, weights: Array, places: Array) -> Array:
    """What the outputs lose without each unit, shape (units,)."""
    rows = weights[places]
    squares = rows @ rows.transpose(0, 2, 1)
    blocks = inverse[places[:, :, None], places[:, None, :]]
    if blocks.shape[1] == 1:
        return np.asarray((squares / blocks).reshape(-1))
    return np.asarray(np.linalg.solve(blocks, squares).trace(axis1=1, axis2=2))
