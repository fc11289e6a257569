"""Whether a candidate fails more often than the rest of the traffic, from failures alone."""

from __future__ import annotations

from typing import Any

import msgspec

from fairlead.stats.beta_mixture import Side, log_beta_mixture
from fairlead.stats.domain import Numbers, check_counts, check_positive, check_share

CONCENTRATION = 20.0


class FailureStep(msgspec.Struct, frozen=True):
    """Units that failed for the first time while the candidate had one share of the traffic.

    Args:
        share: of the units that may still fail, how many the candidate has; between 0 and 1.
        candidate: units with a failure of the candidate.
        control: units with a failure of all concurrent other traffic.
    """

    share: float
    candidate: int = 0
    control: int = 0


class Failures(msgspec.Struct, frozen=True):
    """What a release has seen fail: a commutative monoid under `merge_failures`.

    Args:
        steps: one for each share there was, by share.
    """

    steps: tuple[FailureStep, ...] = ()


def count_failures(
    before: Failures, share: float, *, candidate: int = 0, control: int = 0
) -> Failures:
    """Add units that failed for the first time.

    Raises:
        ConfigError: the share is not between 0 and 1, or a count is below 0.

    Example:
        >>> count_failures(Failures(), 0.05, candidate=2, control=10)
        Failures(steps=(FailureStep(share=0.05, candidate=2, control=10),))
    """
    check_share("candidate's share", share)
    check_counts("units that failed", (candidate, control))
    return merge_failures(before, Failures((FailureStep(share, candidate, control),)))


def merge_failures(a: Failures, b: Failures) -> Failures:
    """The failures of both, in any order."""
    totals: dict[float, tuple[int, int]] = {}
    for step in (*a.steps, *b.steps):
        ours, theirs = totals.get(step.share, (0, 0))
        totals[step.share] = (ours + step.candidate, theirs + step.control)
    return Failures(tuple(FailureStep(share, *totals[share]) for share in sorted(totals)))


def log_failure_evidence(
    candidate: Any, control: Any, share: Any, *, ratio: float, side: Side = "above"
) -> Numbers:
    """Log e-value of one share of traffic against a ratio of failure rates, for whole arrays.

    Of a unit that fails, the chance that it is the candidate's is p = w r / (w r + 1 - w), where w
    is the candidate's share and r the ratio of the rates. So the failures alone are tested, by
    `log_beta_mixture` at that p with a concentration of 20: against "the ratio is at most r" with
    `above`, which proves harm, and against "it is at least r" with `below`, which proves that
    there is none. It needs no number of requests, and no rate that stays the same over time.

    Failures have to be independent of each other, so count units with at least one failure, each
    once: counted by request, the failures of one unlucky user look like many. Where a large part
    of all units has failed, w has to be the candidate's share of those that have not.

    Args:
        candidate: units that failed, any shapes that broadcast.
        control: the same of all concurrent other traffic.
        share: the candidate's, between 0 and 1.
        ratio: of rates under the null, above 0; "no more than 25 % worse" is 1.25.
        side: of the ratio on which the evidence lies.

    Returns:
        Natural logs; ln(1 / alpha) or more is proof with a chance of error of at most alpha, at
        any look.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> round(float(log_failure_evidence(12, 60, 0.05, ratio=1.25)), 6)
        3.716799
    """
    check_share("candidate's share", share)
    check_positive("ratio", ratio)
    null = share * ratio / (share * ratio + 1.0 - share)
    return log_beta_mixture(candidate, control, null, concentration=CONCENTRATION, side=side)


def failure_evidence(failures: Failures, *, ratio: float, side: Side = "above") -> float:
    """Log e-value of all of a release's steps: those of its shares add up.

    Raises:
        ConfigError: the ratio is not above 0.

    Example:
        >>> first = count_failures(Failures(), 0.01, candidate=3, control=20)
        >>> both = count_failures(first, 0.05, candidate=6, control=20)
        >>> [round(failure_evidence(some, ratio=1.25), 2) for some in (first, both)]
        [3.07, 5.71]
    """
    check_positive("ratio", ratio)
    return sum(
        float(log_failure_evidence(s.candidate, s.control, s.share, ratio=ratio, side=side))
        for s in failures.steps
    )
