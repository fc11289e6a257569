"""How often a version that is no better is promoted, over two thousand gates."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest

from fairlead.updates.types import Gate
from fairlead.updates.weigh import Answered, weigh
from support.versions import classifier, named, regressor

GATES = 2000
Versions = tuple[Any, Answered, Answered]


def labels(draw: np.random.Generator, rows: int) -> Versions:
    """Of which errors are partly on the same rows."""
    signal = draw.normal(size=rows)
    truth = named(draw.random(rows) < 1.0 / (1.0 + np.exp(-2.0 * signal)))
    hard = 0.7 * draw.normal(size=rows)
    ours, theirs = (signal + hard + 0.7 * draw.normal(size=rows) for _ in range(2))
    chances = (1.0 / (1.0 + np.exp(-2.0 * each)) for each in (ours, theirs))
    champion, challenger = (classifier(each) for each in chances)
    return truth, champion, challenger


def numbers(draw: np.random.Generator, rows: int) -> Versions:
    """Of which some errors are far larger than others."""
    truth = draw.normal(size=rows)
    ours, theirs = (draw.normal(size=rows) * np.exp(draw.normal(size=rows)) for _ in range(2))
    return truth, regressor(truth + ours), regressor(truth + theirs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "versions", "rows"),
    [("accuracy", labels, 80), ("roc_auc", labels, 50), ("mae", numbers, 50)],
)
def test_a_version_that_is_no_better_is_promoted_as_seldom_as_asked(
    metric: str, versions: Callable[[np.random.Generator, int], Versions], rows: int
) -> None:
    draw = np.random.default_rng(1)
    gate = Gate(metric=metric, calibration_margin=None)
    promoted = 0
    for seed in range(GATES):
        truth, champion, challenger = versions(draw, rows)
        found = weigh(gate, champion, challenger, truth, seed=seed)
        promoted += found.verdict == "promote"
    bound = gate.alpha + 3.0 * sqrt(gate.alpha * (1.0 - gate.alpha) / GATES)
    assert promoted / GATES <= bound
    # It does promote sometimes: what never says yes proves nothing.
    assert promoted > 0
