"""Releases: an endpoint moves to another version only when every worker is ready for it."""

from fairlead.releases.controller import ReleaseController
from fairlead.releases.decide import decide
from fairlead.releases.plan import PlanSettings, chosen, plan_of, settings_of
from fairlead.releases.types import (
    MOVING,
    NOW,
    OPEN,
    RELEASES,
    Decision,
    Evidence,
    Guard,
    Judged,
    Order,
    OrderName,
    Plan,
    Release,
    State,
    Step,
    Strategy,
    WorkerView,
)

__all__ = [
    "MOVING",
    "NOW",
    "OPEN",
    "RELEASES",
    "Decision",
    "Evidence",
    "Guard",
    "Judged",
    "Order",
    "OrderName",
    "Plan",
    "PlanSettings",
    "Release",
    "ReleaseController",
    "State",
    "Step",
    "Strategy",
    "WorkerView",
    "chosen",
    "decide",
    "plan_of",
    "settings_of",
]
