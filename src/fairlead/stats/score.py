"""The difference of two independent proportions, by their score: good for rare events."""

from __future__ import annotations

from math import acos, copysign, cos, isfinite, pi, sqrt

from fairlead.errors import ConfigError
from fairlead.stats.domain import check_hits
from fairlead.stats.intervals import CONFIDENCE, Estimate, normal_quantile
from fairlead.stats.roots import change


def score_z(
    hits: int,
    rows: int,
    control_hits: int,
    control_rows: int,
    *,
    difference: float = 0.0,
    corrected: bool = True,
) -> float:
    """How many standard errors two shares lie from a difference that they might have.

    z = (p - q - d) / sqrt([p~ (1 - p~) / n + q~ (1 - q~) / m] N / (N - 1)), where p~ and q~ are the
    shares of largest likelihood with p~ - q~ = d and N = n + m. At d = 0, uncorrected, it is the
    pooled two-proportion z test; at d = -margin the test of non-inferiority of Farrington and
    Manning. Miettinen and Nurminen (1985), "Comparative analysis of two rates".

    Args:
        hits: of the candidate, in 0..rows.
        rows: of the candidate, at least one.
        control_hits: of the control.
        control_rows: at least one.
        difference: candidate - control under the null, between -1 and 1.
        corrected: whether to take the factor N / (N - 1).

    Returns:
        Standard normal in large samples where the difference is the true one; 0 where the
        shares are those of the null and have no variance.

    Raises:
        ConfigError: hits are not in 0..rows, or the difference is not between -1 and 1.

    Example:
        >>> round(score_z(532, 10_000, 480, 10_000, corrected=False), 6)
        1.6776
    """
    check_hits(hits, rows)
    check_hits(control_hits, control_rows)
    if not -1.0 < difference < 1.0:
        raise ConfigError(
            f"Two shares cannot differ by {difference}.", hint="Give one between -1 and 1."
        )
    theirs = _restricted(hits, rows, control_hits, control_rows, difference)
    ours = min(max(theirs + difference, 0.0), 1.0)
    variance = ours * (1.0 - ours) / rows + theirs * (1.0 - theirs) / control_rows
    if corrected:
        variance *= (rows + control_rows) / (rows + control_rows - 1.0)
    apart = hits / rows - control_hits / control_rows - difference
    if variance <= 0.0:
        return 0.0 if apart == 0.0 else copysign(1e300, apart)
    return apart / sqrt(variance)


def score_difference(
    hits: int,
    rows: int,
    control_hits: int,
    control_rows: int,
    *,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Difference of the shares of two samples, with the interval of Miettinen and Nurminen.

    All d with |`score_z`| at most the normal quantile. For one look at a planned time; closer to
    its confidence than Newcombe's (`share_rise`) where samples are small or differ in size, and
    slower. Miettinen and Nurminen (1985), "Comparative analysis of two rates".

    Args:
        hits: of the candidate, in 0..rows.
        rows: of the candidate, at least one.
        control_hits: of the control.
        control_rows: at least one.
        confidence: between 0 and 1.

    Raises:
        ConfigError: hits are not in 0..rows, or the confidence is not between 0 and 1.

    Example:
        >>> one = score_difference(532, 10_000, 480, 10_000)
        >>> round(one.low, 6), round(one.high, 6)
        (-0.000877, 0.011292)
    """
    z = normal_quantile(confidence)

    def holds(difference: float) -> bool:
        apart = score_z(hits, rows, control_hits, control_rows, difference=difference)
        return abs(apart) <= z

    check_hits(hits, rows)
    check_hits(control_hits, control_rows)
    value = hits / rows - control_hits / control_rows
    edge = 1.0 - 1e-15
    inside = min(max(value, -edge), edge)
    low, high = change(holds, inside, -edge), change(holds, inside, edge)
    return Estimate(
        value,
        -1.0 if low == -edge else min(low, value),
        1.0 if high == edge else max(high, value),
    )


def _restricted(hits: int, rows: int, control_hits: int, control_rows: int, d: float) -> float:
    """The control's share of largest likelihood where the candidate's is d more.

    The root of a cubic that lies in the domain; Farrington and Manning (1990), "Test statistics and
    sample size formulae for comparative binomial trials", appendix.
    """
    total = rows + control_rows
    # In the control's share q: L3 q^3 + L2 q^2 + L1 q + L0 = 0.
    c3 = float(total)
    c2 = (rows + 2.0 * control_rows) * d - total - hits - control_hits
    c1 = (control_rows * d - total - 2.0 * control_hits) * d + hits + control_hits
    c0 = control_hits * d * (1.0 - d)
    shift = c2 / (3.0 * c3)
    v = shift**3 - c1 * c2 / (6.0 * c3 * c3) + c0 / (2.0 * c3)
    u = copysign(sqrt(max(shift * shift - c1 / (3.0 * c3), 0.0)), v)
    ratio = v / u**3 if u else 0.0
    angle = (pi + acos(min(max(ratio if isfinite(ratio) else 0.0, -1.0), 1.0))) / 3.0
    share = 2.0 * u * cos(angle) - shift
    return min(max(share, max(0.0, -d)), min(1.0, 1.0 - d))
