"""How the guards stand that hold a shadow's answers against those that callers were given."""

from __future__ import annotations

from fairlead.releases.comparison import EXPECTED_ROWS, Agreement, Comparison
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
        >>> guard = Guard("disagreement", most=0.05)
        >>> seen = Comparison(whole=Agreement(1000, 90))
        >>> judge_answers(guard, seen, 0.05).verdict.finding
        'worse'
    """
    assert guard.most is not None
    whole = compared.whole
    numeric = guard.name == "difference"
    told = (_differing if numeric else _disagreeing)(whole, guard.most)
    worse, kept = told if compared.numeric == numeric else (0.0, 0.0)
    return Judged(guard, verdict_of(worse, kept, alpha=alpha), _seen(whole, numeric=numeric))


def _disagreeing(whole: Agreement, most: float) -> tuple[float, float]:
    """Evidence that more rows disagree, and that fewer do."""
    concentration = tuned_concentration(EXPECTED_ROWS)
    hits, misses = whole.apart, whole.rows - whole.apart
    above, below = (
        float(log_beta_mixture(hits, misses, most, concentration=concentration, side=side))
        for side in ("above", "below")
    )
    return above, below


def _differing(whole: Agreement, most: float) -> tuple[float, float]:
    """Evidence that the mean difference is larger, and that it is smaller.

    As if one more row had differed from the mean by as much as the guard allows: else two versions
    that always answer the same would have no variance, and nothing to be held against.
    """
    if whole.rows < EVENTS_MIN:
        return 0.0, 0.0
    of_row = whole.variance + most * most / whole.rows
    apart, rho = whole.total / whole.rows - most, tuned_rho(EXPECTED_ROWS, sides=1)
    above, below = (
        float(log_normal_mixture(apart, of_row / whole.rows, rho * rho * of_row, side=side))
        for side in ("above", "below")
    )
    return above, below


def _seen(whole: Agreement, *, numeric: bool) -> dict[str, float]:
    if not numeric:
        return {"rows": whole.rows, "apart": whole.apart}
    return {"rows": whole.rows, "mean": whole.total / whole.rows if whole.rows else 0.0}
