"""Which version answers which request: routes as values, assignment as a pure function."""

from fairlead.routing.assign import owners, slot_of_request, slot_of_unit
from fairlead.routing.reweigh import reweigh
from fairlead.routing.types import (
    ROUTES,
    SLOTS,
    Arm,
    AssignedBy,
    Role,
    Route,
    VersionRef,
    number_of,
)

__all__ = [
    "ROUTES",
    "SLOTS",
    "Arm",
    "AssignedBy",
    "Role",
    "Route",
    "VersionRef",
    "number_of",
    "owners",
    "reweigh",
    "slot_of_request",
    "slot_of_unit",
]
