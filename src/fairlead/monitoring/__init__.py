"""Whether data have moved or broken, and whether the model is still right."""

from fairlead.monitoring.attribute import (
    Attribution,
    Segments,
    attribute,
    merge_segments,
    name_segments,
    sum_segments,
)
from fairlead.monitoring.business import Goal, business
from fairlead.monitoring.compare import compare
from fairlead.monitoring.detect import detect, watch
from fairlead.monitoring.domain import Domain, tell_apart
from fairlead.monitoring.estimate import (
    Estimator,
    decode_estimator,
    encode_estimator,
    expected_losses,
    fit_estimator,
)
from fairlead.monitoring.evaluate import Evaluation, evaluate
from fairlead.monitoring.ledger import Ledger, Score, Tally, merge_tallies, score, settle, tally
from fairlead.monitoring.performance import Coverage, LossStream, Performance, losses, performance
from fairlead.monitoring.recall import DAY_US, WEEK_US, recall
from fairlead.monitoring.rows import Answered, answered
from fairlead.monitoring.steps import first_changed
from fairlead.monitoring.traffic import volume
from fairlead.monitoring.types import (
    Budget,
    Comparison,
    Detection,
    Drift,
    Plan,
    Quality,
    Rule,
    State,
    Terms,
    Volume,
    Watched,
    Window,
)

__all__ = [
    "DAY_US",
    "WEEK_US",
    "Answered",
    "Attribution",
    "Budget",
    "Comparison",
    "Coverage",
    "Detection",
    "Domain",
    "Drift",
    "Estimator",
    "Evaluation",
    "Goal",
    "Ledger",
    "LossStream",
    "Performance",
    "Plan",
    "Quality",
    "Rule",
    "Score",
    "Segments",
    "State",
    "Tally",
    "Terms",
    "Volume",
    "Watched",
    "Window",
    "answered",
    "attribute",
    "business",
    "compare",
    "decode_estimator",
    "detect",
    "encode_estimator",
    "evaluate",
    "expected_losses",
    "first_changed",
    "fit_estimator",
    "losses",
    "merge_segments",
    "merge_tallies",
    "name_segments",
    "performance",
    "recall",
    "score",
    "settle",
    "sum_segments",
    "tally",
    "tell_apart",
    "volume",
    "watch",
]
