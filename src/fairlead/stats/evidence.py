"""Evidence of a change that adds up over time, with a stated time between false alarms."""

from __future__ import annotations

import msgspec
import numpy as np

from fairlead.errors import ConfigError

# From many small p-values in a row to one tiny one: each bet wins on its own kind of change.
BETS = (0.25, 0.5, 0.75, 0.9)
P_MIN = 1e-60
EVIDENCE_MAX = 1e200


class Evidence(msgspec.Struct, frozen=True):
    """An e-detector's state after some windows: a monoid in the order of time.

    Of each bet, the product of its e-values, and the sum of the products over every stretch that
    ends now. `Evidence()` is that of no window.

    Args:
        products: per bet.
        sums: per bet.
    """

    products: tuple[float, ...] = (1.0,) * len(BETS)
    sums: tuple[float, ...] = (0.0,) * len(BETS)

    @property
    def value(self) -> float:
        """The detector: the mean over the bets, to be held against `threshold`."""
        return sum(self.sums) / len(self.sums)


def e_values(p_value: float) -> tuple[float, ...]:
    """Turn a p-value into e-values, one for each bet k: k p^(k - 1).

    Each has mean 1 where p is uniform, and a smaller one where it is larger. Vovk and Wang
    (2021), "E-values: calibration, combination and applications".

    Example:
        >>> [round(e, 2) for e in e_values(0.0001)], round(e_values(1.0)[0], 2)
        ([250.0, 50.0, 7.5, 2.26], 0.25)
    """
    p = max(p_value, P_MIN)
    return tuple(bet * p ** (bet - 1.0) for bet in BETS)


def evidence(p_value: float) -> Evidence:
    """The state after one window whose p-value, given all before it, is uniform or larger."""
    e = e_values(p_value)
    return Evidence(e, e)


def follow(before: Evidence, after: Evidence) -> Evidence:
    """The state after two stretches of windows, the second right after the first.

    Per bet of Shiryaev and Roberts' statistic M_t = (M_{t-1} + 1) e_t: products multiply, and
    sum = before.sum * after.product + after.sum. The mean of M at any time that is chosen by
    looking is at most that time, where nothing changed, so that M >= A comes after A windows or
    more on average; a mean over bets keeps this. Shin, Ramdas and Rinaldo (2024), "E-detectors:
    a nonparametric framework for sequential change detection".

    Example:
        >>> one, two = evidence(0.1), evidence(0.01)
        >>> round(follow(follow(one, two), one).value), round(follow(one, follow(two, one)).value)
        (16, 16)
    """
    products = map(_times, before.products, after.products)
    carried = map(_times, before.sums, after.products)
    sums = (min(b + a, EVIDENCE_MAX) for b, a in zip(carried, after.sums, strict=True))
    return Evidence(tuple(products), tuple(sums))


def threshold(windows: float, alarms: float) -> float:
    """The evidence at which to alarm: windows between two false alarms.

    Args:
        windows: that are looked at in some time, as 730 hours of a month.
        alarms: false ones that may be raised in that time, on average.

    Raises:
        ConfigError: either is not above zero, or more alarms are allowed than windows.

    Example:
        >>> threshold(730, 0.5)
        1460.0
    """
    if not 0.0 < alarms <= windows < np.inf:
        raise ConfigError(
            f"A budget of {alarms} alarms in {windows} windows is none.",
            hint="Allow more than none, and at most one for each window.",
        )
    return windows / alarms


def _times(a: float, b: float) -> float:
    return min(a * b, EVIDENCE_MAX)
