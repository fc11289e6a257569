"""How a field's windows vary among each other, whatever the reference is."""

from __future__ import annotations

from fairlead.monitoring.compare import counts_in
from fairlead.monitoring.flatten import Single
from fairlead.monitoring.types import Past
from fairlead.profiles import Numeric
from fairlead.stats import add, chi_square, counts_of, dispersion, pool


def vary(past: Past, current: Single) -> Past:
    """What one more window says of how windows vary.

    It is held against all windows that were learned from, not against the reference: rows that
    differ from the training set from the first day on differ by no chance, and a past that took
    that for chance would never tell of it.

    Args:
        past: of the field.
        current: the window, counted over the same bins.
    """
    counts = counts_in(current)
    known = counts_of(past.counts)
    if len(known) != len(counts):
        return Past(counts=tuple(counts.tolist()))
    if isinstance(current, Numeric):
        a, b = pool(known, counts, ordered=len(counts) - 1)
    else:
        a, b = pool(known, counts, unlisted=len(counts) - 2)
    test = chi_square(a, b)
    return Past(dispersion(test.statistic, test.degrees), tuple(counts.tolist()))


def learn(past: Past, more: Past) -> Past:
    """The past of the windows of both; of other bins than before, the later one."""
    if not past.counts or not more.counts:
        counts = past.counts or more.counts
    elif len(past.counts) != len(more.counts):
        return more
    else:
        counts = tuple(a + b for a, b in zip(past.counts, more.counts, strict=True))
    return Past(add(past.dispersion, more.dispersion), counts)
