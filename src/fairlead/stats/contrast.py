"""How a candidate's metric differs from the control's: at one look, planned before."""

from __future__ import annotations

from math import inf, isfinite, sqrt

import msgspec

from fairlead.errors import ConfigError
from fairlead.stats.domain import check_share
from fairlead.stats.intervals import CONFIDENCE, Estimate
from fairlead.stats.moments import Measure

ERROR_MAX = 1e150
"""Of which the square is a number."""


class Contrast(msgspec.Struct, frozen=True):
    """A difference, or a relative lift, and how well it is known.

    Args:
        value: candidate - control, in the metric's unit; or that over |control|.
        standard_error: of the value.
        degrees: of freedom, by Welch and Satterthwaite.
        units: of both arms.
        events: of the arm with fewer; see `Measure`.
    """

    value: float
    standard_error: float
    degrees: float
    units: int
    events: int


def difference(control: Measure, candidate: Measure) -> Contrast:
    """The candidate less the control, with SE^2 = v_a / n_a + v_b / n_b.

    Degrees SE^4 / sum (v / n)^2 / (n - 1). Welch (1947), "The generalization of 'Student's' problem
    when several different population variances are involved".

    Raises:
        ConfigError: an arm has fewer than two units, or the numbers are too large.

    Example:
        >>> one = difference(Measure(10.0, 9.0, 500, 500), Measure(10.4, 12.25, 450, 450))
        >>> round(one.standard_error, 4), round(one.degrees, 1)
        (0.2127, 889.3)
    """
    return _contrast(control, candidate, candidate.value - control.value, 1.0, 1.0)


def lift(control: Measure, candidate: Measure) -> Contrast:
    """(candidate - control) / |control|, by the delta method.

    SE^2 = v_b / (n_b a^2) + b^2 v_a / (n_a a^4), for the control's value a and the candidate's b;
    degrees as for the difference. Deng, Knoblich and Lu (2018), arXiv 1803.06336.

    Raises:
        ConfigError: an arm has fewer than two units, or the control's value is 0.

    Example:
        >>> one = lift(Measure(0.048, 0.0457, 10_000, 480), Measure(0.0532, 0.0504, 10_000, 532))
        >>> round(one.value, 4), round(one.standard_error, 4)
        (0.1083, 0.068)
    """
    a, b = control.value, candidate.value
    if a == 0.0:
        raise ConfigError(
            "The control's value is 0, so that there is no relative lift.",
            hint="Use the difference.",
        )
    return _contrast(control, candidate, (b - a) / abs(a), b / a / a, 1.0 / a)


def t_interval(contrast: Contrast, *, confidence: float = CONFIDENCE) -> Estimate:
    """The contrast with the interval of Student's t, for one look at a planned time.

    Looked at again and again it is wrong in far more cases: 38 % instead of 5 % at 100 looks. Use
    `asymptotic_sequence` there.

    Raises:
        ConfigError: the confidence is not between 0 and 1.

    Example:
        >>> one = t_interval(Contrast(0.4, 0.2127, 889.3, 950, 450))
        >>> round(one.low, 3), round(one.high, 3)
        (-0.017, 0.817)
    """
    from scipy.special import ndtri, stdtrit

    check_share("confidence", confidence)
    upper = (1.0 + confidence) / 2.0
    t = ndtri(upper) if contrast.degrees == inf else stdtrit(contrast.degrees, upper)
    half = float(t) * contrast.standard_error
    return Estimate(contrast.value, contrast.value - half, contrast.value + half)


def t_p_value(contrast: Contrast, *, margin: float = 0.0, sides: int = 2) -> float:
    """Chance of a contrast so far from the margin, were the margin the true one.

    One-sided it is the test of non-inferiority of a metric where more is better: against "the
    contrast is at most the margin", as -0.01.

    Args:
        contrast: as measured at one planned look.
        margin: in the contrast's unit.
        sides: 2, or 1 for that of a contrast above the margin.

    Raises:
        ConfigError: sides are neither 1 nor 2.

    Example:
        >>> round(t_p_value(Contrast(0.4, 0.2127, 889.3, 950, 450), margin=-0.2, sides=1), 4)
        0.0024
    """
    from scipy.special import ndtr, stdtr

    if sides not in (1, 2):
        raise ConfigError(f"A test has no {sides} sides.", hint="Give 1 or 2.")
    apart = contrast.value - margin
    if contrast.standard_error == 0.0:
        return 1.0 if apart == 0.0 or (sides == 1 and apart < 0.0) else 0.0
    t = apart / contrast.standard_error
    below = -abs(t) if sides == 2 else -t
    tail = ndtr(below) if contrast.degrees == inf else stdtr(contrast.degrees, below)
    return float(sides * tail)


def _contrast(
    control: Measure, candidate: Measure, value: float, control_slope: float, slope: float
) -> Contrast:
    if min(control.units, candidate.units) < 2:
        raise ConfigError("An arm has fewer than two units.", hint="Wait for at least two.")
    ours = candidate.variance / candidate.units
    theirs = control.variance / control.units
    part = ours / (ours + theirs) if ours + theirs > 0.0 else 0.5
    parts = part * part / (candidate.units - 1) + (1.0 - part) ** 2 / (control.units - 1)
    error = sqrt(slope * slope * ours + control_slope * control_slope * theirs)
    if not (isfinite(value) and error < ERROR_MAX):
        raise ConfigError(
            "The difference is beyond all numbers.", hint="Choose a metric of smaller values."
        )
    return Contrast(
        value=value,
        standard_error=error,
        degrees=1.0 / parts if ours + theirs > 0.0 else inf,
        units=control.units + candidate.units,
        events=min(control.events, candidate.events),
    )
