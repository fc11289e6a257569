"""Which forms nothing beats in all that counts, and which of them serves a target best."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from fairlead.compress.types import Cost, Target

NOISE = 1.03
"""How many times as long a time must be to be told from another."""


def gain(cost: Cost, original: Cost, target: Target) -> float:
    """How much is gained, as a logarithm: of the size, of the time, or of both together.

    The time is the geometric mean of those of one row and of many.

    Example:
        >>> round(gain(Cost(10, 5.0, 20.0), Cost(100, 10.0, 80.0), "both"), 3)
        3.342
    """
    smaller = log(original.size_bytes / cost.size_bytes)
    faster = 0.5 * (log(original.one_us / cost.one_us) + log(original.many_us / cost.many_us))
    if target == "size":
        return smaller
    return faster if target == "latency" else smaller + faster


def beats(one: Cost, other: Cost) -> bool:
    """Whether a form is no worse than another in all, and better in one, beyond noise."""
    pairs = (
        (one.size_bytes, other.size_bytes, 1.0),
        (one.one_us, other.one_us, NOISE),
        (one.many_us, other.many_us, NOISE),
    )
    no_worse = all(mine <= theirs * noise for mine, theirs, noise in pairs)
    return no_worse and any(mine * noise < theirs for mine, theirs, noise in pairs)


def front(costs: Sequence[Cost]) -> list[int]:
    """Places of those that no other beats, the smallest first.

    Example:
        >>> front([Cost(9, 1.0, 1.0), Cost(5, 2.0, 2.0), Cost(9, 3.0, 3.0)])
        [1, 0]
    """
    kept = [
        place
        for place, cost in enumerate(costs)
        if not any(beats(other, cost) for at, other in enumerate(costs) if at != place)
    ]
    return sorted(kept, key=lambda place: (costs[place].size_bytes, costs[place].many_us, place))


def choose(costs: Sequence[Cost], original: Cost, target: Target) -> int | None:
    """The place of the one that gains most; None where none gains anything.

    Example:
        >>> choose([Cost(9, 1.0, 1.0), Cost(5, 2.0, 2.0)], Cost(10, 2.0, 2.0), "size")
        1
    """
    gains = [gain(cost, original, target) for cost in costs]
    best = max(range(len(costs)), key=lambda place: (gains[place], -place), default=None)
    return best if best is not None and gains[best] > 0.0 else None
