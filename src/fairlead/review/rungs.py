"""How far a model may be trusted: what its rung has shown, and whether that supports the next."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fairlead.review.tally import Judged, Tally
from fairlead.stats import Estimate, bernoulli_sequence, kappa
from fairlead.stats.agreement import square

RUNGS = ("human", "shadow", "assist", "partial", "full")
"""Each leaves the model more than the one before."""


class Asked(msgspec.Struct, frozen=True):
    """What the next rung asks for.

    Args:
        agreement: that the lower end of its interval must reach.
        by_label: share of each label's rows on which the model must agree.
        rows: that were judged, at least.
        rows_by_label: of each label, at least.
    """

    agreement: float
    by_label: float
    rows: int
    rows_by_label: int


ASKED = {
    "assist": Asked(0.7, 0.5, 50, 5),
    "partial": Asked(0.9, 0.8, 200, 20),
    "full": Asked(0.95, 0.9, 500, 30),
}


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """What one mode of an endpoint has shown of a version.

    Args:
        mode: of the endpoint.
        version: that predicted.
        rows: that were asked for.
        judged: rows that agreement is of: in `partial` and `full` those that were audited.
        coverage: share of the rows that the model decided; None without rows.
        agreement: share of the judged rows on which model and person agree, whenever looked at.
        override: share on which a person set an answer of the model aside that callers had been
            given or reviewers shown; None where there was none.
        kappa: agreement beyond chance, of labels; its interval is for one look.
        next: the rung above; empty above the last.
        supported: whether the evidence supports that.
        reasons: in words and numbers.
    """

    mode: str
    version: str
    rows: int
    judged: int
    coverage: float | None
    agreement: Estimate | None
    override: Estimate | None
    kappa: Estimate | None
    next: str
    supported: bool
    reasons: tuple[str, ...]


def rung_of(tally: Tally, labels: Sequence[str] = ()) -> Rung:
    """Tell what was shown, and whether it supports the next rung.

    Agreement is told with a sequence that holds at every look, since it is looked at until it is
    enough. Callers of a rung above get what the model says of rows that wait now: for `full`
    these must agree, too, and not only those that it decides already.

    Args:
        tally: of a version in a mode.
        labels: that the model can answer with; none where it answers numbers or text.

    Example:
        >>> seen = Judged(600, 594, {"a": {"a": 297, "b": 3}, "b": {"b": 297, "a": 3}})
        >>> one = rung_of(Tally(endpoint="e", version="e:1", mode="shadow", pending=seen))
        >>> one.next, one.supported, one.reasons[0]
        ('assist', True, '600 rows were judged; 50 are asked for.')
    """
    judged = tally.audit if tally.mode in ("partial", "full") else tally.pending
    shown = tally.mode in ("assist", "partial", "full")
    agreement = _agreement(judged)
    above = _above(tally.mode)
    supported, reasons = _judge_next(tally, judged, above, labels)
    return Rung(
        mode=tally.mode,
        version=tally.version,
        rows=tally.rows,
        judged=judged.rows,
        coverage=tally.by_model / tally.rows if tally.rows else None,
        agreement=agreement,
        override=_turned(agreement) if shown else None,
        kappa=kappa(square(judged.labels)) if judged.labels else None,
        next=above,
        supported=supported,
        reasons=reasons,
    )


def _above(mode: str) -> str:
    place = RUNGS.index(mode) + 1 if mode in RUNGS else len(RUNGS)
    return RUNGS[place] if place < len(RUNGS) else ""


def _judge_next(
    tally: Tally, judged: Judged, above: str, labels: Sequence[str]
) -> tuple[bool, tuple[str, ...]]:
    if not above:
        return False, ("There is no rung above.",)
    if above == "shadow":
        return True, ("In the shadow nobody is given what the model says.",)
    asked = ASKED[above]
    checks = [*_enough(judged, asked), *_by_label(judged, asked, labels)]
    if above == "full":
        checks.append(_waiting(tally.pending, asked))
    told = tuple(reason for _, reason in checks)
    if tally.mode == "assist":
        told = (*told, "Reviewers saw the model's guess, and people tend to follow one.")
    return all(holds for holds, _ in checks), told


def _enough(judged: Judged, asked: Asked) -> list[tuple[bool, str]]:
    rows = f"{judged.rows} rows were judged; {asked.rows} are asked for."
    checks = [(judged.rows >= asked.rows, rows)]
    agreement = _agreement(judged)
    if agreement is not None:
        told = f"Model and person agree on {_interval(agreement)}"
        needed = f"at least {asked.agreement:.0%} is asked for at its lower end."
        checks.append((agreement.low >= asked.agreement, f"{told}; {needed}"))
    return checks


def _by_label(judged: Judged, asked: Asked, labels: Sequence[str]) -> list[tuple[bool, str]]:
    """What is short of each label; nothing where none is."""
    short = []
    for label in labels or [*judged.labels]:
        row = judged.labels.get(label, {})
        rows, agreed = sum(row.values()), row.get(label, 0)
        if rows < asked.rows_by_label:
            needed = f"{asked.rows_by_label} are asked for"
            short.append((False, f"Of '{label}' {rows} rows were judged; {needed}."))
        elif agreed < asked.by_label * rows:
            told = f"Of '{label}' the model agrees on {agreed / rows:.1%} of {rows} rows"
            short.append((False, f"{told}; {asked.by_label:.0%} is asked for."))
    return short


def _waiting(pending: Judged, asked: Asked) -> tuple[bool, str]:
    """Whether the model would have decided right what it leaves to people."""
    agreement = _agreement(pending)
    if agreement is None:
        return True, "No row has waited for a person."
    told = f"On rows that waited both agree on {_interval(agreement)}"
    return agreement.low >= asked.agreement, f"{told}; the model would decide these, too."


def _agreement(judged: Judged) -> Estimate | None:
    return bernoulli_sequence(judged.agreed, judged.rows) if judged.rows else None


def _turned(share: Estimate | None) -> Estimate | None:
    if share is None:
        return None
    return Estimate(1.0 - share.value, 1.0 - share.high, 1.0 - share.low)


def _interval(share: Estimate) -> str:
    return f"{share.value:.1%} (interval {share.low:.1%} to {share.high:.1%})"
