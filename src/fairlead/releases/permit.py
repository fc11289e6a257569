"""Whether a person may tell a release what they tell it."""

from __future__ import annotations

from fairlead.errors import ConflictError, FairleadError
from fairlead.releases.outcomes.experiment import stand
from fairlead.releases.types import Evidence, Order, Release


def refuse(release: Release, order: Order, evidence: Evidence) -> FairleadError | None:
    """Why an order is not to be obeyed; None if it is.

    Args:
        release: that is told.
        order: what.
        evidence: of the release.

    Returns:
        ConflictError: the experiment's arms hold different people, and nothing is known of it.
    """
    if order.name == "approve" or (order.name == "promote" and not order.reason):
        return _unknown(release, evidence)
    return None


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
