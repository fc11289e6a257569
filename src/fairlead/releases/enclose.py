"""Between which ends lies what a guard bounds: a confidence sequence, true at every look.

It holds all bounds that the evidence on the guard refutes in neither direction. So it says the
same as the verdict, of whatever kind the guard is: worse is proven where all of it lies beyond the
bound, no worse where none of it does.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log
from typing import Literal

import msgspec
from msgspec.structs import replace

from fairlead.errors import ConfigError
from fairlead.releases.latency import EDGES_US, histogram
from fairlead.releases.outcomes.metrics import SHARES, Seen
from fairlead.releases.outcomes.weigh import measures
from fairlead.releases.types import Evidence, Guard
from fairlead.releases.weigh import QUANTILES, chance, past_rate, weigh
from fairlead.releases.weights import CANDIDATE, CONTROL
from fairlead.stats import failure_ratio, quantile_ratio, quantile_sequence
from fairlead.stats.roots import change

NEAR, FAR = 0.05, 12.0
"""How far from the value ends are looked for, as logarithms of a ratio."""
LEAST = 1e-3

MeasuredIn = Literal["share", "seconds", "number"]
Map = Callable[[float], float]


class Enclosed(msgspec.Struct, frozen=True):
    """What a guard bounds, with the ends that are known of it.

    Args:
        candidate: the measured value of the candidate; None before there is any.
        control: that of what it is held against; None where that is the bound itself.
        value: what is bounded: their ratio, their difference, or the candidate's value.
        low: it is proven to be no less; None while nothing is.
        high: it is proven to be no more; None while nothing is.
    """

    candidate: float | None = None
    control: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None


def measured_in(guard: Guard) -> MeasuredIn:
    """What the values of both sides are."""
    if guard.name in QUANTILES:
        return "seconds"
    of_shares = guard.metric.kind in SHARES if guard.metric else guard.name != "difference"
    return "share" if of_shares else "number"


def enclose(guard: Guard, evidence: Evidence, share: float, alpha: float) -> Enclosed:
    """The ends between which lies what a guard bounds.

    Args:
        guard: which.
        evidence: of the whole release.
        share: the candidate's of the traffic now; 1 once it answers everything.
        alpha: the guard's chance of error, see `alpha_of`.

    Example:
        >>> from fairlead.stats import Failures, count_failures
        >>> seen = Evidence(candidate=500, control=9_500,
        ...                 failures=count_failures(Failures(), 0.05, candidate=17, control=95))
        >>> found = enclose(Guard("failures", 1.25), seen, 0.05, 0.05)
        >>> round(found.value, 2), round(found.low, 2), round(found.high, 2)
        (3.4, 1.48, 6.82)
    """
    own = chance(guard, share, alpha)
    if guard.name in QUANTILES:
        return _times(QUANTILES[guard.name], evidence, own)
    told = _sides(guard, evidence, share)
    start = _start(guard, evidence, share, told.value)
    if start is None:
        return told
    enough = log(1.0 / own)

    def stands(bound: float, *, above: bool) -> bool:
        """Whether it may be no more, or no less, than a bound."""
        worse, kept = weigh(replace(guard, bound=bound), evidence, share, own)
        return (worse if above != guard.at_least else kept) < enough

    to, back = _scale(guard, told)
    low = _end(lambda t: stands(back(t), above=True), to(start), -1.0)
    high = _end(lambda t: stands(back(t), above=False), to(start), 1.0)
    return replace(
        told,
        low=None if low is None else min(back(low), start),
        high=None if high is None else max(back(high), start),
    )


def _end(holds: Callable[[float], bool], start: float, towards: float) -> float | None:
    """The last place, on the way from one, that is not refuted; None if none is that near."""
    if not holds(start):
        return start
    inside, step = start, NEAR
    while step <= FAR:
        outside = start + towards * step
        if not holds(outside):
            return change(holds, inside, outside)
        inside, step = outside, 2.0 * step
    return None


def _scale(guard: Guard, told: Enclosed) -> tuple[Map, Map]:
    """Where bounds are looked for: ratios and values by their logarithm, shares by their odds."""
    if guard.kind == "difference":
        unit = max(abs(told.candidate or 0.0), abs(told.control or 0.0)) or 1.0
        return (lambda bound: bound / unit), (lambda place: place * unit)
    if guard.kind == "value" and guard.name == "disagreement":
        return (lambda bound: log(bound / (1.0 - bound))), (lambda t: 1.0 / (1.0 + exp(-t)))
    return log, exp


def _start(guard: Guard, evidence: Evidence, share: float, value: float | None) -> float | None:
    """A bound that nothing speaks against, near the value; None where nothing is known."""
    if guard.name == "failures" and share < 1:
        failed = any(step.candidate + step.control for step in evidence.failures.steps)
        return failure_ratio(evidence.failures, share or 0.5) if failed else None
    if guard.name == "failures":
        past, now = evidence.past, evidence.alone
        if not past.requests or not now.requests:
            return None
        return (now.failed + 0.5) / (now.requests + 1) / past_rate(past.requests, past.failed)
    if guard.name == "disagreement" and value is not None:
        rows = evidence.compared.whole.rows
        return (value * rows + 0.5) / (rows + 1)
    if value is None or guard.kind == "difference":
        return value
    return max(value, LEAST * guard.bound)


def _sides(guard: Guard, evidence: Evidence, share: float) -> Enclosed:
    if guard.kind == "value":
        return _answers(guard, evidence)
    if guard.metric is not None:
        return _outcomes(guard, evidence.outcomes.metrics.get(guard.name, Seen()))
    if share >= 1:
        past, now = evidence.past, evidence.alone
        return _held(_over(now.failed, now.requests), _over(past.failed, past.requests))
    steps = evidence.failures.steps
    ours = _over(sum(step.candidate for step in steps), evidence.candidate)
    theirs = _over(sum(step.control for step in steps), evidence.control)
    ratio = _over(
        sum(step.candidate * (1.0 - step.share) for step in steps),
        sum(step.control * step.share for step in steps),
    )  # through the shares, as the evidence is
    return Enclosed(ours, theirs, ratio)


def _answers(guard: Guard, evidence: Evidence) -> Enclosed:
    whole, numeric = evidence.compared.whole, guard.name == "difference"
    if evidence.compared.numeric != numeric or not whole.rows:
        return Enclosed()
    value = (whole.total if numeric else whole.apart) / whole.rows
    return Enclosed(value, None, value)


def _outcomes(guard: Guard, seen: Seen) -> Enclosed:
    """Each step counts by its units of the candidate: shares differ from step to step."""
    assert guard.metric is not None
    units, ours, theirs = 0, 0.0, 0.0
    for step in seen.steps:
        try:
            control, candidate = measures(guard.metric, step)
        except ConfigError:
            continue
        units += candidate.units
        ours += candidate.units * candidate.value
        theirs += candidate.units * control.value
    if not units:
        return Enclosed()
    ours, theirs = ours / units, theirs / units
    if guard.kind == "ratio":
        return _held(ours, theirs)
    return Enclosed(ours, theirs, ours - theirs)


def _times(of: float, evidence: Evidence, alpha: float) -> Enclosed:
    """Of a quantile, by what the evidence is made of as well."""
    ours, theirs = (histogram(evidence.latency.get(arm, {})) for arm in (CANDIDATE, CONTROL))
    took, their = (
        quantile_sequence(arm, EDGES_US, of).value / 1e6 if arm.any() else None
        for arm in (ours, theirs)
    )
    if took is None or their is None:
        return _held(took, their)
    found = quantile_ratio(theirs, ours, EDGES_US, of, confidence=1.0 - 2.0 * alpha)
    widest = float(EDGES_US[-1] / EDGES_US[0])
    return Enclosed(
        took,
        their,
        found.value,
        found.low if found.low > 1.0 / widest else None,
        found.high if found.high < widest else None,
    )


def _held(ours: float | None, theirs: float | None) -> Enclosed:
    if ours is None or theirs is None or theirs <= 0.0:
        return Enclosed(ours, theirs)
    return Enclosed(ours, theirs, ours / theirs)


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole else None
