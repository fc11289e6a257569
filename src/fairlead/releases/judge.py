"""How the guards of a release stand, from what was seen: proven broken, proven kept, or neither.

All that is proven here is proven for every look together: however often a release is looked at,
a good version is rolled back with a chance of at most the plan's alpha.
"""

from __future__ import annotations

from fairlead.releases.outcomes.metrics import Seen
from fairlead.releases.outcomes.weigh import units_more
from fairlead.releases.shadow.differ import judge_answers
from fairlead.releases.types import OPEN, Evidence, Guard, Judged, Plan, Release
from fairlead.releases.weigh import QUANTILES, chance, weigh
from fairlead.releases.weights import CANDIDATE, CONTROL
from fairlead.stats import failures_needed
from fairlead.stats import judge as verdict_of


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


def _judged(guard: Guard, evidence: Evidence, share: float, alpha: float) -> Judged:
    if guard.kind == "value":
        return judge_answers(guard, evidence.compared, alpha)
    own = chance(guard, share, alpha)
    worse, kept = weigh(guard, evidence, share, own)
    if guard.metric is not None:
        seen = evidence.outcomes.metrics.get(guard.name, Seen())
        needed = units_more(guard, seen, own)
        return Judged(guard, verdict_of(worse, kept, alpha=own, needed=needed), _of_outcomes(seen))
    if guard.name in QUANTILES:
        return Judged(guard, verdict_of(worse, kept, alpha=own), _seen_times(evidence))
    if share >= 1:
        return Judged(guard, verdict_of(worse, kept, alpha=own), _seen_alone(evidence))
    needed = _needed(guard, evidence, share, own)
    return Judged(guard, verdict_of(worse, kept, alpha=own, needed=needed), _seen(evidence))


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


def _of_outcomes(seen: Seen) -> dict[str, float]:
    return {
        "units": sum(step.candidate.units for step in seen.steps),
        "units_beside": sum(step.control.units for step in seen.steps),
        "came": seen.candidate.came,
        "came_beside": seen.control.came,
    }
