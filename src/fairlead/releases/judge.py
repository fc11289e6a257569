"""How the guards of a release stand, from what was seen: proven broken, proven kept, or neither.

All that is proven here is proven for every look together: however often a release is looked at,
a good version is rolled back with a chance of at most the plan's alpha.
"""

from __future__ import annotations

from math import log

from fairlead.releases.types import Evidence, Guard, Plan, Standing, Verdict
from fairlead.stats import wilson
from fairlead.stats.beta_mixture import log_beta_mixture
from fairlead.stats.failures import failure_evidence
from fairlead.stats.outlook import failures_needed

CONCENTRATION = 20.0
RATE_MAX = 0.5


def judge(plan: Plan, evidence: Evidence, share: float) -> tuple[Verdict, ...]:
    """How each guard of a plan stands.

    Args:
        plan: whose guards.
        evidence: of the whole release.
        share: the candidate's of the traffic now; 1 once it answers everything.

    Example:
        >>> from fairlead.releases.types import Guard
        >>> from fairlead.stats.failures import count_failures, Failures
        >>> plan = Plan(guards=(Guard("failures", 1.25),))
        >>> seen = Evidence(candidate=500, control=9_500,
        ...                 failures=count_failures(Failures(), 0.05, candidate=15, control=95))
        >>> [verdict.standing for verdict in judge(plan, seen, 0.05)]
        ['worse']
    """
    alpha = plan.alpha / max(1, len(plan.guards))
    return tuple(_verdict(guard, evidence, share, alpha) for guard in plan.guards)


def _verdict(guard: Guard, evidence: Evidence, share: float, alpha: float) -> Verdict:
    if share >= 1:
        worse, kept, needed = _since(guard, evidence), 0.0, None
    else:
        worse, kept = _beside(guard, evidence)
        needed = _needed(guard, evidence, share, alpha)
    standing: Standing = "unknown"
    if worse >= log(1 / alpha):
        standing = "worse"
    elif kept >= log(1 / alpha):
        standing = "no worse"
    return Verdict(
        guard=guard.name,
        ratio=guard.ratio,
        standing=standing,
        log_worse=worse,
        log_kept=kept,
        needed=needed if standing == "unknown" else None,
        seen=_seen(evidence),
    )


def _beside(guard: Guard, evidence: Evidence) -> tuple[float, float]:
    """Evidence from concurrent traffic, that a guard is broken and that it is kept."""
    worse, kept = (
        failure_evidence(evidence.failures, ratio=guard.ratio, side=side)
        for side in ("above", "below")
    )
    return worse, kept


def _since(guard: Guard, evidence: Evidence) -> float:
    """Evidence that a version which answers everything fails more than what was before it.

    Nothing else answers at the same time, so it is held against the most that the share of
    failures before may have been; a change of the times between is taken for the version's.
    """
    past, now = evidence.past, evidence.alone
    if not past.requests or not now.requests:
        return 0.0
    most = wilson(past.failed, past.requests).high * guard.ratio
    return float(
        log_beta_mixture(
            now.failed,
            now.requests - now.failed,
            min(most, RATE_MAX),
            concentration=CONCENTRATION,
            side="above",
        )
    )


def _needed(guard: Guard, evidence: Evidence, share: float, alpha: float) -> int | None:
    """About how many more requests to the candidate until something is proven."""
    failed = sum(step.candidate + step.control for step in evidence.failures.steps)
    requests = evidence.candidate + evidence.control
    if not failed or not 0 < share < 1:
        return None
    more = failures_needed(evidence.failures, share, ratio=guard.ratio, alpha=alpha)
    return None if more is None else round(more * requests / failed * share)


def _seen(evidence: Evidence) -> dict[str, float]:
    steps = evidence.failures.steps
    return {
        "candidate_requests": evidence.candidate,
        "candidate_failed": sum(step.candidate for step in steps) + evidence.alone.failed,
        "control_requests": evidence.control,
        "control_failed": sum(step.control for step in steps),
    }
