"""How many more failures, about, until they prove something."""

from __future__ import annotations

from collections.abc import Callable
from math import log

from fairlead.stats.beta_mixture import ALPHA, Side
from fairlead.stats.domain import check_positive, check_share
from fairlead.stats.failures import (
    Failures,
    FailureStep,
    failure_evidence,
    log_failure_evidence,
    merge_failures,
)

FAILURES_MAX = 1e9


def failure_ratio(failures: Failures, share: float) -> float:
    """The candidate's rate of failures over the control's, drawn a little towards 1.

    sum c (1 - w) / sum s w over the steps, with w (1 - w) added to both: the estimate of Mantel
    and Haenszel (1959), "Statistical aspects of the analysis of data from retrospective studies",
    as if one unit more had failed, at a ratio of 1. Never 0 or infinite.

    Args:
        failures: so far.
        share: the candidate's now, between 0 and 1.

    Example:
        >>> failures = Failures((FailureStep(0.5, candidate=20, control=10),))
        >>> round(failure_ratio(failures, 0.5), 2)
        1.95
    """
    check_share("candidate's share", share)
    one = share * (1.0 - share)
    ours = one + sum(s.candidate * (1.0 - s.share) for s in failures.steps)
    theirs = one + sum(s.control * s.share for s in failures.steps)
    return ours / theirs


def failures_needed(
    failures: Failures,
    share: float,
    *,
    ratio: float,
    true_ratio: float | None = None,
    alpha: float = ALPHA,
) -> float | None:
    """How many more units, about, have to fail until the ratio is proven to be above or below.

    The least n at which the evidence reaches ln(1 / alpha), should the next n failures fall as
    the true ratio has them. Divide by failing units per request for requests.

    Args:
        failures: so far.
        share: the candidate's from now on, between 0 and 1.
        ratio: under the null.
        true_ratio: what to expect; without, that of the failures so far.
        alpha: chance of a false finding.

    Returns:
        0 where it is proven already; None where more than a billion would be needed, and where
        nothing has failed and nothing is expected.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> round(failures_needed(Failures(), 0.05, ratio=1.25, true_ratio=3.0))
        106
    """
    if true_ratio is None and not any(s.candidate + s.control for s in failures.steps):
        return None
    check_share("chance of a false finding", alpha)
    actual = failure_ratio(failures, share) if true_ratio is None else true_ratio
    check_positive("true ratio", actual)
    if actual == ratio:
        return None
    side: Side = "above" if actual > ratio else "below"
    ours = share * actual / (share * actual + 1.0 - share)
    now = merge_failures(failures, Failures((FailureStep(share),)))
    place = next(i for i, s in enumerate(now.steps) if s.share == share)
    step, others = now.steps[place], Failures(now.steps[:place] + now.steps[place + 1 :])
    enough = log(1.0 / alpha) - failure_evidence(others, ratio=ratio, side=side)

    def proven(more: float) -> bool:
        return bool(
            log_failure_evidence(
                step.candidate + more * ours,
                step.control + more * (1.0 - ours),
                share,
                ratio=ratio,
                side=side,
            )
            >= enough
        )

    return _least(proven)


def _least(proven: Callable[[float], bool]) -> float | None:
    if proven(0.0):
        return 0.0
    high = 1.0
    while not proven(high):
        high *= 2.0
        if high > FAILURES_MAX:
            return None
    low = high / 2.0 if high > 1.0 else 0.0
    while high - low > max(0.5, 1e-3 * high):
        middle = (low + high) / 2.0
        low, high = (low, middle) if proven(middle) else (middle, high)
    return high
