"""How many units a comparison needs, before it starts."""

from __future__ import annotations

import msgspec

from fairlead.stats.beta_mixture import ALPHA
from fairlead.stats.domain import check_positive, check_share
from fairlead.stats.power import POWER, separation, sequential_inflation


class Size(msgspec.Struct, frozen=True):
    """Units of each arm; fractions are to be rounded up.

    Args:
        control: units.
        candidate: units.
    """

    control: float
    candidate: float


def size_for_difference(
    difference: float,
    control_variance: float,
    candidate_variance: float,
    *,
    share: float = 0.5,
    alpha: float = ALPHA,
    power: float = POWER,
    sides: int = 2,
    sequential: bool = False,
) -> Size:
    """Units to find a difference of means, or of ratios by their variance per unit.

    N = (z_{1 - alpha / sides} + z_power)^2 (v_a / (1 - w) + v_b / w) / d^2 units in all, of which
    the candidate's share is w. By the normal distribution: Student's needs about one unit more.
    Of a ratio the variance is that of `measure`. Chow, Shao and Wang (2008), "Sample size
    calculations in clinical research", chapter 3.

    Args:
        difference: to be found, not 0, in the metric's unit.
        control_variance: of one unit, above 0.
        candidate_variance: of one unit, above 0; after CUPED the smaller one.
        share: the candidate's, of all units; between 0 and 1.
        alpha: chance of a false finding.
        power: chance to find the difference, between a half and 1.
        sides: 1 or 2.
        sequential: whether it is looked at again and again; see `sequential_inflation`.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> round(size_for_difference(0.1, 1.0, 1.0, power=0.9).candidate, 2)
        2101.48
        >>> round(size_for_difference(0.1, 1.0, 1.0, power=0.9, share=0.05).candidate, 1)
        1106.0
    """
    check_positive("difference", abs(difference))
    check_positive("variance", (control_variance, candidate_variance))
    check_share("candidate's share", share)
    needed = separation(alpha, power, sides)
    total = (needed * needed * (control_variance / (1.0 - share) + candidate_variance / share)) / (
        difference * difference
    )
    if sequential:
        total *= sequential_inflation(alpha=alpha, power=power, sides=sides)
    return Size(total * (1.0 - share), total * share)


def size_for_proportions(
    control: float,
    candidate: float,
    *,
    share: float = 0.5,
    alpha: float = ALPHA,
    power: float = POWER,
    sides: int = 2,
    sequential: bool = False,
) -> Size:
    """Units to find that two proportions differ: `size_for_difference` with v = p (1 - p).

    Args:
        control: its proportion, between 0 and 1.
        candidate: the other.
        share: as for `size_for_difference`, and so are the others.
        alpha: chance of a false finding.
        power: chance to find the difference.
        sides: 1 or 2.
        sequential: whether it is looked at again and again.

    Raises:
        ConfigError: an argument is outside of its domain, or the proportions do not differ.

    Example:
        >>> round(size_for_proportions(0.05, 0.055).control, 1)
        31230.7
    """
    check_share("proportion", (control, candidate))
    return size_for_difference(
        candidate - control,
        control * (1.0 - control),
        candidate * (1.0 - candidate),
        share=share,
        alpha=alpha,
        power=power,
        sides=sides,
        sequential=sequential,
    )


def size_for_noninferiority(
    margin: float,
    variance: float,
    *,
    share: float = 0.5,
    alpha: float = ALPHA,
    power: float = POWER,
    sequential: bool = False,
) -> Size:
    """Units to prove that a candidate which is as good as the control is not worse by a margin.

    `size_for_difference` of the margin, one-sided, with the same variance in both arms: of equal
    arms (z_{1 - alpha} + z_power)^2 2 v / margin^2 each, with v = p (1 - p) of a proportion.

    Args:
        margin: above 0, in the metric's unit.
        variance: of one unit.
        share: the candidate's, of all units.
        alpha: chance of passing a candidate that is worse by the margin.
        power: chance of passing one that is as good.
        sequential: whether it is looked at again and again.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> round(size_for_noninferiority(0.01, 0.05 * 0.95).candidate, 1)
        5873.4
    """
    check_positive("margin", margin)
    return size_for_difference(
        margin,
        variance,
        variance,
        share=share,
        alpha=alpha,
        power=power,
        sides=1,
        sequential=sequential,
    )
