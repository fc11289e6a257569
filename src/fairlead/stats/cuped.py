"""Metrics freed from what was known of each unit before: CUPED."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairlead.stats.moments import Measure, Moments, covariance, linearised, merge_moments


@np.errstate(over="ignore", invalid="ignore")  # what is beyond all numbers is refused
def adjust(
    control: Moments,
    candidate: Moments,
    *,
    columns: Sequence[int] = (0,),
    covariate: Sequence[int] = (1,),
) -> tuple[Measure, Measure]:
    """Measure both arms less what a covariate explains: Y - theta X.

    theta = cov(Y, X) / var(X), pooled over the arms, so that it favours neither; variance
    var Y + theta^2 var X - 2 theta cov(Y, X) per unit. X has to be measured before the unit was
    assigned. A ratio, on either side, is taken through its derivative (delta method). Values are
    shifted by theta times the covariate's mean, so that their difference alone has a meaning.
    Deng, Xu, Kohavi and Walker (2013), "Improving the sensitivity of online controlled experiments
    by utilizing pre-experiment data".

    Args:
        control: sums of at least two units.
        candidate: the same.
        columns: place of the metric's mean, or of its numerator and denominator.
        covariate: the same of the covariate.

    Returns:
        Measures of the control and of the candidate.

    Raises:
        ConfigError: an arm has fewer than two units, a denominator's mean is 0, or a variance
            is beyond all numbers.
        ConflictError: the arms have different numbers of columns.

    Example:
        >>> from fairlead.stats.moments import moments
        >>> control = moments([1.0, 2.0, 3.5], [1.0, 2.0, 3.0])
        >>> candidate = moments([2.0, 3.0, 4.0], [1.0, 2.0, 3.0])
        >>> ours, theirs = adjust(control, candidate)
        >>> round(theirs.value - ours.value, 4), round(ours.variance / 1.583, 2)
        (0.8333, 0.02)
    """
    both = merge_moments(control, candidate)
    goal, known = linearised(both, columns)[1], linearised(both, covariate)[1]
    known_variance = covariance(both, known, known)
    theta = covariance(both, goal, known) / known_variance if known_variance > 0.0 else 0.0
    return _freed(control, columns, covariate, theta), _freed(candidate, columns, covariate, theta)


def _freed(of: Moments, columns: Sequence[int], covariate: Sequence[int], theta: float) -> Measure:
    value, goal = linearised(of, columns)
    known_value, known = linearised(of, covariate)
    gradient = goal - theta * known
    variance = covariance(of, gradient, gradient)
    return Measure(
        value - theta * known_value,
        max(variance, 0.0),
        of.units,
        of.nonzero[columns[0]],
    )
