"""What is said of an update that has ended: why it was made, what came of it, on what evidence."""

from __future__ import annotations

from fairlead.alerts import Evidence, Message
from fairlead.alerts.compose import TITLE_LENGTH_MAX, clean
from fairlead.updates.decide import in_words
from fairlead.updates.types import Update

CAUSES_MAX = 10


def announce(update: Update) -> Message:
    """Write the message about an update that has ended."""
    assert update.outcome is not None
    failed = update.outcome == "failed"
    lines = [
        f"The update {update.name} has ended: {update.outcome}.",
        *(f"Because of {in_words(cause)}" for cause in update.causes[:CAUSES_MAX]),
        summary(update),
    ]
    return Message(
        endpoint=update.endpoint,
        cause=f"update {update.endpoint}",
        severity="ticket" if failed else "digest",
        title=clean(f"[{update.outcome}] update {update.name}: {summary(update)}")[
            :TITLE_LENGTH_MAX
        ],
        text="\n".join(clean(line) for line in lines if line),
        alerts=(),
        event=f"update {update.outcome}",
        detail=detail(update),
    )


def summary(update: Update) -> str:
    """What came of it, in a line."""
    if update.made is None or update.outcome in ("failed", "cancelled"):
        return update.error
    made = update.made
    return f"{made.candidate or 'nothing'} against {made.champion}: {made.judgement.reason}"


def detail(update: Update) -> Evidence:
    """Its numbers, for programs and the audit."""
    found: Evidence = {
        "update": update.name, "state": update.state, "outcome": update.outcome,
        "mode": update.mode, "failures": update.failures,
        "causes": "; ".join(in_words(cause) for cause in update.causes[:CAUSES_MAX]),
        "release": update.release, "approved_by": update.approved_by, "error": update.error,
    }  # fmt: skip
    made = update.made
    if made is not None:
        found |= {
            "champion": made.champion, "candidate": made.candidate, "change": made.change,
            "verdict": made.judgement.verdict, "reason": made.judgement.reason,
            "rows": made.learnt.train.rows, "holdout": made.learnt.holdout.rows,
            "as_of_us": made.learnt.as_of_us, "data": made.learnt.train.digest,
            "train_us": made.train_us,
        }  # fmt: skip
        for finding in made.judgement.findings:
            if finding.difference is not None:
                found[finding.name] = finding.difference.value
                found[f"{finding.name}.low"] = finding.difference.low
                found[f"{finding.name}.high"] = finding.difference.high
    return {name: value for name, value in found.items() if value not in ("", None)}
