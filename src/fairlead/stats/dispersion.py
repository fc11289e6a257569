"""How much more the rows of past windows varied than independent rows do."""

from __future__ import annotations

import msgspec

WINDOWS_MIN = 12


class Dispersion(msgspec.Struct, frozen=True):
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


def dispersed_p_value(statistic: float, degrees: int, past: Dispersion) -> float:
    """Chance of at least this chi-square statistic, for rows as dependent as those of the past.

    F of (degrees / spread, windows) at statistic / (degrees factor): Satterthwaite's gamma with
    the mean and the variance of the past, and Snedecor's tail for how little of it there is.
    Without twelve windows of past it is the chi-square distribution's. Rao and Scott (1984), "On
    chi-squared tests for multiway contingency tables with cell proportions estimated from survey
    data".

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
    ratio = statistic / (degrees * past.factor)
    return float(fdtrc(degrees / past.spread, past.windows, ratio))
