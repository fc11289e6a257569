"""Updates: a model is trained on newer data, proven better than what answers, and released.

What speaks for an update gathers until it is due; an attempt in its own process learns from the
log, packages and measures; the gate decides, and the release controller lets it out.
"""

from fairlead.updates.book import Overview, UpdateBook
from fairlead.updates.controller import UpdateController
from fairlead.updates.settings import UpdateSettings, rooted, spec_of
from fairlead.updates.types import (
    STAGES,
    UPDATES,
    UPDATING,
    Broken,
    Cause,
    DataSpec,
    Doing,
    Done,
    Gate,
    Judgement,
    Learnt,
    Made,
    Standing,
    Told,
    Update,
    UpdateSpec,
    Word,
    lease_of,
)

__all__ = [
    "STAGES",
    "UPDATES",
    "UPDATING",
    "Broken",
    "Cause",
    "DataSpec",
    "Doing",
    "Done",
    "Gate",
    "Judgement",
    "Learnt",
    "Made",
    "Overview",
    "Standing",
    "Told",
    "Update",
    "UpdateBook",
    "UpdateController",
    "UpdateSettings",
    "UpdateSpec",
    "Word",
    "lease_of",
    "rooted",
    "spec_of",
]
