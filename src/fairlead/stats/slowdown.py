"""How many times a candidate's quantile is the control's, at every look."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np

from fairlead.errors import ConfigError
from fairlead.stats.beta_mixture import tuned_concentration
from fairlead.stats.domain import Numbers, check_positive, check_share
from fairlead.stats.intervals import CONFIDENCE, Estimate
from fairlead.stats.quantiles import TUNED_ROWS, histogram, log_edge_evidence, quantile_sequence
from fairlead.stats.roots import change


def log_quantile_evidence(
    control: Any,
    candidate: Any,
    edges: Any,
    share: float,
    *,
    ratio: float,
    tuned_rows: float = TUNED_ROWS,
) -> Numbers:
    """Log e-value against "the candidate's quantile is at most so many times the control's".

    Were x the candidate's quantile, it would be too small for its values, or x / ratio too large
    for the control's: both are refuted by one-sided mixtures, which add up, and the least sum over
    all x is evidence against every x. This is stronger than two separate intervals that do not
    meet. For proof of the opposite swap the arms and give 1 / ratio. Howard and Ramdas (2022),
    section 5, made one-sided and for a ratio.

    For x between two edges the evidence is that of the edges around it, so that a ratio is tested
    as if it were larger by at most two buckets: with buckets of 2 % and a ratio of 1.20, as 1.25.

    Args:
        control: values by bucket, shape (..., buckets).
        candidate: the same, of values independent of the control's.
        edges: above or equal to 0 and rising, shape (buckets + 1,); the last may be infinite.
        share: of the quantile, between 0 and 1.
        ratio: of the candidate's quantile to the control's under the null, above 0.
        tuned_rows: of an arm, at which the evidence is strongest.

    Returns:
        Natural logs, shape (...); ln(1 / alpha) or more is proof at any look.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> edges = 1.02 ** np.arange(300)
        >>> control, candidate = np.zeros(299), np.zeros(299)
        >>> control[200:230], candidate[215:245] = 20, 20
        >>> evidence = log_quantile_evidence(control, candidate, edges, 0.95, ratio=1.1)
        >>> bool(evidence > log(20))
        True
    """
    theirs, bounds = _histogram(control, edges)
    ours, _ = _histogram(candidate, edges)
    check_share("share", share)
    check_positive("ratio", ratio)
    concentration = tuned_concentration(tuned_rows)
    reaching = log_edge_evidence(ours, share, concentration)[0]
    staying = log_edge_evidence(theirs, share, concentration)[1]
    return _least(reaching, staying, bounds, ratio)


def quantile_ratio(
    control: Any,
    candidate: Any,
    edges: Any,
    share: float,
    *,
    confidence: float = CONFIDENCE,
    tuned_rows: float = TUNED_ROWS,
) -> Estimate:
    """The candidate's quantile over the control's, with an interval that holds at every look.

    All ratios against which `log_quantile_evidence`, in either direction, stays below
    ln(2 / alpha).

    Args:
        control: values by bucket, at least one, shape (buckets,).
        candidate: the same.
        edges: above 0 and rising, all finite, shape (buckets + 1,).
        share: of the quantile, between 0 and 1.
        confidence: between 0 and 1.
        tuned_rows: of an arm, at which the interval is narrowest.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> edges = 1.02 ** np.arange(300)
        >>> control, candidate = np.zeros(299), np.zeros(299)
        >>> control[200:230], candidate[215:245] = 200, 200
        >>> one = quantile_ratio(control, candidate, edges, 0.9)
        >>> round(one.low, 2), round(one.value, 2), round(one.high, 2)
        (1.29, 1.35, 1.4)
    """
    theirs, bounds = _histogram(control, edges)
    ours, _ = _histogram(candidate, edges)
    check_share("confidence", confidence)
    check_positive("first edge", bounds[0])
    check_positive("last edge", bounds[-1])
    value, their_value = (quantile_sequence(some, bounds, share).value for some in (ours, theirs))
    value /= their_value
    concentration = tuned_concentration(tuned_rows)
    reaching, staying = log_edge_evidence(ours, share, concentration)
    their_reaching, their_staying = log_edge_evidence(theirs, share, concentration)
    enough = log(2.0 / (1.0 - confidence))

    def not_slower(ratio: float) -> bool:
        return bool(_least(reaching, their_staying, bounds, ratio) < enough)

    def not_faster(ratio: float) -> bool:
        return bool(_least(their_reaching, staying, bounds, 1.0 / ratio) < enough)

    span = float(bounds[-1] / bounds[0])
    low, high = change(not_slower, value, 1.0 / span), change(not_faster, value, span)
    return Estimate(value, min(low, value), max(high, value))


def _least(reaching: Numbers, staying: Numbers, bounds: Numbers, ratio: float) -> Numbers:
    """The least evidence over all places x of the candidate's quantile, at a ratio of at most that.

    For x in bucket i: the candidate's values against x < edge i + 1, and the control's against
    x / ratio >= the last edge that is not above edge i / ratio.
    """
    under = np.searchsorted(bounds, bounds[:-1] / ratio, side="right") - 1
    return np.asarray((reaching[..., 1:] + staying[..., np.maximum(under, 0)]).min(axis=-1))


def _histogram(counts: Any, edges: Any) -> tuple[Numbers, Numbers]:
    held, bounds = histogram(counts, edges)
    if bounds[0] < 0.0:
        raise ConfigError("An edge is below 0.", hint="A ratio of quantiles needs none that is.")
    return held, bounds
