"""How a field's windows vary by themselves, and how much of that is a difference in truth."""

from __future__ import annotations

from msgspec.structs import replace

from fairlead.monitoring.compare import counts_in
from fairlead.monitoring.flatten import Single
from fairlead.monitoring.recall import DAY_US
from fairlead.monitoring.types import Drift, Past
from fairlead.profiles import Numeric
from fairlead.stats import (
    Dispersion,
    add,
    chi_square,
    counts_of,
    dispersion,
    pool,
    scaled,
)

ODD = 1e-4
"""Chance that a reference is an odder sample than is allowed for."""
PARTS = 8


def part_of(start_us: int) -> int:
    """Which eighth of its day, UTC, a window begins in.

    Example:
        >>> part_of(20_000 * 86_400_000_000 + 13 * 3_600_000_000)
        4
    """
    return start_us % DAY_US * PARTS // DAY_US


def vary(past: Past, drift: Drift, current: Single, part: int, first: int = 1) -> Past:
    """What one more window says of how windows vary.

    Args:
        past: of the field.
        drift: the window beside the reference.
        current: the window, counted over the same bins.
        part: of the day.
        first: windows that only make up a past: hours beside each other are more alike than those
            of a day, so that the first ones vary less around each other than later ones do.
    """
    counts = counts_in(current)
    around = dispersion(drift.statistic, drift.degrees)
    alone = Past(1, around, {part: around}, counts=tuple(counts.tolist()))
    known = counts_of(past.counts)
    if past.windows < first or len(known) != len(counts):
        return alone
    if isinstance(current, Numeric):
        a, b = pool(known, counts, ordered=len(counts) - 1)
    else:
        a, b = pool(known, counts, unlisted=len(counts) - 2)
    test = chi_square(a, b)
    return replace(alone, among=dispersion(test.statistic, test.degrees))


def learn(past: Past, more: Past) -> Past:
    """The past of the windows of both; of other bins than before, the later one."""
    if not past.counts or not more.counts:
        counts = past.counts or more.counts
    elif len(past.counts) != len(more.counts):
        return more
    else:
        counts = tuple(a + b for a, b in zip(past.counts, more.counts, strict=True))
    parts = past.parts | {
        part: add(past.parts.get(part, Dispersion()), around) for part, around in more.parts.items()
    }
    return Past(
        past.windows + more.windows,
        add(past.around, more.around),
        parts,
        add(past.among, more.among),
        counts,
    )


def by_chance(past: Past, rows: int, reference_rows: int, part: int) -> Dispersion:
    """How windows vary around the reference by chance alone.

    That is how they did, but no more than they vary among themselves and a reference is a sample
    like them: 1 + n q / N times that, for windows of n rows, a reference of N, and q the quantile
    of a chi-square over its degrees. What is beyond that is no chance: rows that differ from the
    reference from the first window on, and a past that took that for chance would never tell.

    Nights may differ from the reference more than days do, each in the same way: what is rare
    among all windows is usual then, for hours in a row. So of two counts the larger one: of all
    windows, and of those of this part of the day.

    Args:
        past: of the field.
        rows: of the window.
        reference_rows: of the reference.
        part: of the day.
    """
    most = max(past.around, past.parts.get(part, Dispersion()), key=lambda one: one.factor)
    return scaled(most, _share(past, rows, reference_rows))


def _share(past: Past, rows: int, reference_rows: int) -> float:
    """How much of what windows vary around the reference is chance: at most 1."""
    from scipy.special import chdtri

    among = past.among
    if not among.windows or not past.around.total or not reference_rows:
        return 1.0
    degrees = among.degrees / among.windows / among.spread
    odd = float(chdtri(degrees, ODD)) / degrees
    most = among.factor * (1.0 + rows / reference_rows * odd)
    return min(1.0, most / past.around.factor)
