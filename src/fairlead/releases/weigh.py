"""The evidence on a guard: that it is broken, and that it is kept, as logs of e-values."""

from __future__ import annotations

from fairlead.releases.latency import EDGES_US, histogram
from fairlead.releases.outcomes.metrics import Seen
from fairlead.releases.outcomes.weigh import broken_and_kept
from fairlead.releases.shadow.differ import weigh_answers
from fairlead.releases.types import Evidence, Guard
from fairlead.releases.weights import CANDIDATE, CONTROL
from fairlead.stats import (
    failure_evidence,
    log_beta_mixture,
    log_quantile_evidence,
    wilson,
)

CONCENTRATION = 20.0
RATE_MAX = 0.5
PAST_CONFIDENCE = 0.99
BESIDE, ALONE = 0.8, 0.2
"""Of the chance of error of failures: beside the stable version, and once nothing else answers.

Most is found beside it; halves would cost every fourth candidate request more.
"""
QUANTILES: dict[str, float] = {"latency_p95": 0.95, "latency_p99": 0.99}


def weigh(guard: Guard, evidence: Evidence, share: float, alpha: float) -> tuple[float, float]:
    """Evidence that a guard is broken, and that it is kept.

    Args:
        guard: which.
        evidence: of the whole release.
        share: the candidate's of the traffic now; 1 once it answers everything.
        alpha: chance of error, see `chance`.

    Returns:
        Natural logs; ln(1 / alpha) or more is proof.
    """
    if guard.kind == "value":
        return weigh_answers(guard, evidence.compared)
    if guard.metric is not None:
        return broken_and_kept(guard, evidence.outcomes.metrics.get(guard.name, Seen()), alpha)
    if guard.name in QUANTILES:
        return _slower(guard, evidence)
    if share >= 1:
        return _since(guard, evidence), 0.0
    above = failure_evidence(evidence.failures, ratio=guard.bound, side="above")
    return above, failure_evidence(evidence.failures, ratio=guard.bound, side="below")


def chance(guard: Guard, share: float, alpha: float) -> float:
    """The part of a guard's chance of error that counts at a share of the traffic."""
    if guard.name != "failures":
        return alpha
    return alpha * (ALONE if share >= 1 else BESIDE)


def past_rate(requests: int, failed: int) -> float:
    """The most that the share of failing units may have been before, with hardly a doubt."""
    return wilson(failed, requests, confidence=PAST_CONFIDENCE).high


def _slower(guard: Guard, evidence: Evidence) -> tuple[float, float]:
    """Evidence that the quantile of the times is too large, and that it is not."""
    theirs, ours = (histogram(evidence.latency.get(arm, {})) for arm in (CONTROL, CANDIDATE))
    if not theirs.any() or not ours.any():
        return 0.0, 0.0
    share, ratio = QUANTILES[guard.name], guard.bound
    worse = log_quantile_evidence(theirs, ours, EDGES_US, share, ratio=ratio)
    kept = log_quantile_evidence(ours, theirs, EDGES_US, share, ratio=1 / ratio)
    return float(worse), float(kept)


def _since(guard: Guard, evidence: Evidence) -> float:
    """Evidence that a version which answers everything fails more than what was before it.

    Nothing else answers at the same time, so it is held against the most that the share of
    failures before may have been; a change of the times between is taken for the version's.
    """
    past, now = evidence.past, evidence.alone
    if not past.requests or not now.requests:
        return 0.0
    most = past_rate(past.requests, past.failed) * guard.bound
    return float(
        log_beta_mixture(
            now.failed,
            now.requests - now.failed,
            min(most, RATE_MAX),
            concentration=CONCENTRATION,
            side="above",
        )
    )
