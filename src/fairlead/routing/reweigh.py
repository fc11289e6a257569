"""Other weights for the arms of a route, such that no unit moves without cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from fairlead.routing.assign import owners
from fairlead.routing.types import SLOTS, Arm


def reweigh(arms: Sequence[Arm], slots: Mapping[str, int], start: int = 0) -> tuple[Arm, ...]:
    """Give arms other weights.

    An arm that grows takes slots from those that shrink and from nobody else: a unit that is in
    an arm stays there while the arm grows. Slots change hands from `start` on, and around; with
    another start for each release, it is not always the same units that try what is new.

    Args:
        arms: in force, or new ones without slots.
        slots: that each arm shall own, by its name, of 10,000 in all; an arm with none is asked
            nothing.
        start: the first slot that may change hands.

    Returns:
        The same arms in the same order.

    Raises:
        ValueError: it is not 10,000 slots for exactly these arms.

    Example:
        >>> from fairlead.routing.types import VersionRef
        >>> old, new = VersionRef("m:1", "", ""), VersionRef("m:2", "", "")
        >>> arms = [Arm("stable", old, "stable", ((0, SLOTS),)),
        ...         Arm("candidate", new, "candidate", ())]
        >>> [arm.slots for arm in reweigh(arms, {"stable": 9_500, "candidate": 500}, start=100)]
        [((0, 100), (600, 10000)), ((100, 600),)]
    """
    names = [arm.name for arm in arms]
    if sorted(names) != sorted(slots) or sum(slots.values()) != SLOTS or min(slots.values()) < 0:
        raise ValueError("the weights are not 10,000 slots for exactly the arms there are")
    table = bytearray(owners(arms))
    spare = [sum(e - s for s, e in arm.slots) - slots[arm.name] for arm in arms]
    growing = [place for place, more in enumerate(spare) if more < 0]
    for slot in (number % SLOTS for number in range(start, start + SLOTS)):
        if not growing:
            break
        owner, taker = table[slot], growing[0]
        if spare[owner] > 0:
            table[slot] = taker
            spare[owner] -= 1
            spare[taker] += 1
            if not spare[taker]:
                growing.pop(0)
    return tuple(replace(arm, slots=_ranges(bytes(table), place)) for place, arm in enumerate(arms))


def _ranges(table: bytes, place: int) -> tuple[tuple[int, int], ...]:
    """The half-open ranges of slots that one arm owns."""
    ranges: list[tuple[int, int]] = []
    for slot in range(SLOTS):
        if table[slot] != place:
            continue
        if ranges and ranges[-1][1] == slot:
            ranges[-1] = ranges[-1][0], slot + 1
        else:
            ranges.append((slot, slot + 1))
    return tuple(ranges)
