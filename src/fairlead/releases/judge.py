"""How the guards of a release stand, from what was seen: proven broken, proven kept, or neither.

All that is proven here is proven for every look together: however often a release is looked at,
a good version is rolled back with a chance of at most the plan's alpha.
"""

from __future__ import annotations

from fairlead.releases.latency import EDGES_US, histogram
from fairlead.releases.outcomes.metrics import Seen
from fairlead.releases.outcomes.weigh import broken_and_kept
from fairlead.releases.shadow.differ import judge_answers
from fairlead.releases.types import OPEN, Evidence, Guard, Judged, Plan, Release
from fairlead.releases.weights import CANDIDATE, CONTROL
from fairlead.stats import (
    failure_evidence,
    failures_needed,
    log_beta_mixture,
    log_quantile_evidence,
    wilson,
)
from fairlead.stats import judge as verdict_of

CONCENTRATION = 20.0
RATE_MAX = 0.5
PAST_CONFIDENCE = 0.99
BESIDE, ALONE = 0.8, 0.2
"""Of the chance of error of failures: beside the stable version, and once nothing else answers.

Most is found beside it; halves would cost every fourth candidate request more.
"""
QUANTILES: dict[str, float] = {"latency_p95": 0.95, "latency_p99": 0.99}


def judge(plan: Plan, evidence: Evidence, share: float) -> tuple[Judged, ...]:
    """How each guard of a plan stands.

    Args:
        plan: whose guards.
        evidence: of the whole release.
        share: the candidate's of the traffic now; 1 once it answers everything.

    Example:
        >>> from fairlead.stats import Failures, count_failures
        >>> plan = Plan(guards=(Guard("failures", 1.25),))
        >>> seen = Evidence(candidate=500, control=9_500,
        ...                 failures=count_failures(Failures(), 0.05, candidate=17, control=95))
        >>> [one.verdict.finding for one in judge(plan, seen, 0.05)]
        ['worse']
    """
    alpha = alpha_of(plan)
    return tuple(_judged(guard, evidence, share, alpha) for guard in plan.guards)


def judged_now(release: Release, evidence: Evidence) -> tuple[Judged, ...]:
    """How a release's guards stand by what is known now; once it has ended, as they stood then."""
    if release.state not in OPEN or not release.shares:
        return release.judged
    return judge(release.plan, evidence, release.share)


def alpha_of(plan: Plan) -> float:
    """The chance of error of each guard of a plan, any of which takes a release back.

    Half of it is the goal's, if there is one, which takes back what is proven worse.
    """
    return plan.alpha / max(1, len(plan.guards)) / (2.0 if plan.goal else 1.0)


def past_rate(requests: int, failed: int) -> float:
    """The most that the share of failing units may have been before, with hardly a doubt."""
    return wilson(failed, requests, confidence=PAST_CONFIDENCE).high


def _judged(guard: Guard, evidence: Evidence, share: float, alpha: float) -> Judged:
    if guard.kind == "value":
        return judge_answers(guard, evidence.compared, alpha)
    if guard.metric is not None:
        seen = evidence.outcomes.metrics.get(guard.name, Seen())
        worse, kept, needed = broken_and_kept(guard, seen, alpha)
        verdict = verdict_of(worse, kept, alpha=alpha, needed=needed)
        return Judged(guard, verdict, _seen_outcomes(seen))
    if guard.name in QUANTILES:
        worse, kept = _slower(guard, evidence)
        return Judged(guard, verdict_of(worse, kept, alpha=alpha), _seen_times(evidence))
    if share >= 1:
        verdict = verdict_of(_since(guard, evidence), 0.0, alpha=alpha * ALONE)
        return Judged(guard, verdict, _seen_alone(evidence))
    worse, kept = (
        failure_evidence(evidence.failures, ratio=guard.bound, side=side)
        for side in ("above", "below")
    )
    needed = _needed(guard, evidence, share, alpha * BESIDE)
    verdict = verdict_of(worse, kept, alpha=alpha * BESIDE, needed=needed)
    return Judged(guard, verdict, _seen(evidence))


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


def _needed(guard: Guard, evidence: Evidence, share: float, alpha: float) -> float | None:
    """About how many more requests to the candidate until something is proven."""
    failed = sum(step.candidate + step.control for step in evidence.failures.steps)
    requests = evidence.candidate + evidence.control
    if not failed or not 0 < share < 1:
        return None
    more = failures_needed(evidence.failures, share, ratio=guard.bound, alpha=alpha)
    return None if more is None else more * requests / failed * share


def _seen(evidence: Evidence) -> dict[str, float]:
    steps = evidence.failures.steps
    return {
        "requests": evidence.candidate,
        "failed": sum(step.candidate for step in steps),
        "requests_beside": evidence.control,
        "failed_beside": sum(step.control for step in steps),
    }


def _seen_alone(evidence: Evidence) -> dict[str, float]:
    return {
        "requests": evidence.alone.requests,
        "failed": evidence.alone.failed,
        "requests_before": evidence.past.requests,
        "failed_before": evidence.past.failed,
    }


def _seen_times(evidence: Evidence) -> dict[str, float]:
    return {
        "requests": sum(evidence.latency.get(CANDIDATE, {}).values()),
        "requests_beside": sum(evidence.latency.get(CONTROL, {}).values()),
    }


def _seen_outcomes(seen: Seen) -> dict[str, float]:
    return {
        "units": sum(step.candidate.units for step in seen.steps),
        "units_beside": sum(step.control.units for step in seen.steps),
        "came": seen.candidate.came,
        "came_beside": seen.control.came,
    }
