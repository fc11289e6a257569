"""What a statement changes in its account, and when what was taken in is tested."""

from __future__ import annotations

from msgspec.structs import replace

from fairlead.monitoring.accounts import Account, Intake, Statement
from fairlead.monitoring.guard import (
    Guard,
    Moments,
    add_losses,
    add_moments,
    expected,
    gained,
    guard,
)
from fairlead.monitoring.reckon import Model
from fairlead.monitoring.types import Plan, Terms

CONCEPT_DRIFT = "concept_drift"


def take(
    account: Account, before: Statement | None, after: Statement, model: Model, plan: Plan,
    now_us: int,
) -> Account:  # fmt: skip
    """Take in the statement of a window.

    Rows that have a label for the first time wait to be tested. What is estimated of a window is
    tested with its first statement, and never again; together with the next ones if it has few
    rows.

    Args:
        account: of the stream.
        before: what was stated of the window so far.
        after: what is stated now.
        model: of the version.
        plan: how the endpoint is watched.
        now_us: microseconds since 1970.
    """
    due = {start: at for start, at in account.due.items() if start != after.start_us}
    taken = replace(account, due=due)
    known = {} if before is None else before.first
    none = Moments()
    fresh = {kind: gained(known.get(kind, none), now) for kind, now in after.first.items()}
    if any(losses.rows for losses in fresh.values()):
        intake = account.intake or Intake(opened_us=now_us, until_us=0, losses={})
        intake = replace(
            intake,
            until_us=max(intake.until_us, after.end_us),
            losses=add_losses(intake.losses, fresh),
        )
        taken = replace(taken, intake=intake)
    return _estimated(taken, after, model, plan.terms) if before is None else taken


def close(account: Account, model: Model, terms: Terms, length_us: int, now_us: int) -> Account:
    """Test what was taken in, if the window in which that began is over and it is enough.

    Args:
        account: of the stream.
        model: of the version.
        terms: of its endpoint.
        length_us: of a window.
        now_us: microseconds since 1970.
    """
    intake = account.intake
    if intake is None or now_us // length_us <= intake.opened_us // length_us:
        return account
    if max((losses.rows for losses in intake.losses.values()), default=0) < terms.rows_min:
        return account
    guards, until_us = dict(account.guards), intake.until_us
    if model.metric is not None and model.reference is not None:
        state = guards.get(model.metric, Guard())
        batch = intake.losses.get(model.loss, Moments())
        guards[model.metric] = guard(
            state, batch, model.loss, terms, until_us, reference=model.reference
        )
    state = guards.get(CONCEPT_DRIFT, Guard())
    batch = intake.losses.get(model.drift_loss, Moments())
    guards[CONCEPT_DRIFT] = guard(state, batch, model.drift_loss, terms, until_us)
    return _judged(replace(account, intake=None), guards)


def _estimated(account: Account, statement: Statement, model: Model, terms: Terms) -> Account:
    ledger, metric, reference = statement.ledger, model.metric, model.reference
    if ledger is None or metric not in ledger.entries or reference is None:
        return account
    name = f"estimated_{metric}"
    estimate = ledger.entries[metric].estimated
    batch = add_moments(account.foreseen, expected(estimate, ledger.rows, model.loss))
    if batch.rows < terms.rows_min:
        return replace(account, foreseen=batch)
    state = account.guards.get(name, Guard())
    after = guard(state, batch, model.loss, terms, statement.end_us, reference=reference)
    return _judged(replace(account, foreseen=Moments()), account.guards | {name: after})


def _judged(account: Account, guards: dict[str, Guard]) -> Account:
    """The account with newly proven harm to be looked into, and what is over forgotten."""
    before = {name for name, state in account.guards.items() if state.proven}
    harm = {name for name, state in guards.items() if state.proven}
    waiting = [name for name in account.unexplained if name in harm]
    kept = {name: why for name, why in account.explanations.items() if name in harm & before}
    unexplained = (*waiting, *sorted(harm - before))
    return replace(account, guards=guards, unexplained=unexplained, explanations=kept)
