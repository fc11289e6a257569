"""Shadows, thousands at once, looked at again and again: how often a guard of answers is wrong.

As with outcomes, what a look finds is reckoned for all shadows together, and the platform's own
judgement counts where that reaches the threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

import numpy as np

from fairlead.releases import Guard
from fairlead.releases.shadow.comparison import EXPECTED_ROWS, Agreement, Comparison
from fairlead.releases.shadow.differ import judge_answers
from fairlead.stats import log_beta_mixture, log_normal_mixture, tuned_concentration, tuned_rho

LOOKS, ROWS = 100, 100
ANSWERS = (-50.0, 50.0)
"""Between which numbers are answered."""
NEAR = 0.1
"""By so much evidence may be reckoned too low here."""

Array = Any


def disagreeing(chance: float, most: float, runs: int, alpha: float) -> dict[str, float]:
    """Of shadows that disagree on a share of the rows, how many are found worse, and kept."""
    random = np.random.default_rng(5)
    apart = random.binomial(ROWS, chance, (LOOKS, runs)).cumsum(axis=0)
    rows = np.arange(1, LOOKS + 1)[:, None] * ROWS
    told = {
        name: _share_evidence(apart, rows, most, side)
        for name, side in (("worse", "above"), ("no_worse", "below"))
    }
    return _found(
        told,
        Guard("disagreement", most, kind="value"),
        alpha,
        lambda look, run: Comparison(whole=Agreement(int(rows[look, 0]), int(apart[look, run]))),
    )


def differing(mean: float, most: float, runs: int, alpha: float) -> dict[str, float]:
    """Likewise of numbers, whose absolute differences are lognormal with a mean."""
    random = np.random.default_rng(6)
    total, squares = np.empty((LOOKS, runs)), np.empty((LOOKS, runs))
    for run in range(runs):
        far = random.lognormal(log(mean) - 0.5, 1.0, (LOOKS, ROWS))
        total[:, run], squares[:, run] = (each.sum(axis=1).cumsum() for each in (far, far * far))
    rows = np.arange(1, LOOKS + 1)[:, None] * ROWS
    of_row = squares / rows - (total / rows) ** 2 + most**2 / rows
    prior = tuned_rho(EXPECTED_ROWS, sides=1) ** 2 * of_row
    widest = ANSWERS[1] - ANSWERS[0]
    told = {
        "worse": log_normal_mixture(total / rows - most, of_row / rows, prior, side="above"),
        "no_worse": _share_evidence(total / widest, rows, most / widest, "below"),
    }
    return _found(
        told,
        Guard("difference", most, kind="value"),
        alpha,
        lambda look, run: _numbers(int(rows[look, 0]), total[look, run], squares[look, run]),
    )


def _numbers(rows: int, total: float, squares: float) -> Comparison:
    whole = Agreement(rows, rows, float(total), float(squares))
    return Comparison(numeric=True, whole=whole, span=ANSWERS)


def _share_evidence(hits: Array, rows: Array, null: float, side: Any) -> Array:
    concentration = tuned_concentration(EXPECTED_ROWS)
    return log_beta_mixture(hits, rows - hits, null, concentration=concentration, side=side)


def _found(
    told: dict[str, Array], guard: Guard, alpha: float, at: Callable[[int, int], Comparison]
) -> dict[str, float]:
    found = {}
    for name, evidence in told.items():
        reached = evidence >= log(1.0 / alpha) - NEAR
        runs = np.flatnonzero(reached.any(axis=0))
        said = [
            any(
                judge_answers(guard, at(int(look), int(run)), alpha).verdict.finding == name
                for look in np.flatnonzero(reached[:, run])
            )
            for run in runs
        ]
        found["kept" if name == "no_worse" else name] = sum(said) / evidence.shape[1]
    return found
