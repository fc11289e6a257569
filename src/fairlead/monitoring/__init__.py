"""Whether a model is still right: its answers against labels, against estimates, and why."""

from fairlead.monitoring.attribute import (
    Attribution,
    Segments,
    attribute,
    merge_segments,
    name_segments,
    sum_segments,
)
from fairlead.monitoring.business import Goal, business
from fairlead.monitoring.estimate import (
    Estimator,
    decode_estimator,
    encode_estimator,
    expected_losses,
    fit_estimator,
)
from fairlead.monitoring.evaluate import Evaluation, evaluate
from fairlead.monitoring.ledger import Ledger, Score, Tally, merge_tallies, score, settle, tally
from fairlead.monitoring.performance import (
    Coverage,
    LossStream,
    Performance,
    losses,
    performance,
)
from fairlead.monitoring.rows import Answered, answered

__all__ = [
    "Answered",
    "Attribution",
    "Coverage",
    "Estimator",
    "Evaluation",
    "Goal",
    "Ledger",
    "LossStream",
    "Performance",
    "Score",
    "Segments",
    "Tally",
    "answered",
    "attribute",
    "business",
    "decode_estimator",
    "encode_estimator",
    "evaluate",
    "expected_losses",
    "fit_estimator",
    "losses",
    "merge_segments",
    "merge_tallies",
    "name_segments",
    "performance",
    "score",
    "settle",
    "sum_segments",
    "tally",
]
