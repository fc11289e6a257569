"""How a learner does, from errors that were made before each row was learnt: no clock, no I/O.

Evidence is an e-detector over rows. Where the excess x of a row, in -1..1, is at most m on average
whatever came before, each bet's e = 1 + b (x - m) / (1 + m) has a mean of at most 1; see
`fairlead.stats.evidence`.
"""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
from msgspec.structs import replace

from fairlead.learning.types import Guard, Moments, Tally
from fairlead.signature import Numbers
from fairlead.stats import (
    Contrast,
    Estimate,
    Evidence,
    asymptotic_sequence,
    bernoulli_sequence,
    follow,
    tuned_rho,
)

BETS = (0.05, 0.15, 0.4, 0.9)
"""Shares of the largest stake: small ones win on a slow decline, large ones on a crash."""
TUNED_LABELS = 2000
"""At which intervals are narrowest."""


def observe(
    tally: Tally, guard: Guard, learner: Numbers, base: Numbers, good: Numbers, *, numbers: bool
) -> Tally:
    """Add rows that were predicted together, in their order.

    Args:
        tally: so far.
        guard: what the evidence is held against.
        learner: its error in each row, shape (rows,).
        base: the base's.
        good: the last good version's.
        numbers: whether these are absolute errors, and not 0 or 1.

    Example:
        >>> wrong, right = np.ones(40), np.zeros(40)
        >>> after = observe(Tally(), Guard(), wrong, right, right, numbers=False)
        >>> after.learner.rows, after.gain.sum, after.worse.value > 1e6
        (40, -40.0, True)
    """
    fell = tally.fell
    if guard.fall and tally.level is not None:
        level = np.full(len(learner), tally.level)
        fell = _bet(fell, excess(learner, level, numbers=numbers), guard.fall)
    return replace(
        tally,
        learner=_add(tally.learner, learner),
        base=_add(tally.base, base),
        gain=_add(tally.gain, base - learner),
        recent=_add(tally.recent, learner),
        recent_base=_add(tally.recent_base, base),
        good_gain=_add(tally.good_gain, good - learner),
        worse=_bet(tally.worse, excess(learner, good, numbers=numbers), guard.margin),
        fell=fell,
    )


def excess(error: Numbers, other: Numbers, *, numbers: bool) -> Numbers:
    """By how much errors are above others, in -1..1; of numbers as a share of both.

    Example:
        >>> excess(np.array([3.0]), np.array([1.0]), numbers=True).tolist()
        [0.5]
    """
    if not numbers:
        return error - other
    both = error + other
    return np.divide(error - other, both, out=np.zeros(len(both)), where=both > 0.0)


def level_of(tally: Tally) -> float | None:
    """The learner's mean error so far; None before the first row."""
    return tally.learner.sum / tally.learner.rows if tally.learner.rows else None


def score(errors: Moments, *, numbers: bool) -> Estimate | None:
    """Accuracy, or the mean absolute error of numbers, with an interval that holds at every look.

    Args:
        errors: of some rows.
        numbers: whether they are absolute errors.

    Returns:
        None before the first row.

    Example:
        >>> one = score(Moments(1000, 100.0, 100.0, 100), numbers=False)
        >>> one.value, round(one.low, 3), round(one.high, 3)
        (0.9, 0.868, 0.927)
    """
    if not errors.rows:
        return None
    if not numbers:
        hits = errors.rows - round(errors.sum)
        return bernoulli_sequence(hits, errors.rows, tuned_rows=TUNED_LABELS)
    return mean(errors)


def mean(values: Moments) -> Estimate | None:
    """The mean of values that come in their order, with an interval that holds at every look."""
    if not values.rows:
        return None
    value = values.sum / values.rows
    spread = max(values.squares / values.rows - value * value, 0.0)
    contrast = Contrast(value, sqrt(spread / values.rows), inf, values.rows, values.events)
    return asymptotic_sequence(contrast, tuned_rho(TUNED_LABELS))


def _add(moments: Moments, values: Numbers) -> Moments:
    return Moments(
        moments.rows + len(values),
        moments.sum + float(values.sum()),
        moments.squares + float((values * values).sum()),
        moments.events + int(np.count_nonzero(values)),
    )


def _bet(evidence: Evidence, excesses: Numbers, limit: float) -> Evidence:
    """The evidence after some rows, from which the margin or the fall is taken off."""
    for stake in ((excesses - limit) / (1.0 + limit)).tolist():
        e = tuple([1.0 + bet * stake for bet in BETS])
        evidence = follow(evidence, Evidence(e, e))
    return evidence
