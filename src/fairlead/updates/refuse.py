"""What refuses a challenger however good its metric is: cost, a broken proof, constancy, leaks."""

from __future__ import annotations

from collections.abc import Iterable

from fairlead.bundle import Proof
from fairlead.stats import Estimate, rise_p_value
from fairlead.updates.tell import Telling
from fairlead.updates.types import Finding, Verdict

LEAK_ALPHA = 0.01
"""One-sided, of all that speaks of a leak."""
LEAK_SHARE = 0.2
"""Of the holdout, beyond what repeats by itself, from which the challenger is leaky."""


def refuse_cost(
    name: str, unit: str, champion: float, challenger: float, ratio: float
) -> Finding | None:
    """Whether a challenger takes more than its budget.

    Args:
        name: `latency` or `size`.
        unit: of both: `µs a row`, `bytes`.
        champion: what it takes; 0 if that was not measured.
        challenger: the same of the new one.
        ratio: how many times as much it may take; 0 for any.

    Example:
        >>> refuse_cost("latency", "µs a row", 10.0, 25.0, 2.0).reason
        'latency: 25 µs a row, the champion 10: 2.5 times as much; 2 times are allowed.'
    """
    if not ratio:
        return None
    if champion <= 0.0 or challenger <= 0.0:
        return _finding(name, "not enough data", f"{name}: it was not measured of both versions.")
    times = challenger / champion
    said = f"{name}: {challenger:.4g} {unit}, the champion {champion:.4g}: {times:.3g} times as"
    return Finding(
        name=name,
        verdict="reject" if times > ratio else "promote",
        reason=f"{said} much; {ratio:g} times are allowed.",
        champion=champion,
        challenger=challenger,
        limit=ratio,
    )


def refuse_proof(proof: Proof | None) -> Finding | None:
    """Whether the packaged challenger answers as what was trained does."""
    if proof is None:
        return None
    broken = f"The packaged version answers {proof.differing} of {proof.rows} rows differently"
    kept = f"The packaged version answers all {proof.rows} rows of its proof as the trained one."
    said = f"{broken} from the trained one." if proof.differing else kept
    return _finding("parity", "reject" if proof.differing else "promote", said, proof.rows)


def refuse_constant(answers: int, labels: int, rows: int) -> Finding:
    """Whether the challenger answers the same, whatever it is asked.

    Args:
        answers: how many different ones it gives.
        labels: how many different ones are true.
        rows: of the holdout.
    """
    if answers > 1 or labels < 2:
        return _finding("constant", "promote", "Its answers depend on what it is asked.", rows)
    why = f"It answers the same to all {rows} rows, of which the labels differ."
    return _finding("constant", "reject", why, rows)


def is_leaked(repeated: int, rows: int, usual: int, usual_rows: int) -> bool:
    """Whether more of the holdout stands in the training rows than repeats by itself.

    Example:
        >>> is_leaked(60, 100, 1, 100), is_leaked(60, 100, 58, 100)
        (True, False)
    """
    if not repeated:
        return False
    # One more, so that the test also holds where nothing repeats by itself.
    return rise_p_value(repeated, rows, usual + 1, max(usual_rows, 1)) < LEAK_ALPHA


def refuse_repeated(repeated: int, rows: int, usual: int, usual_rows: int) -> Finding:
    """Whether so much of the holdout stands in the training rows that it is none."""
    share, before = repeated / max(rows, 1), usual / max(usual_rows, 1)
    told = f"{repeated} of {rows} rows of the holdout ({share:.1%}) stand in the training rows"
    usually = f"{before:.1%} repeat by themselves"
    if not is_leaked(repeated, rows, usual, usual_rows):
        said = f"{told}; {usually}." if repeated else "No row of the holdout was trained on."
        return _finding("leak", "promote", said, rows)
    if share - before > LEAK_SHARE:
        return _finding("leak", "reject", f"{told}, where {usually}: no fair comparison.", rows)
    return _finding("leak", "promote", f"{told}, where {usually}: they are left out.", rows)


def refuse_telling(fields: Iterable[Telling]) -> list[Finding]:
    """Whether a field tells the label of training rows that it does not tell when it is asked."""
    return [
        Finding(
            name="leak",
            verdict="reject",
            reason=f"{one.field} alone tells the label of training rows ({one.trained:.4g}, where "
            f"1 is perfectly) and not that of the holdout ({one.held:.4g}): it holds what is "
            "known only afterwards.",
        )
        for one in fields
    ]


def refuse_placebo(metric: str, placebo: Estimate, chance: float, needed: float) -> Finding:
    """Whether a model that could learn nothing true knows the labels of the holdout.

    Args:
        metric: by which it is measured, one of which more is better.
        placebo: its value, with its interval.
        chance: what guessing reaches.
        needed: what a version must reach beside, half of what the challenger gains over chance.
    """
    knows = placebo.low > chance and placebo.value > needed
    told = f"Trained on wrong labels, the same function reaches {metric} {placebo.value:.4g}"
    beside = f"(at least {placebo.low:.4g}) on the holdout, where guessing has {chance:.4g}"
    why = ": it sees the labels of the holdout some other way." if knows else "."
    return Finding(
        name="leak",
        verdict="reject" if knows else "promote",
        reason=f"{told} {beside}{why}",
        challenger=placebo.value,
        limit=chance,
    )


def _finding(name: str, verdict: Verdict, reason: str, rows: int = 0) -> Finding:
    return Finding(name=name, verdict=verdict, reason=reason, rows=rows)
