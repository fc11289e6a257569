"""How much more the rows of past windows varied than independent rows do."""

from __future__ import annotations

from math import sqrt

import msgspec

WINDOWS_MIN = 12


class Dispersion(msgspec.Struct, frozen=True, array_like=True):
    """Sums over the chi-square statistics of past windows; those of two pasts add up.

    Args:
        windows: how many.
        degrees: sum of their degrees of freedom.
        total: sum of the statistics.
        squares: sum of each one's square over its degrees.
    """

    windows: int = 0
    degrees: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def factor(self) -> float:
        """Mean statistic per degree of freedom; 1, of independent rows, is the least.

        Rao and Scott (1981), "The analysis of categorical data from complex sample surveys";
        McCullagh and Nelder (1989), "Generalized linear models", section 4.5.
        """
        if self.windows < WINDOWS_MIN or not self.degrees:
            return 1.0
        return max(1.0, self.total / self.degrees)

    @property
    def spread(self) -> float:
        """Variance of the statistics, relative to that of independent rows of the same mean.

        At least 1: sum (X - mean d)^2 / d over 2 (K - 1) mean^2, for statistics X of d degrees.
        """
        if self.windows < WINDOWS_MIN or not self.total:
            return 1.0
        mean = self.total / self.degrees
        around = self.squares - mean * self.total
        return max(1.0, around / (2.0 * (self.windows - 1) * mean * mean))

    @property
    def worst(self) -> float:
        """How much more the share of any one group of bins may vary than of independent rows.

        The weight of the first direction in `dispersed_p_value`, at the mean degrees.
        """
        degrees = self.degrees / self.windows if self.windows else 1.0
        return self.factor * (1.0 + sqrt(max(degrees - 1.0, 0.0) * (self.spread - 1.0)))


def dispersion(statistic: float, degrees: int) -> Dispersion:
    """The dispersion of one window; nothing where it had no degrees of freedom.

    Example:
        >>> dispersion(6.0, 3)
        Dispersion(windows=1, degrees=3, total=6.0, squares=12.0)
    """
    if degrees < 1:
        return Dispersion()
    return Dispersion(1, degrees, statistic, statistic * statistic / degrees)


def add(a: Dispersion, b: Dispersion) -> Dispersion:
    """The dispersion of the windows of both."""
    return Dispersion(
        a.windows + b.windows, a.degrees + b.degrees, a.total + b.total, a.squares + b.squares
    )


def scaled(past: Dispersion, times: float) -> Dispersion:
    """The dispersion, were each statistic so many times as large.

    Example:
        >>> scaled(dispersion(6.0, 3), 0.5)
        Dispersion(windows=1, degrees=3, total=3.0, squares=3.0)
    """
    return Dispersion(past.windows, past.degrees, past.total * times, past.squares * times**2)


def dispersed_p_value(statistic: float, degrees: int, past: Dispersion) -> float:
    """Chance of at least this chi-square statistic, for rows as dependent as those of the past.

    The larger of two, each with the mean and the variance of the past; f is its factor, s its
    spread, K its windows, d the degrees:

    - Rows of a user agree in one direction. X2 is a sum of chi-squares of one degree with unequal
      weights (Rao and Scott (1981)), of which w_1 = f (1 + sqrt((d - 1)(s - 1))) and d - 1 times
      w_2 = f (1 - sqrt((s - 1) / (d - 1))) have the heaviest tail: that of a gamma with the same
      three moments (Pearson (1959), "Note on an approximation to the distribution of non-central
      chi-square"), made an F's of K for how few windows of past there are.
    - Some windows have larger users than others. X2 / (d f) is Snedecor's F of d and
      (d - 2 + 4 s) / (s - 1) degrees.

    Without twelve windows of past it is the chi-square distribution's.

    Example:
        >>> from functools import reduce
        >>> past = reduce(add, [dispersion(20.0 + i, 10) for i in range(20)])
        >>> round(past.factor, 2), round(dispersed_p_value(29.5, 10, past), 2)
        (2.95, 0.48)
    """
    from scipy.special import chdtrc, fdtrc

    if degrees < 1:
        return 1.0
    if past.windows < WINDOWS_MIN or not past.degrees:
        return float(chdtrc(degrees, statistic))
    mean, variance, third = _cumulants(degrees, past.factor, past.spread)
    effective = 8.0 * variance**3 / third**2
    scale = third / (4.0 * variance)
    shifted = max(0.0, (statistic - mean) / (effective * scale) + 1.0)
    agreeing = float(fdtrc(effective, past.windows, shifted))
    if past.spread <= 1.0:
        return agreeing
    others = (degrees - 2.0 + 4.0 * past.spread) / (past.spread - 1.0)
    ratio = statistic / (degrees * past.factor) * others / (others - 2.0)
    return max(agreeing, float(fdtrc(degrees, others, ratio)))


def _cumulants(degrees: int, factor: float, spread: float) -> tuple[float, float, float]:
    """The first three of the weighted sum of chi-squares."""
    if degrees == 1:
        # One weight has no spread; what is there is that of the weight from window to window.
        first, rest, others = factor * sqrt(spread), 0.0, 0
    else:
        apart = min(spread, float(degrees)) - 1.0
        others = degrees - 1
        first = factor * (1.0 + sqrt(others * apart))
        rest = factor * (1.0 - sqrt(apart / others))
    mean = first + others * rest
    variance = 2.0 * (first**2 + others * rest**2)
    return mean, variance, 8.0 * (first**3 + others * rest**3)
