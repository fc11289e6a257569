"""Which forms nothing beats in all that counts, and which of them serves a target best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from fairlead.compress.types import Cost, Target

NOISE = 1.03
"""How many times as long a time must be to be told from another."""


@dataclass(frozen=True, slots=True)
class Priced:
    """What is weighed of a form: its cost, and the share of rows that it answers alike."""

    cost: Cost
    agreement: float


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


def beats(one: Priced, other: Priced) -> bool:
    """Whether a form is no worse than another in all, and better in one, beyond noise."""
    pairs = (
        (one.cost.size_bytes, other.cost.size_bytes, 1.0),
        (one.cost.one_us, other.cost.one_us, NOISE),
        (one.cost.many_us, other.cost.many_us, NOISE),
        (1.0 - one.agreement, 1.0 - other.agreement, 1.0),
    )
    no_worse = all(mine <= theirs * noise for mine, theirs, noise in pairs)
    return no_worse and any(mine * noise < theirs for mine, theirs, noise in pairs)


def front(forms: Sequence[Priced]) -> list[int]:
    """Places of those that no other beats, the smallest first.

    Example:
        >>> costs = [Cost(9, 1.0, 1.0), Cost(5, 2.0, 2.0), Cost(9, 3.0, 3.0)]
        >>> front([Priced(cost, 1.0) for cost in costs])
        [1, 0]
    """
    kept = [
        place
        for place, form in enumerate(forms)
        if not any(beats(other, form) for at, other in enumerate(forms) if at != place)
    ]
    costs = [form.cost for form in forms]
    return sorted(kept, key=lambda place: (costs[place].size_bytes, costs[place].many_us, place))


def choose(forms: Sequence[Priced], original: Cost, target: Target) -> int | None:
    """The place of the one that gains most; None where none gains more than noise.

    Of those that gain as much, as far as noise tells, the one that agrees best with the original.

    Example:
        >>> costs = [Cost(9, 1.0, 1.0), Cost(5, 2.0, 2.0)]
        >>> choose([Priced(cost, 1.0) for cost in costs], Cost(10, 2.0, 2.0), "size")
        1
    """
    gains = [gain(form.cost, original, target) for form in forms]
    most = max(gains, default=0.0)
    margin = 0.0 if target == "size" else log(NOISE)
    if most <= margin:
        return None
    near = [place for place, each in enumerate(gains) if each > margin and each >= most - margin]
    return max(near, key=lambda place: (forms[place].agreement, gains[place]))
