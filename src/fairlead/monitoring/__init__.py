"""Whether an endpoint's data have moved or broken, with a stated budget of false alarms."""

from fairlead.monitoring.compare import compare
from fairlead.monitoring.detect import detect, join, watch
from fairlead.monitoring.domain import Domain, tell_apart
from fairlead.monitoring.quality import volume
from fairlead.monitoring.recall import DAY_US, WEEK_US, recall
from fairlead.monitoring.types import (
    Budget,
    Comparison,
    Detection,
    Drift,
    Plan,
    Quality,
    Rule,
    State,
    Volume,
    Watched,
    Window,
)

__all__ = [
    "DAY_US",
    "WEEK_US",
    "Budget",
    "Comparison",
    "Detection",
    "Domain",
    "Drift",
    "Plan",
    "Quality",
    "Rule",
    "State",
    "Volume",
    "Watched",
    "Window",
    "compare",
    "detect",
    "join",
    "recall",
    "tell_apart",
    "volume",
    "watch",
]
