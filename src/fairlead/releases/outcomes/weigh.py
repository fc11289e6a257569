"""How a metric of the candidate's units compares with that of the stable version's.

Both arms are taken to vary as much as the one that varies more: an arm that has not met its rare
large values yet knows neither its mean nor its variance. With 5 % of the traffic in the candidate,
a hundred looks and amounts that vary as sales do, its own variance takes a good version back in 12
to 33 of 100 cases; the larger one in less than 1.
"""

from __future__ import annotations

from math import exp, log

from msgspec.structs import replace

from fairlead.errors import ConfigError
from fairlead.releases.outcomes.metrics import Beside, Metric, Seen
from fairlead.releases.types import Guard
from fairlead.stats import (
    Contrast,
    Measure,
    Moments,
    adjust,
    difference,
    log_normal_mixture,
    measure,
    merge_moments,
    tuned_rho,
)
from fairlead.stats.beta_mixture import Side

TUNED_UNITS = 5_000
"""At which the evidence on a guard is strongest."""

EVENTS_MIN = 20
"""In the smaller arm, as many as both together let expect there: with fewer nothing is told."""

MORE_MAX = 1e4


def measures(metric: Metric, beside: Beside, *, known: bool = False) -> tuple[Measure, Measure]:
    """A metric of both arms of a step, the stable version's first.

    Args:
        metric: which.
        beside: the sums of its units.
        known: whether to free it from what is known of the units before (CUPED); then only the
            difference has a meaning.

    Raises:
        ConfigError: it is not defined: of less than two units, or over 0.
    """
    place, both = metric.place, merge_moments(beside.control, beside.candidate)
    if known:
        control, candidate = adjust(
            beside.control, beside.candidate, columns=place, covariate=metric.known
        )
    else:
        control, candidate = (measure(arm, place) for arm in (beside.control, beside.candidate))
    variance = max(control.variance, candidate.variance) or measure(both, place).variance
    events = _events(metric, both, min(control.units, candidate.units))
    return (
        replace(control, variance=variance, events=events),
        replace(candidate, variance=variance, events=events),
    )


def broken_and_kept(guard: Guard, seen: Seen, alpha: float) -> tuple[float, float]:
    """Evidence that a guard is broken, and that it is kept, over all steps.

    Of each step it is that of `log_normal_mixture` for the difference from what the guard allows;
    units of different steps are different ones, so that logarithms add up.

    Args:
        guard: of a metric.
        seen: of that metric.
        alpha: chance of error of either.

    Returns:
        Natural logs.
    """
    found = _all_beyond(guard, seen)
    worse: Side = "below" if guard.at_least else "above"
    kept: Side = "above" if guard.at_least else "below"
    return _evidence(found, alpha, worse), _evidence(found, alpha, kept)


def units_more(guard: Guard, seen: Seen, alpha: float) -> float | None:
    """About how many more of the candidate's units it takes until something is proven.

    Args:
        guard: of a metric.
        seen: of that metric.
        alpha: chance of error.

    Returns:
        None where nobody knows.
    """
    found = _all_beyond(guard, seen)
    if not found:
        return None
    return _needed(found, alpha, sum(step.candidate.units for step in seen.steps))


def _all_beyond(guard: Guard, seen: Seen) -> list[Contrast]:
    return [one for step in seen.steps if (one := _beyond(guard, step)) is not None]


def _beyond(guard: Guard, beside: Beside) -> Contrast | None:
    """The candidate's value less what the guard allows; None while it tells nothing."""
    assert guard.metric is not None
    try:
        control, candidate = measures(guard.metric, beside)
        if guard.kind == "difference":
            beyond = difference(control, candidate)
            beyond = replace(beyond, value=beyond.value - guard.bound)
        elif control.value > 0.0:
            beyond = difference(_times(control, guard.bound), candidate)
        else:
            return None
    except ConfigError:
        return None
    return beyond if beyond.events >= EVENTS_MIN and beyond.standard_error > 0.0 else None


def _times(of: Measure, factor: float) -> Measure:
    return replace(of, value=factor * of.value, variance=factor * factor * of.variance)


def _evidence(found: list[Contrast], alpha: float, side: Side, times: float = 1.0) -> float:
    """Of all steps, if each had so many times its units."""
    rho = tuned_rho(TUNED_UNITS, alpha=alpha, sides=1)
    total = 0.0
    for one in found:
        variance = one.standard_error**2
        prior = rho * rho * one.units * variance
        total += float(log_normal_mixture(one.value, variance / times, prior, side=side))
    return total


def _needed(found: list[Contrast], alpha: float, units: int) -> float | None:
    """About how many more units of the candidate, should the difference stay as it is."""
    low, high = 1.0, MORE_MAX
    enough = log(1.0 / alpha)

    def proven(times: float) -> bool:
        return any(_evidence(found, alpha, side, times) >= enough for side in ("above", "below"))

    if proven(low):
        return 0.0
    if not proven(high):
        return None
    while high / low > 1.01:
        middle = exp((log(low) + log(high)) / 2.0)
        low, high = (low, middle) if proven(middle) else (middle, high)
    return units * (high - 1.0)


def _events(metric: Metric, both: Moments, units: int) -> int:
    """How many units that carry what is counted the smaller arm is to have, were both alike."""
    rare = both.nonzero[metric.place[0]]
    if metric.other is not None:
        rare = min(rare, both.nonzero[metric.other])
    return int(rare * units / both.units)
