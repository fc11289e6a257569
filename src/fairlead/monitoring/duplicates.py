"""Whether more rows than usual repeat an earlier one: rows sent twice, a client stuck on one."""

from __future__ import annotations

from collections.abc import Sequence
from math import asin, exp, log, pi, sin, sqrt

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from fairlead.monitoring.traffic import PAST_MIN
from fairlead.monitoring.types import Quality, Repetition
from fairlead.profiles import Repeats, buckets_of, loads_of, unpack_repeats
from fairlead.stats import Estimate, rise_p_value, share_rise
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
    """

    light: Numbers
    light_rows: float
    heavy: Numbers


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
    seen, heavy = (_seen(each, drawn) for each in (copies.light, copies.heavy))
    times = copies.light_rows / float(copies.light.sum())
    different = times * float(seen.sum()) + float(heavy.sum())
    share = min(max(1.0 - different / (drawn * rows), 0.0), 1.0)
    most = float(max(copies.light.max(), copies.heavy.max(initial=0.0)))
    return Repetition(
        rows=drawn * rows,
        share=share,
        worth=max(1.0 / (1.0 / (drawn * rows) + _doubt(copies, seen, drawn, share)), 1.0),
        most=max(most - 1.0, 0.0) / rows,
    )


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
    found = []
    for ours, theirs in zip(_shares(now), _shares(before), strict=True):
        hits = ours[0] * ours[1], ours[1], theirs[0] * theirs[1], theirs[1]
        found.append(_Risen(ours[0], theirs[0], share_rise(*hits), rise_p_value(*hits)))
    return _quality(found, "of as many rows of the reference")


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
    if len(past) < PAST_MIN:
        return None
    now = repetition(current, float(np.median([each.rows for each in past])))
    if now is None:
        return None
    shares = zip(*map(_shares, past), strict=True)
    of_all, most = (
        _risen(*ours, list(usual)) for ours, usual in zip(_shares(now), shares, strict=True)
    )
    p_value = max(most.p_value, _by_logs(now, past))
    return _quality([of_all, replace(most, p_value=p_value)], "of earlier windows like it")


class _Risen(msgspec.Struct, frozen=True):
    """A share beside a usual one."""

    share: float
    usual: float
    rise: Estimate
    p_value: float


def _shares(one: Repetition) -> tuple[tuple[float, float], tuple[float, float]]:
    """Rows that repeat an earlier one, and those that repeat one and the same; and their worth.

    Many rows of a few copies show in the first; one row with many, which among others that repeat
    is little more than their chance, in the second.
    """
    return (one.share, one.worth), (one.most, one.rows)


def _risen(share: float, worth: float, past: Sequence[tuple[float, float]]) -> _Risen:
    from scipy.special import stdtrit

    angles, windows = np.array([_angle(*each) for each in past]), len(past)
    least = max(float(np.mean([_variance(each) for _, each in past])), _variance(worth))
    mean, variance = float(angles.mean()), max(float(angles.var(ddof=1)), least)
    times = float(stdtrit(windows - 1, (1.0 + CONFIDENCE) / 2.0))
    half = times * sqrt(variance * (1.0 + 1.0 / windows))
    low, high = (sin(min(max(end, 0.0), pi / 2)) ** 2 for end in (mean - half, mean + half))
    usual = float(np.mean([each for each, _ in past]))
    rise = share - usual
    return _Risen(
        share,
        usual,
        Estimate(rise, min(rise, share - high), max(rise, share - low)),
        _beyond(_angle(share, worth), mean, variance, windows),
    )


def _by_logs(now: Repetition, past: Sequence[Repetition]) -> float:
    """The p-value of the copies of one row by their logarithm.

    The largest of many counts has a longer tail than a share: some users ask very often.
    """
    logs = np.log([2.0 + each.most * each.rows for each in past])
    mean = float(logs.mean())
    variance = max(float(logs.var(ddof=1)), exp(-mean))
    return _beyond(log(2.0 + now.most * now.rows), mean, variance, len(past))


def _beyond(value: float, mean: float, variance: float, windows: int) -> float:
    """Chance of a larger one, by Student's distribution."""
    from scipy.special import stdtr

    return float(stdtr(windows - 1, (mean - value) / sqrt(variance * (1.0 + 1.0 / windows))))


def _quality(found: Sequence[_Risen], of_what: str) -> Quality:
    """Of the less likely of the two; its p-value is doubled for that."""
    one = min(found, key=lambda each: each.p_value)
    said = "repeat an earlier one" if one is found[0] else "repeat one and the same"
    why = f"{one.share:.1%} of the rows {said}; {one.usual:.1%} {of_what}."
    ends = (min(max(one.usual + end, 0.0), 1.0) for end in (one.rise.low, one.rise.high))
    return Quality(
        field=WHOLE_ROW,
        side="input",
        kind="duplicates",
        share=Estimate(one.share, *ends),
        rise=one.rise,
        p_value=min(1.0, 2.0 * one.p_value),
        adjusted_p=1.0,
        broken=False,
        why=why,
    )


def _copies(repeats: Repeats) -> _Copies:
    digests, counts = unpack_repeats(repeats)
    if not repeats.loads:
        return _Copies(counts.astype(float), float(counts.sum()), np.empty(0))
    loads = loads_of(repeats).astype(float)
    # Most rows of a bucket, where each row comes with about as many copies as those of the sample.
    cluster = float((counts**2).sum() / counts.sum())
    usual = float(np.median(loads))
    full = loads > usual + DEVIATIONS * sqrt(max(usual, 1.0) * cluster) + DEVIATIONS / 2
    usual = float(loads[~full].mean()) if not full.all() else usual
    heavy = loads[full] - usual
    rest = counts[~full[buckets_of(digests)]]
    if not len(rest):  # of rows that were made to fill a bucket
        return _Copies(counts.astype(float), float(loads.sum()), np.empty(0))
    left = max(float(loads.sum() - heavy.sum()), float(rest.sum()))
    return _Copies(rest.astype(float), left, heavy)


def _seen(copies: Numbers, drawn: float) -> Numbers:
    """Chance of each row to be among a share of all that is drawn."""
    return 1.0 - (1.0 - drawn) ** copies if drawn < 1.0 else np.ones(len(copies))


def _doubt(copies: _Copies, seen: Numbers, drawn: float, share: float) -> float:
    """What a sample of different rows adds: one over the independent rows that tell as much.

    The variance of a ratio of sums over the sample, in which each different row is one draw, less
    the share of all that is in it. Cochran (1977), "Sampling techniques", section 6.3.
    """
    light = copies.light
    left = 1.0 - float(light.sum()) / copies.light_rows
    if left <= 0.0:
        return 0.0
    apart = seen - float(seen.sum() / light.sum()) * light
    spread = float(apart.var(ddof=1)) / (len(light) * float(light.mean()) ** 2 * drawn**2)
    even = share * (1.0 - share)
    return left * max(spread / even if even else 0.0, 1.0 / float(light.sum()))


def _angle(share: float, worth: float) -> float:
    return asin(sqrt((share * worth + 0.375) / (worth + 0.75)))


def _variance(worth: float) -> float:
    return 1.0 / (4.0 * worth + 2.0)
