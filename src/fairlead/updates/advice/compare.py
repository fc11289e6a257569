"""Policies held against each other, block by block, such that all that is said holds at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fairlead.stats import Estimate
from fairlead.stats.block_bootstrap import joint_means
from fairlead.updates.advice.types import Line, Numbers


@dataclass(frozen=True, slots=True)
class Compared:
    """All policies against each other.

    Args:
        values: the mean of each policy's metric, more is better.
        pairs: the difference of each pair, first less second.
        blocks: that were compared.
    """

    values: Mapping[str, float]
    pairs: Mapping[tuple[str, str], Estimate]
    blocks: int

    def apart(self, name: str, other: str) -> Estimate:
        """By how much one is better than another."""
        if name == other:
            return Estimate(0.0, 0.0, 0.0)
        if (name, other) in self.pairs:
            return self.pairs[name, other]
        turned = self.pairs[other, name]
        return Estimate(-turned.value, -turned.high, -turned.low)

    def is_better(self, name: str, other: str) -> bool:
        """Whether one is proven better than another."""
        return self.apart(name, other).low > 0


def compare(values: Mapping[str, Numbers], weights: Numbers, *, seed: int) -> Compared:
    """Compare policies by their means over blocks, paired.

    The intervals of all differences to the first policy hold at once with 95 %, and so do those
    of all differences among the others: the best may be picked after the fact.

    Args:
        values: of each policy in each block, more is better; blocks in which one is NaN are left
            out for all.
        weights: of the blocks, such as their rows.
        seed: of the draws.

    Example:
        >>> one = np.tile([0.5, 0.6], 6)
        >>> compare({"never": one, "daily": one + np.tile([0.10, 0.11, 0.12], 4)}, np.ones(12),
        ...     seed=1).is_better("daily", "never")
        True
    """
    names = list(values)
    table = np.array([values[name] for name in names])
    there = np.isfinite(table).all(axis=0) & (weights > 0)
    table, weights = table[:, there], weights[there]
    if len(weights) < 2:
        return Compared({}, {}, len(weights))
    means = dict(zip(names, (table @ weights / weights.sum()).tolist(), strict=True))
    families = (
        [(place, 0) for place in range(1, len(names))],
        list(combinations(range(1, len(names)), 2)),
    )
    pairs: dict[tuple[str, str], Estimate] = {}
    for family in families:
        if family:
            apart = np.array([table[i] - table[j] for i, j in family])
            found = joint_means(apart, weights, seed=seed).estimates
            named = [(names[i], names[j]) for i, j in family]
            pairs |= dict(zip(named, found, strict=True))
    return Compared(means, pairs, len(weights))


def cheapest(lines: Sequence[Line], compared: Compared) -> Line | None:
    """Of what is proven better than never, and not proven worse than another, the fewest trainings.

    Args:
        lines: of some policies.
        compared: all of them.
    """
    better = [line for line in lines if line.verdict == "better"]
    names = [line.policy.name for line in better]
    enough = [
        line for line in better
        if not any(compared.is_better(name, line.policy.name) for name in names)
    ]  # fmt: skip
    return min(enough, key=lambda line: (line.trainings, -line.gain.value), default=None)
