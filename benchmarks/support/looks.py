"""Releases by outcomes, thousands at once: units of both arms, looked at again and again.

What a look finds is reckoned for all releases together, and where that reaches the threshold for
the first time the platform's own functions are asked: they alone count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from fairlead.releases import Plan
from fairlead.releases.judge import alpha_of
from fairlead.releases.outcomes.experiment import TUNED_UNITS as TUNED_GOAL
from fairlead.releases.outcomes.experiment import stand
from fairlead.releases.outcomes.metrics import Beside, Metric, Outcomes, Seen
from fairlead.releases.outcomes.weigh import EVENTS_MIN, TUNED_UNITS, broken_and_kept
from fairlead.stats import Moments, half_width, log_normal_mixture, tuned_rho

Real = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Draw = Callable[[np.random.Generator, tuple[int, int], float], tuple[Real, Real]]

LOOKS = 100
CHUNK = 500
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Case:
    """What units are worth, and how they are split.

    Args:
        metric: of them.
        draw: above and below of units, shape (units, releases), of an arm with so much more.
        units: of both arms that come between two looks.
        share: the candidate's of them.
    """

    metric: Metric
    draw: Draw
    units: int
    share: float


@dataclass(frozen=True, slots=True)
class Table:
    """Sums of one arm at every look, each of shape (looks, releases).

    Args:
        units: so far, shape (looks, 1).
        sums: of above, below, their squares and their product, shape (5, looks, releases).
        nonzero: units with something above.
        other: units that are not all of a share.
    """

    units: Real
    sums: Real
    nonzero: Real
    other: Real


def reached(case: Case, plan: Plan, more: float, runs: int, seed: int) -> dict[str, Real]:
    """At how many units each release reaches each finding; infinity where it never does.

    Args:
        case: what is drawn.
        plan: with a goal, or one guard, of the metric.
        more: the candidate's, of what units are worth: 1.1 for a tenth more.
        runs: releases.
        seed: of what is drawn.

    Returns:
        By finding: `worse` and `better` of a goal, `worse` and `kept` of a guard.
    """
    random = np.random.default_rng(seed)
    parts = [
        _chunk(case, plan, more, min(CHUNK, runs - start), random)
        for start in range(0, runs, CHUNK)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _chunk(
    case: Case, plan: Plan, more: float, runs: int, random: np.random.Generator
) -> dict[str, Real]:
    ours = round(case.units * case.share)
    control = _table(case, case.units - ours, 1.0, runs, random)
    candidate = _table(case, ours, more, runs, random)
    look = _by_goal if plan.goal is not None else _by_guard
    found = {}
    for name, crossed in look(case, plan, control, candidate).items():
        at = np.full(runs, np.inf)
        for run in np.flatnonzero(crossed.any(axis=0)):
            first = int(crossed[:, run].argmax())
            if name in _says(case, plan, control, candidate, first, int(run)):
                at[run] = control.units[first, 0] + candidate.units[first, 0]
        found[name] = at
    return found


def _table(case: Case, units: int, more: float, runs: int, random: np.random.Generator) -> Table:
    sums, nonzero, other = [], [], []
    for _ in range(LOOKS):
        above, below = case.draw(random, (units, runs), more)
        columns = (above, below, above * above, below * below, above * below)
        sums.append([column.sum(axis=0) for column in columns])
        nonzero.append(np.count_nonzero(above, axis=0))
        other.append(np.count_nonzero(below - above, axis=0))
    many = np.arange(1, LOOKS + 1, dtype=np.float64)[:, None] * units
    grown = np.cumsum(np.array(sums), axis=0).transpose(1, 0, 2)
    return Table(many, grown, np.cumsum(nonzero, axis=0), np.cumsum(other, axis=0))


def _measure(case: Case, table: Table) -> tuple[Real, Real]:
    above, below, squares, squares_below, products = table.sums
    n = table.units
    if case.metric.per_unit:
        value, scale = above / n, np.ones_like(above)
        apart = squares - n * value**2
    else:
        value, scale = above / below, below / n
        apart = squares - 2 * value * products + value**2 * squares_below
    return value, apart / (n - 1) / scale**2


def _both(case: Case, control: Table, candidate: Table) -> tuple[Real, Real, Real, Flags]:
    """Both values, the larger variance, and whether there are enough events."""
    theirs, theirs_variance = _measure(case, control)
    ours, ours_variance = _measure(case, candidate)
    both = control.units + candidate.units
    rare = control.nonzero + candidate.nonzero
    if case.metric.other is not None:
        rare = np.minimum(rare, control.other + candidate.other)
    events = rare * np.minimum(control.units, candidate.units) // both
    return theirs, ours, np.maximum(theirs_variance, ours_variance), events >= EVENTS_MIN


def _by_guard(case: Case, plan: Plan, control: Table, candidate: Table) -> dict[str, Flags]:
    (guard,), alpha = plan.guards, alpha_of(plan)
    theirs, ours, variance, told = _both(case, control, candidate)
    if guard.kind == "difference":
        apart, error = ours - theirs - guard.bound, 1 / control.units + 1 / candidate.units
    else:
        apart = ours - guard.bound * theirs
        error = guard.bound**2 / control.units + 1 / candidate.units
    squared = np.where(variance > 0, variance, 1.0) * error
    prior = tuned_rho(TUNED_UNITS, alpha=alpha, sides=1) ** 2 * squared
    prior = prior * (control.units + candidate.units)
    enough = log(1 / alpha) - ROUNDING
    below, above = (
        told & (variance > 0) & (log_normal_mixture(apart, squared, prior, side=side) >= enough)
        for side in ("below", "above")
    )
    return {"worse": below, "kept": above} if guard.at_least else {"worse": above, "kept": below}


def _by_goal(case: Case, plan: Plan, control: Table, candidate: Table) -> dict[str, Flags]:
    goal = plan.goal
    assert goal is not None
    theirs, ours, variance, told = _both(case, control, candidate)
    units = control.units + candidate.units
    of_unit = variance * (1 / control.units + 1 / candidate.units) * units
    rho = tuned_rho(goal.units or TUNED_GOAL, alpha=plan.alpha)
    half = half_width(of_unit, units + 0 * of_unit, rho, alpha=plan.alpha) - ROUNDING
    told = told & (variance > 0)
    above, below = told & (ours - theirs > half), told & (theirs - ours > half)
    return {"better": above, "worse": below} if goal.higher else {"better": below, "worse": above}


def _says(
    case: Case, plan: Plan, control: Table, candidate: Table, look: int, run: int
) -> set[str]:
    """What the platform finds at one look of one release."""
    beside = Beside(_moments(case, control, look, run), _moments(case, candidate, look, run))
    seen = Seen((beside,))
    if plan.goal is not None:
        return {stand(plan, Outcomes(metrics={plan.goal.name: seen})).found}
    (guard,), alpha = plan.guards, alpha_of(plan)
    worse, kept = broken_and_kept(guard, seen, alpha)
    both = {"worse": worse, "kept": kept}
    return {name for name, evidence in both.items() if evidence >= log(1 / alpha)}


def _moments(case: Case, table: Table, look: int, run: int) -> Moments:
    above, below, squares, squares_below, products = table.sums[:, look, run]
    n, nonzero, other = table.units[look, 0], table.nonzero[look, run], table.other[look, run]
    means, raw = [above / n], [[squares]]
    if not case.metric.per_unit:
        means, raw = [above / n, below / n], [[squares, products], [products, squares_below]]
    apart = np.array(raw) - n * np.outer(means, means)
    many = [int(nonzero), int(n)][: len(means)]
    if case.metric.other is not None:  # the sums of what a share leaves are read by none
        wide = np.zeros((len(means) + 1, len(means) + 1))
        wide[: len(means), : len(means)] = apart
        means, apart, many = [*means, 0.0], wide, [*many, int(other)]
    return Moments(int(n), tuple(map(float, means)), tuple(apart.ravel().tolist()), tuple(many))
