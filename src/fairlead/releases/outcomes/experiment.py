"""How an experiment stands: whether its goal is proven better, or worse, or neither yet."""

from __future__ import annotations

from math import isfinite

from msgspec.structs import replace

from fairlead.errors import ConfigError
from fairlead.releases.outcomes.metrics import Beside, Goal, Outcomes
from fairlead.releases.outcomes.standing import Found, Standing
from fairlead.releases.outcomes.weigh import EVENTS_MIN, measures
from fairlead.releases.types import Plan
from fairlead.stats import (
    Contrast,
    Estimate,
    Measure,
    asymptotic_sequence,
    difference,
    half_width,
    lift,
    split_evidence,
    t_interval,
    tuned_rho,
    units_needed,
)
from fairlead.stats.intervals import normal_quantile

TUNED_UNITS = 10_000
"""At which the interval is narrowest where no number of units is planned."""


def stand(plan: Plan, outcomes: Outcomes) -> Standing:
    """How the experiment of a plan stands.

    With `peek` by confidence sequences, that hold at every look; without it by Student's interval,
    which is told from the planned number of units on and not before.

    Args:
        plan: with a goal.
        outcomes: of the release.
    """
    goal = plan.goal
    assert goal is not None
    seen = outcomes.metrics.get(goal.name)
    mismatch = split_evidence(outcomes.split)
    steps = [step for step in (seen.steps if seen else ()) if step.candidate.units]
    blank = Standing(log_mismatch=mismatch, planned=goal.units)
    if not steps:
        return blank
    beside = steps[-1]  # an experiment has one share
    units = beside.control.units + beside.candidate.units
    told = replace(blank, units=units)
    if not goal.peek and not told.is_complete:
        return replace(told, needed=float(goal.units - units))
    try:
        return _measured(goal, beside, told, plan.alpha)
    except ConfigError:
        return told


def _measured(goal: Goal, beside: Beside, told: Standing, alpha: float) -> Standing:
    control, candidate = measures(goal.metric, beside)
    ours, theirs, explained = _known(goal, beside, candidate, control)
    contrast = difference(theirs, ours)
    interval = _interval(goal, contrast, alpha)
    return replace(
        told,
        found=_found(goal, interval),
        control=_alone(goal, control, alpha),
        candidate=_alone(goal, candidate, alpha),
        difference=interval,
        ratio=_ratio(goal, control, contrast, theirs, alpha),
        explained=explained,
        needed=units_needed(contrast, interval, 0.0, more_is_worse=not goal.higher),
    )


def power_reached(plan: Plan, outcomes: Outcomes) -> float | None:
    """Chance that a look at these units proves the least difference worth finding, were it true.

    Phi((d - h) / SE), where h is half the interval's width.

    Args:
        plan: with a goal.
        outcomes: of the release.

    Returns:
        None while nothing is known of how the goal varies.
    """
    from scipy.special import ndtr

    goal = plan.goal
    assert goal is not None
    seen = outcomes.metrics.get(goal.name)
    steps = [step for step in (seen.steps if seen else ()) if step.candidate.units]
    if not steps:
        return None
    try:
        control, candidate = measures(goal.metric, steps[-1])
    except ConfigError:
        return None
    ours, theirs, _ = _known(goal, steps[-1], candidate, control)
    contrast = difference(theirs, ours)
    interval = _interval(goal, contrast, plan.alpha)
    if not isfinite(interval.high - interval.low) or not contrast.standard_error:
        return None
    apart, half = goal.mde * abs(control.value), (interval.high - interval.low) / 2.0
    return float(ndtr((apart - half) / contrast.standard_error))


def _known(
    goal: Goal, beside: Beside, candidate: Measure, control: Measure
) -> tuple[Measure, Measure, float | None]:
    """Both arms less what is known of their units before, where anything is."""
    if not goal.before_us:
        return candidate, control, None
    try:
        theirs, ours = measures(goal.metric, beside, known=True)
    except ConfigError:
        return candidate, control, None
    explained = 1.0 - ours.variance / candidate.variance if candidate.variance else 0.0
    return ours, theirs, explained


def _found(goal: Goal, interval: Estimate) -> Found:
    if interval.low > 0.0:
        return "better" if goal.higher else "worse"
    if interval.high < 0.0:
        return "worse" if goal.higher else "better"
    return "unknown"


def _interval(goal: Goal, contrast: Contrast, alpha: float) -> Estimate:
    if not goal.peek:
        return t_interval(contrast, confidence=1.0 - alpha)
    return asymptotic_sequence(
        contrast, _rho(goal, alpha), confidence=1.0 - alpha, events_min=EVENTS_MIN
    )


def _alone(goal: Goal, of: Measure, alpha: float) -> Estimate:
    if goal.peek:
        half = float(half_width(of.variance, of.units, _rho(goal, alpha), alpha=alpha))
    else:
        half = normal_quantile(1.0 - alpha) * (of.variance / of.units) ** 0.5
    return Estimate(of.value, of.value - half, of.value + half)


def _ratio(
    goal: Goal, control: Measure, contrast: Contrast, theirs: Measure, alpha: float
) -> Estimate | None:
    """The lift; None over 0, or what is too near to it."""
    moved = replace(theirs, value=control.value)
    ours = replace(
        theirs, value=control.value + contrast.value, units=contrast.units - theirs.units
    )
    try:
        return _interval(goal, lift(moved, ours), alpha)
    except ConfigError:
        return None


def _rho(goal: Goal, alpha: float) -> float:
    return tuned_rho(goal.units or TUNED_UNITS, alpha=alpha)


def in_words(goal: Goal, standing: Standing, version: str) -> str:
    """How an experiment stands, in words and numbers.

    Args:
        goal: of it.
        standing: see `stand`.
        version: the candidate's name.
    """
    if standing.is_mismatched:
        return (
            f"Units are not split as the route says, by a chance of less than one in a thousand: "
            f"nothing can be said of {goal.name}."
        )
    control, candidate, apart = standing.control, standing.candidate, standing.difference
    if control is None or candidate is None or apart is None:
        known = "known" if goal.peek else "told"
        return f"Nothing is {known} of {goal.name} yet, of {standing.units} units."
    found = {
        "better": f"{version} is proven better",
        "worse": f"{version} is proven worse",
        "unknown": "It is not proven that either version is better",
    }[standing.found]
    return (
        f"{found}: {goal.name} is {candidate.value:.4g} beside {control.value:.4g}, a difference "
        f"of {apart.value:.3g} ({apart.low:.3g} to {apart.high:.3g}), of {standing.units} units."
    )
