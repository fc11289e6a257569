"""How a learner does, from errors that were made before each row was learnt: no clock, no I/O.

Evidence is an e-detector over rows. Where the excess x of a row, in -1..1, is at most m on average
whatever came before, each bet's e = 1 + b (x - m) / (1 + m) has a mean of at most 1; see
`fairlead.stats.evidence`.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, sqrt

from msgspec.structs import replace

from fairlead.learning.types import Guard, Moments, Tally
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
    tally: Tally, guard: Guard, errors: Iterable[tuple[float, float, float]], *, numbers: bool
) -> Tally:
    """Add rows that were predicted, in their order.

    Args:
        tally: so far.
        guard: what the evidence is held against.
        errors: of each row the learner's, the base's, and the last good version's.
        numbers: whether these are absolute errors, and not 0 or 1.

    Example:
        >>> after = observe(Tally(), Guard(), [(1.0, 0.0, 0.0)] * 40, numbers=False)
        >>> after.learner.rows, after.gain.sum, after.worse.value > 1e6
        (40, -40.0, True)
    """
    for learner, base, good in errors:
        fell = tally.fell
        if guard.fall and tally.level is not None:
            fell = _bet(fell, excess(learner, tally.level, numbers=numbers), guard.fall)
        tally = replace(
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
    return tally


def excess(error: float, other: float, *, numbers: bool) -> float:
    """By how much an error is above another, in -1..1; of numbers as a share of both.

    Example:
        >>> excess(3.0, 1.0, numbers=True), excess(1.0, 0.1, numbers=False)
        (0.5, 0.9)
    """
    if not numbers:
        return error - other
    return (error - other) / (error + other) if error + other > 0.0 else 0.0


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
        (0.9, 0.869, 0.926)
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


def _add(moments: Moments, value: float) -> Moments:
    return Moments(
        moments.rows + 1,
        moments.sum + value,
        moments.squares + value * value,
        moments.events + (value != 0.0),
    )


def _bet(evidence: Evidence, excess: float, limit: float) -> Evidence:
    stake = (excess - limit) / (1.0 + limit)
    e = tuple(1.0 + bet * stake for bet in BETS)
    return follow(evidence, Evidence(e, e))
