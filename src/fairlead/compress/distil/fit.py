"""Teaching a small network what a teacher answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairlead.compress.distil.goal import Goal, activate
from fairlead.compress.graph import Array

BATCH = 256
TURNS = 20_000
"""A fifth as many leave three times as many rows answered otherwise."""
RATE = 4e-3
DECAY = 1e-5
SPREAD_MIN = 0.05
FIRST, SECOND, TINY = 0.9, 0.999, 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A network of one hidden layer with rectified units.

    Args:
        weights: of each layer, (in, out).
        biases: of each layer, (out,).
    """

    weights: tuple[Array, Array]
    biases: tuple[Array, Array]


def fit_network(x: Array, goal: Goal, hidden: int, *, seed: int) -> Network:
    """A network that answers the goal's numbers, (rows, width), to `x`, (rows, columns).

    Its loss is the cross entropy with the teacher's probabilities, or the squared error; it is
    minimised by Adam (Kingma and Ba, 2015) at a rate that falls along a cosine. For each of them
    the loss changes with the network's own numbers by what it answers less what is wanted.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # products so small take longer on several
        return _fit(x, goal, hidden, np.random.default_rng(seed))


def _fit(x: Array, goal: Goal, hidden: int, draw: np.random.Generator) -> Network:
    mean, spread = x.mean(axis=0), np.maximum(x.std(axis=0), SPREAD_MIN)
    even, wanted = ((x - mean) / spread).astype(np.float32), goal.numbers.astype(np.float32)
    parts = _start(x.shape[1], hidden, wanted.shape[1], draw)
    slow, fast = ([np.zeros_like(part) for part in parts] for _ in range(2))
    order = draw.permutation(len(x))
    for turn in range(1, TURNS + 1):
        rows, order = order[:BATCH], order[BATCH:]
        if not len(order):
            order = draw.permutation(len(x))
        rate = RATE * 0.5 * (1 + np.cos(np.pi * turn / TURNS))
        for place, slope in enumerate(_slopes(parts, even[rows], wanted[rows], goal)):
            slow[place] += (1 - FIRST) * (slope - slow[place])
            fast[place] += (1 - SECOND) * (slope**2 - fast[place])
            height = np.sqrt(fast[place] / (1 - SECOND**turn)) + TINY
            parts[place] -= np.float32(rate / (1 - FIRST**turn)) * slow[place] / height
    first, bias, second, last = (part.astype(np.float64) for part in parts)
    first = first / spread[:, None]
    return Network((first, second), (bias - mean @ first, last))


def _start(width: int, hidden: int, out: int, draw: np.random.Generator) -> list[Array]:
    """Weights of the spread that keeps rectified units' answers even (He et al., 2015)."""
    first = draw.standard_normal((width, hidden)) * np.sqrt(2 / width)
    second = draw.standard_normal((hidden, out)) * np.sqrt(1 / hidden)
    return [
        first.astype(np.float32), np.zeros(hidden, np.float32),
        second.astype(np.float32), np.zeros(out, np.float32),
    ]  # fmt: skip


def _slopes(parts: list[Array], x: Array, wanted: Array, goal: Goal) -> list[Array]:
    first, bias, second, last = parts
    units = np.maximum(x @ first + bias, 0)
    off = (activate(goal.form, units @ second + last) - wanted).astype(np.float32) / len(x)
    back = (off @ second.T) * (units > 0)
    return [
        x.T @ back + DECAY * first, back.sum(axis=0),
        units.T @ off + DECAY * second, off.sum(axis=0),
    ]  # fmt: skip
