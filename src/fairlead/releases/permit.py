"""Whether a person may tell a release what they tell it."""

from __future__ import annotations

from fairlead.errors import ConflictError, FairleadError, ForbiddenError
from fairlead.releases.outcomes.experiment import stand
from fairlead.releases.types import OPEN, Evidence, Order, OrderName, Release

GO_ON: tuple[OrderName, ...] = ("approve", "promote")
"""Orders that let a candidate go on, which what is known of it may speak against."""


def refuse(release: Release, order: Order, evidence: Evidence) -> FairleadError | None:
    """Why an order is not to be obeyed; None if it is.

    A step `approve:NAME` is left on the word of who has that name: the name of their key, or of
    the user at the command line. To promote leaves all steps behind, so it takes the same word.

    Args:
        release: that is told.
        order: what.
        evidence: of the release.

    Returns:
        ForbiddenError: it waits for the word of somebody else.
        ConflictError: the experiment's arms hold different people, and nothing is known of it.
    """
    if order.name not in GO_ON:
        return None
    others = [who for who in _awaited(release, order) if who != order.actor]
    if others:
        return ForbiddenError(
            f"{release.version.name} waits for the word of '{others[0]}', and '{order.actor}' "
            "gave theirs.",
            hint="Their key has that name, or their user at the command line.",
        )
    if order.name == "approve" or not order.reason:
        return _unknown(release, evidence)
    return None


def offered(release: Release) -> tuple[OrderName, ...]:
    """The orders that make sense for a release at this point; whether who may is `refuse`'s.

    To abort and to roll back an open release is the same; it is called by what it does: where the
    candidate answers somebody they are taken back, else nobody notices.

    Args:
        release: in any state.
    """
    if release.state not in OPEN or release.order is not None:
        return ()
    begun = release.state not in ("requested", "preparing")
    found: list[OrderName] = []
    if release.state == "asking":
        found.append("approve")
    if release.paused:
        found.append("resume")
    elif release.state != "asking":
        found.append("pause")
    if begun and release.state != "baking":
        found.append("promote")
    answers = begun and release.share > 0
    return (*found, "rollback" if answers else "abort")


def _awaited(release: Release, order: Order) -> list[str]:
    """Whose word is needed for what is left behind."""
    if order.name == "promote":
        passed = release.plan.steps[release.step :]
    else:
        passed = release.plan.steps[release.step : release.step + 1]
    return [step.who for step in passed if step.who]


def _unknown(release: Release, evidence: Evidence) -> FairleadError | None:
    """Refuse a word for a candidate of which the experiment could tell nothing."""
    goal = release.plan.goal
    if goal is None or not stand(release.plan, evidence.outcomes).is_mismatched:
        return None
    return ConflictError(
        f"Units are not split as the route says, so that nothing is known of {goal.name}: "
        f"{release.version.name} cannot be approved.",
        hint="End it with 'abort', or give it all traffic all the same: 'promote', with a reason.",
    )
