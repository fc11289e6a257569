"""Errors of a learner and of what it is held against, drawn row by row."""

from __future__ import annotations

import numpy as np

from fairlead.learning.decide import judge
from fairlead.learning.measure import observe
from fairlead.learning.types import Guard, Tally

BLOCK = 16


def stopped_at(
    guard: Guard, seed: int, rows: int, learner: float, good: float, *, level: float | None = None
) -> int | None:
    """After how many labels a guard stops a learner that errs so often; None if it does not.

    Args:
        guard: on duty.
        seed: of the rows.
        rows: of the stream.
        learner: share of rows in which it errs.
        good: share in which the last good version does; half of those it errs in it shares.
        level: share in which the learner erred before.
    """
    random = np.random.default_rng(seed)
    tally = Tally(level=level)
    for start in range(0, rows, BLOCK):
        theirs = random.random(BLOCK) < good
        ours = np.where(random.random(BLOCK) < 0.5, theirs, random.random(BLOCK) < good)
        extra = random.random(BLOCK) < max(0.0, (learner - good) / (1.0 - good))
        errors = np.asarray(ours | extra, float), np.asarray(theirs, float)
        tally = observe(tally, guard, errors[0], errors[1], errors[1], numbers=False)
        if judge(guard, "tide:1", tally):
            return start + BLOCK
    return None
