"""Models that learn as labels arrive: one process learns, its checkpoints become versions.

Each labelled row is predicted first and learnt then, so that its error is honest. Where a learner
is proven worse than the last good version, it is frozen or rolled back.
"""

from fairlead.learning.book import OnlineBook, Standing
from fairlead.learning.decide import is_failing, superseded
from fairlead.learning.describe import describe_learned
from fairlead.learning.settings import OnlineSettings, online_of
from fairlead.learning.types import (
    FOLLOWING,
    LEARNERS,
    Following,
    Learner,
    OnlineSpec,
    Stopped,
    lease_of,
)

__all__ = [
    "FOLLOWING",
    "LEARNERS",
    "Following",
    "Learner",
    "OnlineBook",
    "OnlineSettings",
    "OnlineSpec",
    "Standing",
    "Stopped",
    "describe_learned",
    "is_failing",
    "lease_of",
    "online_of",
    "superseded",
]
