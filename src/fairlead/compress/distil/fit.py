"""Teaching a student, with scikit-learn."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from fairlead.compress.graph import Array

EPOCHS = 200
PATIENCE = 12
RATE = 3e-3


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network of one hidden layer with rectified units.

    Args:
        weights: of each layer, (in, out).
        biases: of each layer, (out,).
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]


def fit_network(x: Array, numbers: Array, hidden: int, *, seed: int) -> Network:
    """A network that answers `numbers`, (rows, width), to `x`, (rows, columns)."""
    from sklearn.neural_network import MLPRegressor
    from threadpoolctl import threadpool_limits

    mean, spread = x.mean(axis=0), np.maximum(x.std(axis=0), 0.05)
    model = MLPRegressor(
        hidden_layer_sizes=(hidden,), max_iter=EPOCHS, random_state=seed, early_stopping=True, tol=1e-5,
        n_iter_no_change=PATIENCE, learning_rate_init=RATE, alpha=1e-5,
    )  # fmt: skip
    wanted = numbers[:, 0] if numbers.shape[1] == 1 else numbers
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # it may go on longer than it is let
        model.fit(((x - mean) / spread).astype(np.float32), wanted.astype(np.float32))
    first, second = (np.asarray(each, np.float64) for each in model.coefs_)
    bias, last = (np.asarray(each, np.float64) for each in model.intercepts_)
    first = first / spread[:, None]
    return Network((first, second), (bias - mean @ first, last))
