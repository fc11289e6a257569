"""The latest facts of a stream's performance, for whoever tells of them."""

from __future__ import annotations

from math import sqrt

import msgspec

from fairlead.monitoring.accounts import Account
from fairlead.monitoring.explain import Culprit, Explanation
from fairlead.monitoring.guard import Guard, Verdict
from fairlead.monitoring.reckon import Model
from fairlead.monitoring.records import Stream
from fairlead.stats import Estimate

Shown = str | int | float | bool | None


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """What one guard says now.

    Args:
        stream: that is guarded.
        name: accuracy, rmse, concept_drift, estimated_accuracy or estimated_rmse.
        time_us: up to which rows were tested: end of their last window, microseconds since 1970.
        value: of the last batch, with its interval; of concept drift the mean loss.
        proven: whether harm was proven and is not over.
        cause: the field that the change points at; empty if none or not known yet.
        look_at: what to look at next, in words; empty likewise.
        evidence: numbers to show.
    """

    stream: Stream
    name: str
    time_us: int
    value: Estimate
    proven: bool
    cause: str = ""
    look_at: str = ""
    evidence: dict[str, Shown] = {}


def facts(account: Account, model: Model) -> tuple[Fact, ...]:
    """The facts of a stream; a guard that could not test anything yet has none.

    Args:
        account: of the stream.
        model: of its version.
    """
    return tuple(
        _fact(account, name, state, state.verdict, model)
        for name, state in account.guards.items()
        if state.verdict is not None
    )


def _fact(account: Account, name: str, state: Guard, verdict: Verdict, model: Model) -> Fact:
    why = account.explanations.get(name)
    culprit = why.culprits[0] if why is not None and why.culprits else None
    reference, limit = (_shown(name, Estimate(x, x, x)).value
                        for x in (verdict.reference, verdict.limit))  # fmt: skip
    evidence: dict[str, Shown] = {
        "rows": verdict.rows,
        "reference": reference,
        "limit": limit,
        "p_value": verdict.p_value,
        "evidence": verdict.evidence,
        "evidence_needed": verdict.threshold,
        "overdispersion": verdict.factor,
    }
    if name == "concept_drift":
        evidence["loss"] = model.drift_loss
    return Fact(
        stream=account.stream,
        name=name,
        time_us=verdict.until_us,
        value=_shown(name, verdict.value),
        proven=state.proven,
        cause="" if culprit is None else culprit.field,
        look_at="" if culprit is None else _words(culprit),
        evidence=evidence | ({} if why is None else _explained(why)),
    )


def _shown(name: str, loss: Estimate) -> Estimate:
    """A mean loss as the metric it is told as."""
    if name.endswith("accuracy"):
        return Estimate(1.0 - loss.value, 1.0 - loss.high, 1.0 - loss.low)
    if name.endswith("rmse"):
        return Estimate(sqrt(loss.value), sqrt(loss.low), sqrt(loss.high))
    return loss


def _explained(why: Explanation) -> dict[str, Shown]:
    told: dict[str, Shown] = {
        "loss_before": why.before,
        "loss_since": why.after,
        "rows_before": why.rows_before,
        "rows_since": why.rows_after,
    }
    if why.adwin is not None:
        told["adwin_agrees"] = why.adwin
    for place, culprit in enumerate(why.culprits, 1):
        told[f"culprit_{place}"] = _words(culprit)
    return told


def _words(culprit: Culprit) -> str:
    """A culprit in a sentence.

    Example:
        >>> _words(Culprit(field="plan", segment="free", how="moved", part=0.05, before=0.2,
        ...                after=0.6, score=9.0))
        'plan = free: its share went from 20% to 60% of rows, which adds 0.05 to the mean loss.'
    """
    where = f"{culprit.field} = {culprit.segment}"
    if culprit.how == "moved":
        return (
            f"{where}: its share went from {culprit.before:.0%} to {culprit.after:.0%} of rows, "
            f"which adds {culprit.part:.3g} to the mean loss."
        )
    return (
        f"{where}, {culprit.after:.0%} of rows: answers became worse there than elsewhere, which "
        f"adds {culprit.part:.3g} to the mean loss."
    )
