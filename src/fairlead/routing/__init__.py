"""Which version answers which request: routes as values, assignment as a pure function."""

from fairlead.routing.assign import owners, slot_of_request, slot_of_unit
from fairlead.routing.types import ROUTES, SLOTS, Arm, AssignedBy, Role, Route, VersionRef

__all__ = [
    "ROUTES",
    "SLOTS",
    "Arm",
    "AssignedBy",
    "Role",
    "Route",
    "VersionRef",
    "owners",
    "slot_of_request",
    "slot_of_unit",
]
