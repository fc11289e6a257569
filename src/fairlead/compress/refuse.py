"""Whether a form may be taken: by what it loses, and by how often it answers as the original."""

from __future__ import annotations

from fairlead.compress.types import Compared, Limits
from fairlead.monitoring.evaluate import LESS_IS_BETTER

SURENESS_MIN = 0.51
KAPPA_MIN = 0.8
"""Of labels: who always says the most frequent one agrees often, and knows nothing."""


def confidence_of(limits: Limits) -> float:
    """Of two-sided intervals, for each end to hold with the sureness that is asked for.

    Example:
        >>> round(confidence_of(Limits(sureness=0.8)), 3)
        0.6
    """
    return 2.0 * max(limits.sureness, SURENESS_MIN) - 1.0


def refuse(compared: Compared, limits: Limits) -> str:
    """Why a form is not taken; empty if it may be.

    Without labels the share of rows that are answered otherwise takes the place of the drop: no
    share of right answers can fall by more.

    Args:
        compared: with the original, with intervals of `confidence_of(limits)`.
        limits: of what it may lose.

    Example:
        >>> from fairlead.stats import Estimate
        >>> one = Compared(rows=900, metric="accuracy", original=0.98, value=0.97,
        ...                change=Estimate(-0.01, -0.013, -0.007),
        ...                agreement=Estimate(0.98, 0.976, 0.984), kappa=0.97)
        >>> refuse(one, Limits())
        'accuracy changes by -1.00 pp, maybe by -1.30 pp; -0.50 pp is allowed'
        >>> refuse(one, Limits(max_drop=0.02))
        ''
    """
    reasons = [_of_drop(compared, limits), _of_agreement(compared, limits), _of_kappa(compared)]
    return next((reason for reason in reasons if reason), "")


def drop_of(limits: Limits, original: float | None) -> float:
    """What may be lost, in the metric's unit."""
    whole = abs(original) if limits.relative and original is not None else 1.0
    return limits.max_drop * whole


def _of_drop(compared: Compared, limits: Limits) -> str:
    if not compared.metric:
        return ""
    if compared.change is None or compared.value is None:
        return f"{compared.metric} is undefined on the rows that forms are chosen by"
    change, allowed = compared.change, drop_of(limits, compared.original)
    same = change.value == 0.0 and compared.agreement.value == 1.0
    low = min(change.value, change.low)
    if same or low >= -allowed:
        return ""
    said = [in_words(compared.metric, each) for each in (change.value, low, -allowed)]
    return f"{compared.metric} changes by {said[0]}, maybe by {said[1]}; {said[2]} is allowed"


def in_words(metric: str, change: float) -> str:
    """A change of a metric, in percentage points where it is a share; below 0 is worse.

    Example:
        >>> in_words("accuracy", -0.0125), in_words("mae", 0.25)
        ('-1.25 pp', '+0.25')
    """
    if metric in LESS_IS_BETTER - {"calibration_error", "brier", "mape"}:
        return f"{change:+.4g}"
    return f"{100.0 * change:+.2f} pp"


def _of_agreement(compared: Compared, limits: Limits) -> str:
    wanted = limits.agreement_min if compared.metric else 1.0 - limits.max_drop
    agreement = compared.agreement
    if min(agreement.value, agreement.low) >= wanted:
        return ""
    return (
        f"{agreement.value:.2%} of rows are answered alike, maybe {agreement.low:.2%}; "
        f"{wanted:.2%} must be"
    )


def _of_kappa(compared: Compared) -> str:
    if compared.kappa is None or compared.kappa >= KAPPA_MIN:
        return ""
    return (
        f"beyond chance its labels agree by a kappa of {compared.kappa:.2f}; {KAPPA_MIN} is asked "
        "for"
    )
