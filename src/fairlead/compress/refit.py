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
    count, outputs = 0, 0
    shift: Array | None = None
    sums = squares = np.zeros(0)
    for x, y in parts:
        both = np.concatenate([x, y], axis=1, dtype=np.float64)
        outputs = y.shape[1]
        if shift is None:
            shift = both.mean(axis=0)  # keeps what cancels small
            sums, squares = np.zeros(len(shift)), np.zeros((len(shift), len(shift)))
        both -= shift
        count += len(both)
        sums += both.sum(axis=0)
        squares += both.T @ both
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
    inner, pull = eased(moments, ridge)
    weights = np.linalg.solve(inner[np.ix_(kept, kept)], moments.cross[kept] + pull * prior[kept])
    return weights, moments.outputs - moments.inputs[kept] @ weights


def eased(moments: Moments, ridge: float) -> tuple[Array, float]:
    """The inner moments, made invertible."""
    variance = float(np.diag(moments.inner).mean()) or 1.0
    pull = max(ridge, 1e-12) * variance
    return moments.inner + pull * np.eye(len(moments.inner)), pull
