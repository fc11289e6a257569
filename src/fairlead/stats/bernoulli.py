"""Shares that are looked at again and again: exact confidence sequences."""

from __future__ import annotations

from math import log

from fairlead.stats.beta_mixture import log_beta_mixture, tuned_concentration
from fairlead.stats.domain import check_hits, check_share
from fairlead.stats.intervals import CONFIDENCE, Estimate
from fairlead.stats.roots import change

TUNED_ROWS = 1000


def bernoulli_sequence(
    hits: int, rows: int, *, confidence: float = CONFIDENCE, tuned_rows: float = TUNED_ROWS
) -> Estimate:
    """A share with an interval that holds the true one at every look, with this confidence.

    The shares p against which `log_beta_mixture(side="both")` stays below ln(1 / alpha). It needs
    no normal approximation, so that no failures among few rows are taken for what they are.
    Howard, Ramdas, McAuliffe and Sekhon (2021), "Time-uniform, nonparametric, nonasymptotic
    confidence sequences". Rows have to be independent: count units, where those of a user agree.

    Args:
        hits: how many rows have it, in 0..rows; fractions are fine.
        rows: how many there are, at least one.
        confidence: between 0 and 1.
        tuned_rows: at which the interval is narrowest, chosen before the first look.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> one = bernoulli_sequence(480, 10_000)
        >>> round(one.low, 4), one.value, round(one.high, 4)
        (0.0413, 0.048, 0.0552)
    """
    check_hits(hits, rows)
    check_share("confidence", confidence)
    concentration = tuned_concentration(tuned_rows, alpha=1.0 - confidence, side="both")
    enough = -log(1.0 - confidence)

    def holds(share: float) -> bool:
        found = log_beta_mixture(hits, rows - hits, share, concentration=concentration, side="both")
        return bool(found < enough)

    share = hits / rows
    inside = min(max(share, 1e-12), 1.0 - 1e-12)
    low = 0.0 if hits == 0 else change(holds, inside, 1e-300)
    high = 1.0 if hits == rows else change(holds, inside, 1.0 - 1e-16)
    return Estimate(share, min(low, share), max(high, share))


def bernoulli_difference(
    hits: int,
    rows: int,
    control_hits: int,
    control_rows: int,
    *,
    confidence: float = CONFIDENCE,
    tuned_rows: float = TUNED_ROWS,
) -> Estimate:
    """Difference of two shares with an interval that holds at every look.

    From one sequence each, with half the chance of error: [low - control's high, high - control's
    low] (Bonferroni). It needs no failure to have been seen, and is wider than the asymptotic one
    where many were.

    Args:
        hits: rows of the candidate that have it, in 0..rows.
        rows: of the candidate, at least one.
        control_hits: the same of the control.
        control_rows: at least one.
        confidence: between 0 and 1, of the difference.
        tuned_rows: at which the intervals are narrowest.

    Raises:
        ConfigError: an argument is outside of its domain.

    Example:
        >>> one = bernoulli_difference(0, 50, 10, 1000)
        >>> one.low < 0.0 < one.high, one.value
        (True, -0.01)
    """
    each = (1.0 + confidence) / 2.0
    ours = bernoulli_sequence(hits, rows, confidence=each, tuned_rows=tuned_rows)
    theirs = bernoulli_sequence(control_hits, control_rows, confidence=each, tuned_rows=tuned_rows)
    return Estimate(ours.value - theirs.value, ours.low - theirs.high, ours.high - theirs.low)
