"""One metric of two versions' answers, and how surely they differ in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError
from fairlead.monitoring.measure import Answers, Labels
from fairlead.stats import Estimate, share_difference, studentized_pair, value_of
from fairlead.updates.judge import Seen
from fairlead.updates.types import Gate

Values = npt.NDArray[Any]
Pair = tuple[Answers, Answers]

OF_LABELS = frozenset(
    {"accuracy", "balanced_accuracy", "macro_precision", "macro_f1", "precision", "recall", "f1"}
)
"""Metrics of the answered labels alone, whatever the probabilities are."""
OF_TWO = frozenset({"roc_auc", "average_precision", "precision", "recall", "f1"})
"""Metrics that there are of two classes only."""
OF_CHANCES = frozenset({"log_loss", "brier", "calibration_error", "roc_auc", "average_precision"})


def metric_of(gate: Gate, pair: Pair) -> str:
    """The metric that decides: the gate's own, or the usual one of such answers.

    Args:
        gate: what must be proven.
        pair: champion's and challenger's answers.

    Raises:
        ConfigError: no such answers have the gate's metric.
    """
    known = [set(each.statistics()) for each in pair]
    if gate.metric:
        possible = known[0] | known[1]
        if isinstance(pair[0], Labels):
            possible |= OF_TWO | OF_CHANCES
        if gate.metric not in possible:
            raise ConfigError(
                f"These answers have no metric {gate.metric}.",
                hint=f"They have {', '.join(sorted(possible))}.",
            )
        return gate.metric
    if not isinstance(pair[0], Labels):
        return "mae"
    return "roc_auc" if "roc_auc" in known[0] & known[1] else "accuracy"


def see(metric: str, pair: Pair, *, alpha: float, units: Values | None = None, seed: int) -> Seen:
    """Measure both versions, and how they differ.

    Args:
        metric: by its name.
        pair: champion's and challenger's answers to the same rows.
        alpha: chance of error of each end of the difference's interval.
        units: whose row each is, if rows of one are alike.
        seed: of the resampling.
    """
    champion, challenger = pair
    ours, theirs = (each.statistics().get(metric) for each in (challenger, champion))
    rows = champion.rows
    values = [
        None if each is None or not np.isfinite(found := value_of(each, rows)) else found
        for each in (theirs, ours)
    ]
    apart, exact = None, False
    if ours is not None and theirs is not None and None not in values and rows > 1:
        exact = metric == "accuracy" and units is None
        apart = (
            _of_hits(pair, alpha)
            if exact
            else studentized_pair(ours, theirs, rows, seed=seed, confidence=1.0 - 2.0 * alpha,
                                  units=units)
        )  # fmt: skip
    return Seen(
        metric=metric,
        rows=rows,
        champion=values[0],
        challenger=values[1],
        difference=apart,
        differing=int(_differing(metric, pair).sum()),
        exact=exact,
    )


def _of_hits(pair: Pair, alpha: float) -> Estimate:
    champion, challenger = pair
    assert isinstance(champion, Labels)
    assert isinstance(challenger, Labels)
    gained = int((challenger.hits & ~champion.hits).sum())
    lost = int((champion.hits & ~challenger.hits).sum())
    return share_difference(gained, lost, champion.rows, confidence=1.0 - 2.0 * alpha)


def _differing(metric: str, pair: Pair) -> npt.NDArray[np.bool_]:
    """On which rows the two do not answer the same."""
    champion, challenger = pair
    apart = np.asarray(champion.predicted != challenger.predicted)
    if metric in OF_LABELS or not isinstance(champion, Labels):
        return apart
    assert isinstance(challenger, Labels)
    if champion.chances is None or challenger.chances is None:
        return apart
    for name in ("true", "answered", "squares"):
        apart = apart | (getattr(champion.chances, name) != getattr(challenger.chances, name))
    return apart
