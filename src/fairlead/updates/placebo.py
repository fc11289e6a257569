"""A challenger too good to be true, and a training that would show why.

Where `is_suspicious` says so, the function trains once more, on `placebo_labels` in place of the
labels, and the answers of that model are given to `weigh(..., placebo=...)`. From those labels
nothing true can be learnt: a model that knows the holdout's all the same has seen them elsewhere,
in a file that the function reads or among the features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fairlead.monitoring.measure import Answers, Labels, Predictions
from fairlead.stats import Estimate, Statistic, bootstrap, value_of
from fairlead.updates.refuse import LEAK_ALPHA, refuse_placebo
from fairlead.updates.types import Finding

Values = npt.NDArray[Any]
Pair = tuple[Answers, Answers]

ERROR_SHARE = 0.25
"""Of the champion's error, up to which the challenger's is suspicious."""
ERROR_MAX = 0.02
"""Up to which it is nearly perfect."""
AGAINST = 0.1
"""How far placebo labels go against the true ones: as a correlation of -0.1, or Cohen's kappa."""
CLASSES_MAX = 20
GOLDEN = (5.0**0.5 - 1.0) / 2.0


def is_too_good(pair: Pair) -> bool:
    """Whether the challenger makes next to no errors, where the champion makes some.

    Args:
        pair: champion's and challenger's answers; errors are 1 - accuracy or 1 - roc_auc of
            labels, and 1 - r2 of numbers.
    """
    names = ("accuracy", "roc_auc") if isinstance(pair[0], Labels) else ("r2",)
    for name in names:
        known = [each.statistics().get(name) for each in pair]
        champion, challenger = (
            np.nan if each is None else 1.0 - value_of(each, pair[0].rows) for each in known
        )
        if challenger <= min(ERROR_SHARE * champion, ERROR_MAX) and champion > 0.0:
            return True
    return False


def placebo_labels(labels: Values, *, seed: int) -> Values:
    """The same labels on other rows, a little against the truth.

    Of labels that were only shuffled a model learns a faint relation by chance, as often with the
    truth as against it, and one that follows the truth faintly still ranks all rows right. So
    these are spread evenly over the true ones, and some go against them: what has learnt from
    them alone is worse than chance.

    Args:
        labels: of the training rows, shape (rows,), none missing.
        seed: the same gives the same.

    Example:
        >>> true = np.array(["no", "yes"] * 500)
        >>> given = placebo_labels(true, seed=1)
        >>> sorted(given) == sorted(true), round(float(np.mean(given == true)), 2)
        (True, 0.45)
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    codes = np.unique(labels, return_inverse=True)[1]
    order = np.lexsort((generator.random(len(codes)), codes))
    apart = np.zeros(len(order), dtype=np.bool_)
    share = _share_against(np.bincount(codes))
    steps = np.floor(np.arange(len(order) + 1) * share)
    apart[np.diff(steps) > 0] = True
    given = np.array(labels, copy=True)
    against, rest = order[apart], order[~apart]
    given[against] = labels[np.roll(against, len(against) // 2)]
    evenly = np.argsort(np.arange(len(rest)) * GOLDEN % 1.0)
    given[rest[evenly]] = labels[rest]
    return given


def judge_placebo(pair: Pair, *, seed: int) -> Finding:
    """Whether a model that could learn nothing true knows the labels of the holdout.

    Args:
        pair: the placebo's answers to the holdout, and the challenger's.
        seed: of the resampling.
    """
    name, chance, statistics = _measured(pair)
    placebo, challenger = statistics
    found = bootstrap({name: placebo}, pair[0].rows, seed=seed, confidence=1.0 - 2.0 * LEAK_ALPHA)
    # Undefined where there is but one class, of which nobody can tell.
    estimate = found.get(name, Estimate(chance, chance, chance))
    best = value_of(challenger, pair[1].rows)
    return refuse_placebo(name, estimate, chance, chance + (best - chance) / 2.0)


def _measured(pair: Pair) -> tuple[str, float, list[Statistic]]:
    """A metric that does not heed how sure answers are, what guessing reaches, and both's."""
    if not isinstance(pair[0], Labels):
        lined = [Predictions(each.truth, _lined_up(each)) for each in pair]
        return "r2", 0.0, [each.statistics()["r2"] for each in lined]
    known = [each.statistics() for each in pair]
    if all("roc_auc" in each for each in known):
        return "roc_auc", 0.5, [each["roc_auc"] for each in known]
    classes = len(np.unique(pair[0].truth))
    return "balanced_accuracy", 1.0 / classes, [each["balanced_accuracy"] for each in known]


def _lined_up(answers: Answers) -> Values:
    """Predictions on the scale of the truth, if they rise with it; else its mean."""
    truth, predicted = answers.truth, answers.predicted
    if not np.isfinite(predicted).all():
        return np.full(len(truth), truth.mean())
    centred = predicted - predicted.mean()
    square = float(centred @ centred)
    slope = float(centred @ (truth - truth.mean())) / square if square > 0.0 else 0.0
    return np.asarray(truth.mean() + max(slope, 0.0) * centred)


def _share_against(counts: Values) -> float:
    """Of how many rows labels go half way round, for all to be `AGAINST` the true ones."""
    if len(counts) > CLASSES_MAX:
        return 3.0 * AGAINST
    shares = counts / counts.sum()
    ends = np.cumsum(shares)
    # Both as pieces of a circle, one turned by a half: how much of each lies on itself.
    same = sum(
        max(0.0, min(end, other + turn) - max(end - width, other - width + turn))
        for end, other, width in zip(ends, ends, shares, strict=True)
        for turn in (-0.5, 0.5)
    )
    usual = float(np.square(shares).sum())
    kappa = (same - usual) / (1.0 - usual) if usual < 1.0 else 0.0
    return min(1.0, AGAINST / -kappa) if kappa < 0.0 else 0.0
