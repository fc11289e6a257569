"""Whether two samples, given as counts over the same bins, come from one distribution."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]

EXPECTED_MIN = 10.0


class Test(msgspec.Struct, frozen=True):
    """What a test of two samples found.

    Args:
        statistic: its value.
        degrees: of freedom; 0 where there was nothing to compare.
        p_value: chance of at least this value where nothing differs, in 0..1.
    """

    __test__ = False

    statistic: float
    degrees: int
    p_value: float


def counts_of(values: Any) -> Counts:
    """Counts as floats, shape (bins,)."""
    return np.asarray(values, dtype=np.float64)


def pool(
    a: Counts,
    b: Counts,
    *,
    ordered: int = 0,
    unlisted: int | None = None,
    listed_min: float = 0.0,
) -> tuple[Counts, Counts]:
    """Join sparse bins, such that each is expected to hold ten rows of the smaller sample.

    Of a bin with n of all N rows, the smaller sample of M rows is expected to hold M n / N. The
    chi-square approximation is good at an expected 5 (Cochran (1954), "Some methods for
    strengthening the common chi-square tests"); at 10 it is so in the far tail too, where many
    fields are looked at. Which bins are joined depends on their totals alone, which say nothing
    about a difference, so the level holds.

    Args:
        a: counts of one sample, shape (bins,).
        b: of the other.
        ordered: how many of the first bins have an order; they are joined with neighbours, the
            sparse ones of the rest with each other.
        unlisted: place of the bin of all that have none of their own because the first sample
            has few or none of them. It is joined with the sparse ones always: it was chosen by
            one sample, and a bin of all that is rare in both was not.
        listed_min: rows of both that a bin needs, were more expected than ten.

    Returns:
        The counts over the joined bins: those with an order, the sparse ones of the rest, and
        its others.

    Example:
        >>> a, b = pool(np.array([90.0, 6.0, 4.0]), np.array([80.0, 9.0, 11.0]))
        >>> a.tolist(), b.tolist()
        ([10.0, 90.0], [20.0, 80.0])
    """
    totals = a + b
    rows = min(a.sum(), b.sum())
    if not rows:
        return np.zeros(1), np.zeros(1)
    least = EXPECTED_MIN * float(totals.sum()) / rows
    groups = np.empty(len(totals), dtype=np.intp)
    groups[:ordered], after = _neighbours(totals[:ordered], least)
    groups[ordered:] = _rare(totals[ordered:], max(least, listed_min), after)
    if unlisted is not None:
        groups[unlisted] = after
    groups = _joined(groups, totals, least)
    return counts_of(np.bincount(groups, a)), counts_of(np.bincount(groups, b))


def chi_square(a: Counts, b: Counts) -> Test:
    """Pearson's test of homogeneity of two samples; bins without rows do not count.

    X2 = sum over samples and bins of (count - expected)^2 / expected, where a bin's expected
    counts share its total as the samples share all rows; against chi-square of bins - 1 degrees.
    Unlike a test of fit it knows that the reference is a sample too. Pearson (1900); agrees with
    `scipy.stats.chi2_contingency(correction=False)`.

    Args:
        a: counts of one sample, shape (bins,); see `pool` for sparse ones.
        b: of the other.

    Example:
        >>> test = chi_square(np.array([30.0, 70.0]), np.array([50.0, 50.0]))
        >>> round(test.statistic, 3), test.degrees, round(test.p_value, 4)
        (8.333, 1, 0.0039)
    """
    from scipy.special import chdtrc

    totals = a + b
    held = totals > 0
    rows_a, rows_b = float(a.sum()), float(b.sum())
    degrees = int(held.sum()) - 1
    if degrees < 1 or not rows_a or not rows_b:
        return Test(0.0, 0, 1.0)
    apart = a[held] / rows_a - b[held] / rows_b
    statistic = rows_a * rows_b * float(np.sum(apart * apart / totals[held]))
    return Test(statistic, degrees, float(chdtrc(degrees, statistic)))


def _neighbours(totals: Counts, least: float) -> tuple[npt.NDArray[np.intp], int]:
    """Groups of neighbours, from the left, each of at least some rows; and how many groups."""
    groups = np.empty(len(totals), dtype=np.intp)
    group, held = 0, 0.0
    for place, total in enumerate(totals.tolist()):
        groups[place] = group
        held += total
        if held >= least:
            group, held = group + 1, 0.0
    if held and group:  # what is left over at the right joins the last group
        groups[groups == group] = group - 1
    return groups, group + (1 if held and not group else 0)


def _rare(totals: Counts, least: float, first: int) -> npt.NDArray[np.intp]:
    """Groups of one bin each, from number `first` on; before them one of all sparse bins."""
    rare = totals < least
    groups = np.full(len(totals), first, dtype=np.intp)
    groups[~rare] = first + 1 + np.arange(int((~rare).sum()))
    return groups


def _joined(groups: npt.NDArray[np.intp], totals: Counts, least: float) -> npt.NDArray[np.intp]:
    """Groups without gaps in their numbers; one that is still sparse joins the smallest other."""
    joined = np.unique(groups, return_inverse=True)[1].astype(np.intp)
    held = np.bincount(joined, totals)
    if len(held) == 1 or held.min() >= least:
        return joined
    sparse, other = np.argsort(held, kind="stable")[:2]
    return _joined(np.where(joined == sparse, other, joined), totals, least)
