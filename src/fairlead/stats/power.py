"""How surely a comparison finds a difference, at one look or at many."""

from __future__ import annotations

from math import sqrt

from fairlead.errors import ConfigError
from fairlead.stats.asymptotic import half_width, tuned_rho
from fairlead.stats.beta_mixture import ALPHA
from fairlead.stats.domain import check_positive, check_share

POWER = 0.8


def power_for_difference(
    difference: float,
    control: tuple[float, float],
    candidate: tuple[float, float],
    *,
    alpha: float = ALPHA,
    sides: int = 2,
) -> float:
    """Chance that one look at so many units finds a difference.

    Phi(|d| / SE - z_{1 - alpha / sides}), with the chance of the wrong side added for two sides.

    Args:
        difference: the true one.
        control: the variance of one of its units, and how many it has; both above 0.
        candidate: the same.
        alpha: chance of a false finding.
        sides: 1 or 2.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> round(power_for_difference(0.1, (1.0, 2101.48), (1.0, 2101.48)), 3)
        0.9
    """
    from scipy.special import ndtr

    check_positive("variance", (control[0], candidate[0]))
    check_positive("number of units", (control[1], candidate[1]))
    error = sqrt(control[0] / control[1] + candidate[0] / candidate[1])
    z, apart = _border(alpha, sides), abs(difference) / error
    wrong = float(ndtr(-apart - z)) if sides == 2 else 0.0
    return float(ndtr(apart - z)) + wrong


def sequential_inflation(*, alpha: float = ALPHA, power: float = POWER, sides: int = 2) -> float:
    """How many times the units of one planned look an `asymptotic_sequence` needs, at most.

    ((b + z_power) / (z_{1 - alpha / sides} + z_power))^2, where b is the sequence's half width in
    standard errors at the number of units that it is tuned for. It counts only findings at the
    last look; by earlier ones the same power comes sooner: measured with 100 looks at a
    proportion of 5 % and a lift of 10 %, 80 % power took 1.7 times the units, against 1.91 here.

    Args:
        alpha: chance of a false finding.
        power: chance of a true one, between a half and 1.
        sides: 1 or 2.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> round(sequential_inflation(), 2), round(sequential_inflation(sides=1), 2)
        (1.91, 2.12)
    """
    planned = separation(alpha, power, sides)
    rho = tuned_rho(1.0, alpha=alpha, sides=sides)
    border = float(half_width(1.0, 1.0, rho, alpha=alpha, sides=sides))
    return ((border + planned - _border(alpha, sides)) / planned) ** 2


def separation(alpha: float, power: float, sides: int) -> float:
    """Standard errors between the null and a difference that is found with this power.

    z_{1 - alpha / sides} + z_power.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> round(separation(0.05, 0.8, 2), 3)
        2.802
    """
    from scipy.special import ndtri

    if not 0.5 <= power < 1.0:
        raise ConfigError(f"A power of {power} is none.", hint="Give one from 0.5 to below 1.")
    return _border(alpha, sides) + float(ndtri(power))


def _border(alpha: float, sides: int) -> float:
    from scipy.special import ndtri

    check_share("chance of a false finding", alpha)
    if sides not in (1, 2):
        raise ConfigError(f"A test has no {sides} sides.", hint="Give 1 or 2.")
    return -float(ndtri(alpha / sides))
