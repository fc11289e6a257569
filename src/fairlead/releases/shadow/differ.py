"""How the guards stand that hold a shadow's answers against those that callers were given."""

from __future__ import annotations

from fairlead.releases.shadow.comparison import EXPECTED_ROWS, Agreement, Comparison
from fairlead.releases.types import Guard, Judged
from fairlead.stats import judge as verdict_of
from fairlead.stats import log_beta_mixture, log_normal_mixture, tuned_concentration, tuned_rho
from fairlead.stats.asymptotic import EVENTS_MIN


def judge_answers(guard: Guard, compared: Comparison, alpha: float) -> Judged:
    """How a guard of a shadow's answers stands.

    It is proven broken where the lower end of a one-sided confidence sequence lies above what the
    guard allows, and kept where the upper end lies below.

    Args:
        guard: `disagreement` or `difference`.
        compared: so far.
        alpha: chance of error of each side, over all looks.

    Example:
        >>> guard = Guard("disagreement", 0.05, kind="value")
        >>> seen = Comparison(whole=Agreement(1000, 90))
        >>> judge_answers(guard, seen, 0.05).verdict.finding
        'worse'
    """
    worse, kept = weigh_answers(guard, compared)
    seen = _seen(compared.whole, numeric=guard.name == "difference")
    return Judged(guard, verdict_of(worse, kept, alpha=alpha), seen)


def weigh_answers(guard: Guard, compared: Comparison) -> tuple[float, float]:
    """Evidence that a guard of a shadow's answers is broken, and that it is kept: natural logs."""
    numeric = guard.name == "difference"
    if compared.numeric != numeric:
        return 0.0, 0.0
    worse = (_differing if numeric else _disagreeing)(compared.whole, guard.bound)
    return worse, _close(compared, guard.bound, numeric=numeric)


def _disagreeing(whole: Agreement, most: float) -> float:
    """Evidence that more rows disagree."""
    hits, misses = whole.apart, whole.rows - whole.apart
    return float(log_beta_mixture(hits, misses, most, concentration=_concentration()))


def _differing(whole: Agreement, most: float) -> float:
    """Evidence that the mean difference is larger.

    As if one more row had differed from the mean by as much as the guard allows: else a version
    that is always off by the same would have no variance, and nothing to be held against.
    """
    if whole.apart < EVENTS_MIN:
        return 0.0
    of_row = whole.variance + most * most / whole.rows
    apart, rho = whole.total / whole.rows - most, tuned_rho(EXPECTED_ROWS, sides=1)
    return float(log_normal_mixture(apart, of_row / whole.rows, rho * rho * of_row, side="above"))


def _close(compared: Comparison, most: float, *, numeric: bool) -> float:
    """Evidence that fewer rows disagree, or that the mean difference is smaller.

    What was not seen yet may be rare and large, and no central limit tells of it. A difference can
    be as large as all answers lie apart: as shares of that the differences are held against the
    guard's, and the mixture holds for shares of rows as for rows.
    """
    whole, hits, null = compared.whole, float(compared.whole.apart), most
    if numeric:
        low, high = compared.span or (0.0, 0.0)
        widest = max(high - low, 2.0 * most)
        hits, null = min(whole.total / widest, whole.rows), most / widest
    misses = whole.rows - hits
    concentration = _concentration()
    return float(log_beta_mixture(hits, misses, null, concentration=concentration, side="below"))


def _concentration() -> float:
    return tuned_concentration(EXPECTED_ROWS)


def _seen(whole: Agreement, *, numeric: bool) -> dict[str, float]:
    if not numeric:
        return {"rows": whole.rows, "apart": whole.apart}
    return {"rows": whole.rows, "mean": whole.total / whole.rows if whole.rows else 0.0}
