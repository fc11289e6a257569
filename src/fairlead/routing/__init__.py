"""Which version answers which request, and who decides: routes as values, pure functions."""

from fairlead.routing.assign import owners, slot_of_request, slot_of_unit
from fairlead.routing.automate import Condition, check_automation, read_condition
from fairlead.routing.reweigh import reweigh
from fairlead.routing.types import (
    PERSON,
    ROUTES,
    SLOTS,
    Arm,
    AssignedBy,
    Automation,
    Mode,
    Role,
    Route,
    VersionRef,
    number_of,
)

__all__ = [
    "PERSON",
    "ROUTES",
    "SLOTS",
    "Arm",
    "AssignedBy",
    "Automation",
    "Condition",
    "Mode",
    "Role",
    "Route",
    "VersionRef",
    "check_automation",
    "number_of",
    "owners",
    "read_condition",
    "reweigh",
    "slot_of_request",
    "slot_of_unit",
]
