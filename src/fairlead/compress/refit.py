"""Least squares of a layer's outputs on some of its inputs, from moments that rows are summed into.

Rows need no labels: what is aimed at is what the layer answered before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fairlead.compress.graph import Array


@dataclass(frozen=True, slots=True)
class Moments:
    """Means and second central moments of a layer's inputs and of the outputs that it should have.

    Args:
        inputs: means, shape (inputs,).
        outputs: means, shape (outputs,).
        inner: of inputs with inputs, shape (inputs, inputs).
        cross: of inputs with outputs, shape (inputs, outputs).
        spread: of each output, shape (outputs,).
    """

    inputs: Array
    outputs: Array
    inner: Array
    cross: Array
    spread: Array


def gather(parts: Iterable[tuple[Array, Array]]) -> Moments:
    """Sum rows up.

    Args:
        parts: some rows at a time: inputs (rows, inputs) and outputs (rows, outputs).
    """
    count, shift, sums, squares = 0, None, None, None
    outputs = 0
    for x, y in parts:
        both = np.concatenate([x, y], axis=1, dtype=np.float64)
        outputs = y.shape[1]
        shift = both.mean(axis=0) if shift is None else shift  # keeps what cancels small
        both -= shift
        count += len(both)
        sums = both.sum(axis=0) if sums is None else sums + both.sum(axis=0)
        squares = both.T @ both if squares is None else squares + both.T @ both
    assert shift is not None
    mean = sums / count
    central = squares / count - np.outer(mean, mean)
    split = len(mean) - outputs
    mean = mean + shift
    return Moments(
        mean[:split], mean[split:], central[:split, :split], central[:split, split:],
        np.diag(central)[split:],
    )  # fmt: skip


def refit(moments: Moments, kept: Array, prior: Array, ridge: float) -> tuple[Array, Array]:
    """Weights and bias over the kept inputs that come nearest to the outputs.

    Minimises E|y - W'x - b|^2 + l |W - prior|^2, where l is `ridge` times the mean variance of
    the inputs: directions that the rows say nothing about stay as they were.

    Args:
        moments: of all inputs.
        kept: which of them are left, shape (kept,).
        prior: the weights as they were, shape (inputs, outputs).
        ridge: 0 or more.

    Returns:
        Weights (kept, outputs) and bias (outputs,).
    """
    inner, pull = _eased(moments, ridge)
    weights = np.linalg.solve(inner[np.ix_(kept, kept)], moments.cross[kept] + pull * prior[kept])
    return weights, moments.outputs - moments.inputs[kept] @ weights


def _eased(moments: Moments, ridge: float) -> tuple[Array, float]:
    """The inner moments, made invertible."""
    variance = float(np.diag(moments.inner).mean()) or 1.0
    pull = max(ridge, 1e-12) * variance
    return moments.inner + pull * np.eye(len(moments.inner)), pull


def by_activation(moments: Moments, weights: Array, size: int) -> Array:
    """Units from the most to the least active, each weighed by what it is multiplied by.

    Args:
        moments: of the layer that reads the units.
        weights: of it, shape (inputs, outputs).
        size: its inputs for each unit.
    """
    active = np.diag(moments.inner) * (weights**2).sum(axis=1)
    return np.argsort(-active.reshape(-1, size).sum(axis=1), kind="stable")


def by_pivots(moments: Moments, weights: Array, size: int, ridge: float) -> Array:
    """Units in the order in which each says most that those ahead of it do not say.

    It is QR with column pivoting of the inputs, weighed, by way of the Cholesky factorisation of
    their moments.
    """
    scale = np.linalg.norm(weights, axis=1)
    inner, _ = _eased(moments, ridge)
    left = inner * np.outer(scale, scale)
    units, order = len(left) // size, []
    free = np.ones(units, bool)
    for _ in range(units):
        said = np.diag(left).reshape(units, size).sum(axis=1)
        unit = int(np.where(free, said, -np.inf).argmax())
        order.append(unit)
        free[unit] = False
        block = slice(unit * size, (unit + 1) * size)
        part = left[block, block] + 1e-12 * np.eye(size) * max(np.trace(left[block, block]), 1e-300)
        left = left - left[:, block] @ np.linalg.solve(part, left[block])
    return np.array(order)


def by_loss(moments: Moments, prior: Array, size: int, ridge: float) -> Array:
    """Units by what the outputs lose without them, when all that stays is refitted.

    From the whole, the unit is taken out that costs least, again and again; removing the inputs S
    costs W_S' (P_SS)^-1 W_S, where P is the inverse of the inner moments, and both are updated.
    Source: Hassibi, Stork: Second order derivatives for network pruning: Optimal Brain Surgeon,
    1992, for groups of weights.
    """
    inner, pull = _eased(moments, ridge)
    inverse = np.linalg.inv(inner)
    weights = inverse @ (moments.cross + pull * prior)
    units = len(inner) // size
    places = np.arange(len(inner)).reshape(units, size)
    free, order = np.ones(units, bool), []
    for _ in range(units):
        unit = int(np.where(free, _losses(inverse, weights, places), np.inf).argmin())
        order.append(unit)
        free[unit] = False
        own = places[unit]
        share = np.linalg.solve(inverse[np.ix_(own, own)], inverse[own]).T
        weights -= share @ weights[own]
        inverse -= share @ inverse[own]
        inverse[own, own] = 1  # of what is out nothing is asked again
    return np.array(order[::-1])


def _losses(inverse: Array, weights: Array, places: Array) -> Array:
    """What the outputs lose without each unit, shape (units,)."""
    rows = weights[places]
    squares = rows @ rows.transpose(0, 2, 1)
    blocks = inverse[places[:, :, None], places[:, None, :]]
    if blocks.shape[1] == 1:
        return (squares / blocks).reshape(-1)
    return np.trace(np.linalg.solve(blocks, squares), axis1=1, axis2=2)
