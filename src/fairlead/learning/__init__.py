"""Models that learn as labels arrive: one process learns, its checkpoints become versions.

Each labelled row is predicted first and learnt then, so that its error is honest. Where a learner
is proven worse than the last good version, it is frozen or rolled back.
"""

from fairlead.learning.book import OnlineBook, Standing
from fairlead.learning.describe import describe_learned
from fairlead.learning.settings import OnlineSettings, online_of
from fairlead.learning.types import LEARNERS, Learner, OnlineSpec, Stopped, lease_of

__all__ = [
    "LEARNERS",
    "Learner",
    "OnlineBook",
    "OnlineSettings",
    "OnlineSpec",
    "Standing",
    "Stopped",
    "describe_learned",
    "lease_of",
    "online_of",
]
