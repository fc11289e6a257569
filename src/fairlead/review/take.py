"""Whose turn it is: the next place of a line for one reviewer."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from fairlead.review.types import Place

LEASE_US = 300_000_000
"""For how long a task is one reviewer's alone; decided or not, it is free after that."""


def is_held(place: Place, reviewer: str, now_us: int) -> bool:
    """Whether somebody else has it before them.

    A clock that was set back keeps nobody from a task for longer than a lease.
    """
    left_us = place.taken_until_us - now_us
    return place.taken_by not in ("", reviewer) and 0 < left_us <= LEASE_US


def choose(places: Iterable[Place], reviewer: str, now_us: int) -> Place | None:
    """The place of a line that a reviewer sees next.

    That which they have before them already, so that who comes back finds it again. Else the
    oldest of those that they have passed over least often, as it goes to the others first; before
    any that nobody waits for.

    Args:
        places: of one queue.
        reviewer: who asks.
        now_us: microseconds since 1970.

    Returns:
        None where all is decided, or before others.

    Example:
        >>> line = [Place(id="1", endpoint="churn", skips={"ada": 1}), Place(id="2", endpoint="")]
        >>> choose(line, "ada", 0).id, choose(line, "bob", 0).id
        ('2', '1')
    """
    free = [p for p in places if p.decided_us is None and not is_held(p, reviewer, now_us)]
    return min(free, key=lambda place: _rank(place, reviewer, now_us), default=None)


def take(place: Place, reviewer: str, now_us: int) -> Place:
    """The place with a reviewer before it, alone for a while."""
    return replace(place, taken_by=reviewer, taken_until_us=now_us + LEASE_US)


def put_back(place: Place) -> Place:
    """The place free again, where it was."""
    return replace(place, taken_by="", taken_until_us=0)


def skip(place: Place, reviewer: str) -> Place:
    """The place after a reviewer has passed it over: free for others, last in their own line."""
    skips = {**place.skips, reviewer: place.skips.get(reviewer, 0) + 1}
    return replace(put_back(place), skips=skips)


def _rank(place: Place, reviewer: str, now_us: int) -> tuple[bool, int, bool, str]:
    mine = place.taken_by == reviewer and place.taken_until_us > now_us
    return (not mine, place.skips.get(reviewer, 0), place.is_sample, place.id)
