"""Which of many simulated releases a look may change: only those are decided one by one.

The evidence of all is reckoned at once, and only where counts lie on the wrong side of the null:
elsewhere a one-sided mixture is at most 1. That of a quantile is the least over its places; a few
of them bound it from above, and only where those reach the threshold all have to be looked at.
"""

from __future__ import annotations

from math import log

import numpy as np
import numpy.typing as npt

from fairlead.releases.judge import alpha_of
from fairlead.releases.latency import BUCKETS, EDGES_US
from fairlead.releases.simulation.world import (
    FAILED,
    OURS,
    REQUESTS,
    THEIRS,
    Counts,
    Real,
    Whole,
    World,
)
from fairlead.releases.types import Guard, Plan
from fairlead.releases.weigh import (
    ALONE,
    BESIDE,
    CONCENTRATION,
    QUANTILES,
    RATE_MAX,
    past_rate,
)
from fairlead.stats import (
    log_beta_mixture,
    log_failure_evidence,
    tuned_concentration,
)
from fairlead.stats.beta_mixture import Side
from fairlead.stats.quantiles import TUNED_ROWS

Flags = npt.NDArray[np.bool_]

ROUNDING = 1e-6
BETWEEN = np.linspace(0.0, 1.0, 7)


class Screen:
    """Tells which guards may be proven broken, and which kept.

    Args:
        plan: of the releases.
        world: that they are in.
        before: what was counted in the hour before.
    """

    def __init__(self, plan: Plan, world: World, before: Counts) -> None:
        self._world = world
        self._enough = log(1.0 / alpha_of(plan)) - ROUNDING  # for the whole chance of a guard
        self._past = np.array(
            [
                past_rate(int(asked), int(failed)) if asked else 0.0
                for asked, failed in before.past[:, [REQUESTS, FAILED]]
            ]
        )

    def broken(self, guard: Guard, counts: Counts, runs: Whole, place: Whole) -> Flags:
        """Where a guard may be proven broken.

        Args:
            guard: which.
            counts: of all releases.
            runs: those in question.
            place: of each of those, the place of its share.
        """
        if guard.name in QUANTILES:
            ours, theirs = (counts.latency[runs, side] for side in (OURS, THEIRS))
            return self._slower(theirs, ours, QUANTILES[guard.name], guard.bound)
        beside = place < self._world.shares.size - 1
        found = np.zeros(runs.size, dtype=np.bool_)
        found[beside] = self._failing(guard, counts, runs[beside], "above")
        found[~beside] = self._alone(guard, counts, runs[~beside])
        return found

    def kept(self, guard: Guard, counts: Counts, runs: Whole) -> Flags:
        """Where a guard may be proven kept, beside the stable version."""
        if guard.name in QUANTILES:
            ours, theirs = (counts.latency[runs, side] for side in (OURS, THEIRS))
            return self._slower(ours, theirs, QUANTILES[guard.name], 1.0 / guard.bound)
        return self._failing(guard, counts, runs, "below")

    def _failing(self, guard: Guard, counts: Counts, runs: Whole, side: Side) -> Flags:
        failed, share = counts.failed[runs, :-1], self._world.shares[:-1]
        null = share * guard.bound / (share * guard.bound + 1.0 - share)
        beyond = failed[:, :, OURS] - null * failed.sum(axis=2)
        some = np.flatnonzero((beyond > 0.0 if side == "above" else beyond < 0.0).any(axis=1))
        evidence = np.zeros(runs.size)
        for step in np.flatnonzero(failed[some].any(axis=(0, 2))):
            evidence[some] += log_failure_evidence(
                failed[some, step, OURS],
                failed[some, step, THEIRS],
                float(share[step]),
                ratio=guard.bound,
                side=side,
            )
        return np.asarray(evidence >= self._enough + log(1.0 / BESIDE))

    def _alone(self, guard: Guard, counts: Counts, runs: Whole) -> Flags:
        past = self._past[runs]
        asked, failed = (c[runs, -1, OURS] for c in (counts.requests, counts.failed))
        told = (past > 0.0) & (asked > 0)
        most = np.where(told, np.minimum(past * guard.bound, RATE_MAX), RATE_MAX)
        evidence = log_beta_mixture(failed, asked - failed, most, concentration=CONCENTRATION)
        return np.asarray(told & (evidence >= self._enough + log(1.0 / ALONE)))

    def _slower(self, control: Whole, candidate: Whole, share: float, ratio: float) -> Flags:
        theirs, ours = (
            np.concatenate([np.zeros((c.shape[0], 1)), c.cumsum(axis=1)], axis=1)
            for c in (control, candidate)
        )
        last = self._quantile(ours, share)
        under = theirs[np.arange(last.size), self._edge(_under(last.astype(np.int64), ratio))]
        # Were it in this bucket, no more of the candidate's would reach beyond than may.
        slower = under > share * theirs[:, -1]
        told = np.flatnonzero((ours[:, -1] > 0) & slower)
        shift = log(ratio) / log(EDGES_US[1] / EDGES_US[0])
        first, last = self._quantile(theirs[told], share) + shift, last[told]
        for part in (0.5, *BETWEEN):
            where = np.clip(first + part * (last - first), 0, BUCKETS - 1).astype(np.int64)
            evidence = self._at(theirs[told], ours[told], where, share, ratio)
            reached = evidence >= self._enough
            told, first, last = told[reached], first[reached], last[reached]
        found = np.zeros(control.shape[0], dtype=np.bool_)
        found[told] = True
        return found

    def _quantile(self, below: Real, share: float) -> Real:
        """The bucket that holds it, of each row of counts below each edge in use."""
        place = (below[:, 1:] < share * below[:, -1:]).sum(axis=1)
        buckets = self._world.buckets
        return np.asarray(buckets[np.minimum(place, buckets.size - 1)], dtype=np.float64)

    def _at(self, theirs: Real, ours: Real, where: Whole, share: float, ratio: float) -> Real:
        """The evidence if the candidate's quantile were in one bucket: see `slowdown`."""
        concentration, rows = tuned_concentration(TUNED_ROWS), np.arange(where.size)
        below = ours[rows, self._edge(where + 1)]
        reaching = log_beta_mixture(
            ours[:, -1] - below, below, 1.0 - share, concentration=concentration
        )
        below = theirs[rows, self._edge(_under(where, ratio))]
        staying = log_beta_mixture(below, theirs[:, -1] - below, share, concentration=concentration)
        return np.asarray(reaching + staying)

    def _edge(self, edge: Whole) -> Whole:
        """How many of the buckets in use lie below an edge."""
        return np.searchsorted(self._world.buckets, edge)


def _under(where: Whole, ratio: float) -> Whole:
    """The last edge that is not above a bucket's lower one, divided by the ratio."""
    under = np.searchsorted(EDGES_US, EDGES_US[where] / ratio, side="right") - 1
    return np.maximum(under, 0)
