"""Whether more rows than usual repeat an earlier one: rows sent twice, a client stuck on one."""

from __future__ import annotations

from collections.abc import Sequence
from math import asin, sin, sqrt

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.monitoring.traffic import PAST_MIN
from fairlead.monitoring.types import Quality, Repetition
from fairlead.profiles import Repeats, buckets_of, loads_of, unpack_repeats
from fairlead.stats import Estimate, rise_p_value, share_rise, wilson
from fairlead.stats.intervals import CONFIDENCE

WHOLE_ROW = "whole row"
"""Stands for the name of a field where all of them are meant."""

DEVIATIONS = 6.0
"""By which a bucket is too full for many rows of a few copies each."""

Numbers = npt.NDArray[np.float64]


class _Copies(msgspec.Struct, frozen=True):
    """How many copies there are of different rows.

    Args:
        light: of some of them, chosen without regard to that.
        light_rows: of which those are a sample.
        heavy: of those with far more copies than others.
        whole: whether these are all that there are.
    """

    light: Numbers
    light_rows: float
    heavy: Numbers
    whole: bool


def repetition(repeats: Repeats, rows_max: float | None = None) -> Repetition | None:
    """The share of rows that repeat an earlier one.

    The expected share among fewer rows is by rarefaction: of c copies of a row among N, none is
    among n that are drawn with chance (1 - n / N)^c. Hurlbert (1971), "The nonconcept of species
    diversity".

    Args:
        repeats: of these rows.
        rows_max: how many rows to think of, if there are more.

    Returns:
        None if nothing is known of them.
    """
    if not repeats.known:
        return None
    copies = _copies(repeats)
    rows = copies.light_rows + float(copies.heavy.sum())
    drawn = min(1.0, (rows_max or rows) / rows)
    seen = 1.0 - (1.0 - drawn) ** copies.light if drawn < 1.0 else np.ones(len(copies.light))
    times = copies.light_rows / max(float(copies.light.sum()), 1.0)
    heavy = 1.0 - (1.0 - drawn) ** copies.heavy if drawn < 1.0 else np.ones(len(copies.heavy))
    different = times * float(seen.sum()) + float(heavy.sum())
    share = min(max(1.0 - different / (drawn * rows), 0.0), 1.0)
    worth = max(drawn * rows / 2.0, 1.0)
    if not copies.whole:
        worth = 1.0 / (1.0 / worth + 1.0 / max(_worth(copies, seen, drawn, share), 1.0))
    return Repetition(rows=drawn * rows, share=share, worth=worth)


def beside_reference(reference: Repeats, current: Repeats) -> Quality | None:
    """Compare with a reference, at as many rows as both have.

    For rows that have nothing to do with each other: of users who ask again and again it is no
    fair one.

    Args:
        reference: of its rows.
        current: of the window's.

    Returns:
        None if one of them is unknown.
    """
    before, now = repetition(reference), repetition(current)
    if before is None or now is None:
        return None
    rows = min(before.rows, now.rows)
    before, now = repetition(reference, rows), repetition(current, rows)
    assert before is not None
    assert now is not None
    hits, usual = now.share * now.worth, before.share * before.worth
    return _quality(
        repetition(current) or now,
        share_rise(hits, now.worth, usual, before.worth),
        rise_p_value(hits, now.worth, usual, before.worth),
        f"{before.share:.1%} of as many rows of the reference",
    )


def beside_past(current: Repeats, past: Sequence[Repetition]) -> Quality | None:
    """Compare with earlier windows like it, as of the same hour.

    Student's prediction interval of asin sqrt share, which makes the variance of a share one over
    four times the rows, wherever it lies: Anscombe (1948), "The transformation of Poisson, binomial
    and negative-binomial data". Windows vary at least as much as rows that are independent do.
    Of a window with more rows than the earlier ones as many are thought of, for among more rows
    more are alike.

    Args:
        current: of the window's rows.
        past: of earlier windows; with fewer than eight nothing is tested.

    Returns:
        None if nothing is known of the window.
    """
    from scipy.special import stdtr, stdtrit

    whole = repetition(current)
    if whole is None or len(past) < PAST_MIN:
        return None
    now = repetition(current, float(np.median([each.rows for each in past])))
    assert now is not None
    angles, windows = np.array([_angle(each) for each in past]), len(past)
    least = max(float(np.mean([_variance(each) for each in past])), _variance(now))
    doubt = sqrt(max(float(angles.var(ddof=1)), least) * (1.0 + 1.0 / windows))
    mean, half = float(angles.mean()), float(stdtrit(windows - 1, (1 + CONFIDENCE) / 2)) * doubt
    usual = float(np.mean([each.share for each in past]))
    low, high = (sin(min(max(end, 0.0), np.pi / 2)) ** 2 for end in (mean - half, mean + half))
    rise = now.share - usual
    return _quality(
        whole,
        Estimate(rise, min(rise, now.share - high), max(rise, now.share - low)),
        float(stdtr(windows - 1, (mean - _angle(now)) / doubt)),
        f"{usual:.1%} of earlier windows like it",
    )


def _quality(now: Repetition, rise: Estimate, p_value: float, usual: str) -> Quality:
    share = wilson(now.share * now.worth, now.worth)
    why = f"{now.share:.1%} of the rows repeat an earlier one; {usual}."
    return Quality(field=WHOLE_ROW, side="input", kind="duplicates", share=share, rise=rise,
                   p_value=p_value, adjusted_p=1.0, broken=False, why=why)  # fmt: skip


def _copies(repeats: Repeats) -> _Copies:
    digests, counts = unpack_repeats(repeats)
    if not repeats.loads:
        return _Copies(counts.astype(float), float(counts.sum()), np.empty(0), whole=True)
    loads = loads_of(repeats).astype(float)
    # Most rows of a bucket, where each row comes with about as many copies as those of the sample.
    cluster = float((counts**2).sum() / counts.sum())
    usual = float(np.median(loads))
    full = loads > usual + DEVIATIONS * sqrt(max(usual, 1.0) * cluster) + DEVIATIONS / 2
    usual = float(loads[~full].mean()) if not full.all() else usual
    heavy = loads[full] - usual
    rest = counts[~full[buckets_of(digests)]]
    if not len(rest):
        rest = counts
    return _Copies(rest.astype(float), float(loads.sum() - heavy.sum()), heavy, whole=False)


def _worth(copies: _Copies, seen: Numbers, drawn: float, share: float) -> float:
    """How many independent rows tell a share as well as a sample of different rows does.

    The variance of a ratio of sums over the sample, in which each different row is one draw.
    Cochran (1977), "Sampling techniques", section 6.3.
    """
    per_row = float(seen.sum() / copies.light.sum())
    left = seen - per_row * copies.light
    spread = float(left.var(ddof=1)) / (len(left) * float(copies.light.mean()) ** 2 * drawn**2)
    most = float(copies.light.sum())
    return min(share * (1.0 - share) / spread, most) if spread > 0.0 and share > 0.0 else most


def _angle(one: Repetition) -> float:
    return asin(sqrt((one.share * one.worth + 0.375) / (one.worth + 0.75)))


def _variance(one: Repetition) -> float:
    return 1.0 / (4.0 * one.worth + 2.0)
