"""Rows that repeat each other, as they do where nothing is wrong, and where something is."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.worlds import HOURS, users

from fairlead.profiles import Repeats, digest_rows, sketch_rows

VALUES = 10
"""Different rows there are for each that comes, one as frequent as the other; with cycles from a
half to half as many again, by the hour."""
AGAIN = 0.5
"""Of the rows of a user, those that are the user's first one again."""
FAULTS = ("each row twice", "one row in ten the same")

Array = Any


def copies(
    random: np.random.Generator, rows: int, hour: int = 0, *, clustered: bool = False,
    cyclic: bool = False, fault: str = "",
) -> Repeats:  # fmt: skip
    """How rows of an hour repeat each other.

    Args:
        random: generator.
        rows: how many.
        hour: of all that were and are to come.
        clustered: whether they are of users who ask often, and for the same thing again.
        cyclic: whether nights know fewer different rows than days.
        fault: one of `FAULTS`, if there is one.
    """
    wave = 0.5 * np.sin(2.0 * np.pi * hour / HOURS) if cyclic else 0.0
    kinds = random.integers(0, round(VALUES * rows * (1.0 + wave)), rows)
    if clustered:
        of_user = users(random, rows)
        again = random.random(rows) < AGAIN
        kinds = np.where(again, 2 * VALUES * rows + of_user, VALUES * rows + np.arange(rows))
    if fault == "each row twice":
        kinds = np.repeat(kinds, 2)[:rows]
    elif fault:
        kinds[: rows // 10] = kinds[0]
    return sketch_rows(digest_rows(kinds.astype(np.uint64)))
