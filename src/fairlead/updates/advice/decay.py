"""How models lose by age, told from models of many ages that answered the same rows."""

from __future__ import annotations

from math import ceil

import numpy as np

from fairlead.stats import CONFIDENCE, Estimate
from fairlead.stats.block_bootstrap import block_length, draw_blocks
from fairlead.updates.advice.types import Age, Decay, Numbers, Places

ORIGINS_MIN = 6
CELLS_MIN = 8


def decay(aged: Numbers, weights: Numbers, floor: float, warm: int, *, seed: int) -> Decay:
    """The loss of a metric with a model's age.

    All models learnt from equally long stretches, and each answered all later blocks. The slope is
    that of least squares with an effect of its own for each block, so that blocks which are
    harder than others, and a stream that gets harder for every model, are no decay:

        slope = - sum_b w_b cov_b(age, metric) / sum_b w_b var_b(age)

    over the models that answered block b. Its standard error comes from resampling models and
    blocks at once, each by stretches of neighbours: those of models are at least as long as what
    they learn from, for neighbours share rows. The interval is Student's, with as many degrees
    as there are such stretches, less one. Owen (2007), "The pigeonhole bootstrap", which is wide
    rather than narrow.

    Args:
        aged: a metric of which more is better, shape (models, blocks): that of model i, trained
            before block i, in each block from then on; NaN where there is none.
        weights: of the blocks, such as their rows.
        floor: the metric of the best constant answer.
        warm: how many blocks each model learnt from.
        seed: of the draws.
    """
    there = np.isfinite(aged)
    origins = np.flatnonzero(there.any(axis=1))
    followed = there[origins].sum(axis=0) >= 2
    if len(origins) < ORIGINS_MIN or followed.sum() < ORIGINS_MIN:
        return Decay(verdict="unknown", origins=len(origins))
    table = _Table(aged, weights, origins)
    apart = max(1, int(np.median(np.diff(origins))))
    stretch = max(ceil(warm / apart), block_length(len(origins)))
    of_models = draw_blocks(len(origins), stretch, seed)
    of_blocks = draw_blocks(aged.shape[1], block_length(aged.shape[1]), seed + 1) * weights
    tail = _student(max(len(origins) / stretch, 2.0) - 1.0)
    slope = _estimate(table.slope(np.ones((1, len(origins))), weights[None])[0],
                      table.slope(of_models, of_blocks), tail)  # fmt: skip
    if not np.isfinite(slope.value):
        return Decay(verdict="unknown", origins=len(origins))
    ages = tuple(table.ages(of_models, of_blocks, tail))
    fresh = table.fresh()
    half = _halves(slope, fresh - floor)
    return Decay(
        verdict="decay" if slope.low > 0 else "no decay seen",
        slope=slope,
        fresh=fresh,
        floor=floor,
        half_blocks=half[0],
        half_low_blocks=half[1],
        half_high_blocks=half[2],
        ages=ages,
        origins=len(origins),
    )


class _Table:
    """Models by blocks, and statistics of them under weights of both."""

    def __init__(self, aged: Numbers, weights: Numbers, origins: Places) -> None:
        self._weights = weights
        self._origins = origins
        self._rows = aged[origins]
        self._mask = np.isfinite(self._rows).astype(np.float64)
        self._values = np.where(self._mask > 0, self._rows, 0.0)
        self._age = np.maximum(np.arange(aged.shape[1])[None, :] - origins[:, None], 0.0)
        own = np.full(aged.shape[1], np.nan)
        own[origins] = aged[origins, origins]
        self._own = own

    def fresh(self) -> float:
        """The mean metric of models without age."""
        there = np.isfinite(self._own)
        return float(np.average(self._own[there], weights=self._weights[there]))

    def slope(self, models: Numbers, blocks: Numbers) -> Numbers:
        """Loss by age, shape (replicates,); weights of shape (replicates, models or blocks)."""
        ages = self._mask * self._age
        count = models @ self._mask
        once = np.maximum(count, 1.0)
        age, value = models @ ages, models @ self._values
        together = models @ (ages * self._values) - age * value / once
        spread = models @ (ages * self._age) - age * age / once
        total = (blocks * spread).sum(axis=1)
        with np.errstate(all="ignore"):
            return np.asarray(-(blocks * together).sum(axis=1) / total)

    def ages(self, models: Numbers, blocks: Numbers, tail: float) -> list[Age]:
        """What models of each age lose against those without age."""
        found = []
        for age in range(1, self._rows.shape[1]):
            answered = self._origins + age
            inside = answered < self._rows.shape[1]
            places, at = np.flatnonzero(inside), answered[inside]
            loss = self._own[at] - self._rows[places, at]
            there = np.isfinite(loss)
            if there.sum() < CELLS_MIN:
                continue
            places, at, loss = places[there], at[there], loss[there]
            both = models[:, places] * blocks[:, at]
            with np.errstate(all="ignore"):
                resampled = both @ loss / both.sum(axis=1)
            value = float(np.average(loss, weights=self._weights[at]))
            found.append(Age(blocks=age, loss=_estimate(value, resampled, tail)))
        return found


def _estimate(value: float, resampled: Numbers, tail: float) -> Estimate:
    error = float(np.std(resampled[np.isfinite(resampled)]))
    return Estimate(float(value), float(value - tail * error), float(value + tail * error))


def _student(degrees: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1.0 + CONFIDENCE) / 2.0))


def _halves(slope: Estimate, above: float) -> tuple[float | None, float | None, float | None]:
    """Age at which half of what is above the floor is lost, at least, and at most."""
    if above <= 0:
        return None, None, None
    half = above / 2.0
    return (
        half / slope.value if slope.low > 0 else None,
        half / slope.high if slope.high > 0 else None,
        half / slope.low if slope.low > 0 else None,
    )
