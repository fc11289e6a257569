"""Gates over made-up versions: alike, or one better by a stated gain."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from fairlead.signature import Batch, Field, Signature
from fairlead.stats import mae, roc_auc
from fairlead.updates.types import Gate
from fairlead.updates.weigh import Answered, weigh

METRICS = ("accuracy", "roc_auc", "mae")
KINDS = ("independent", "dependent", "skewed", "rare", "users", "users, told")
"""How errors of the two versions are: on their own, alike on the same rows, some far larger, the
challenger's rare and large beside the champion's steady ones, and the same on ten rows of one."""
SPREAD = 1.0
RARE, LARGE = 0.03, 10.0
USER_ROWS = 10
MANY = 200_000


def gates(
    metric: str, kind: str, rows: int, slices: int, count: int, gain: float = 0.0
) -> dict[str, Any]:
    """Which share of gates promotes, rejects, or asks for more rows; and the seconds of one."""
    draw = np.random.default_rng([rows, slices, KINDS.index(kind), METRICS.index(metric)])
    spread = spread_for(metric, gain)
    gate = Gate(metric=metric, calibration_margin=None)
    found = {"promote": 0, "reject": 0, "not enough data": 0}
    for seed in range(count):
        truth, champion, challenger = _versions(metric, kind, rows, spread, draw)
        parts = {"part": draw.integers(0, slices, rows)} if slices else {}
        units = np.arange(rows) // USER_ROWS if kind == "users, told" else None
        said = weigh(gate, champion, challenger, truth, slices=parts, units=units, seed=seed)
        found[said.verdict] += 1
    return {"gates": count} | {name: times / count for name, times in found.items()}


@cache
def spread_for(metric: str, gain: float) -> float:
    """Of the challenger's errors, for it to be better by a gain on very many rows."""
    if not gain:
        return SPREAD
    low, high = 0.0, SPREAD
    usual = _value(metric, SPREAD)
    for _ in range(30):
        middle = (low + high) / 2.0
        better = (_value(metric, middle) - usual) * (-1.0 if metric == "mae" else 1.0)
        low, high = (middle, high) if better > gain else (low, middle)
    return (low + high) / 2.0


def _value(metric: str, spread: float) -> float:
    draw = np.random.default_rng(1)
    signal, noise, chance = draw.normal(size=MANY), draw.normal(size=MANY), draw.random(MANY)
    if metric == "mae":
        return mae(draw.normal(size=MANY), spread * noise)
    positive = chance < _chances(signal)
    if metric == "roc_auc":
        return roc_auc(positive, signal + spread * noise)
    return float(np.mean(positive == (signal + spread * noise > 0.0)))


def _versions(
    metric: str, kind: str, rows: int, spread: float, draw: np.random.Generator
) -> tuple[Any, Answered, Answered]:
    repeat = USER_ROWS if kind.startswith("users") else 1
    size = -(-rows // repeat)
    signal, luck = draw.normal(size=size), draw.random(size)
    beyond = draw.normal(size=size)
    theirs, ours = (spread_ * each for spread_, each in zip(
        (SPREAD, spread), _noises(kind, size, draw), strict=True))  # fmt: skip
    if kind == "rare" and metric == "mae":
        # Errors from the truth itself, of the same mean.
        theirs, ours = theirs + beyond, ours + beyond
        steady = RARE * LARGE + (1.0 - RARE) * 0.5
        ours = beyond + np.where(draw.random(size) < RARE, LARGE, 0.5)
        theirs = beyond + steady * (1.0 + 0.1 * draw.normal(size=size))
    many = (np.repeat(each, repeat)[:rows] for each in (signal, luck, beyond, theirs, ours))
    signal, luck, beyond, theirs, ours = many
    if metric == "mae":
        return beyond, _regressor(theirs), _regressor(ours)
    truth = np.where(luck < _chances(signal), "yes", "no").astype(object)
    return truth, _classifier(_chances(signal + theirs)), _classifier(_chances(signal + ours))


def _noises(kind: str, size: int, draw: np.random.Generator) -> tuple[Any, Any]:
    theirs, ours, both = (draw.normal(size=size) for _ in range(3))
    if kind == "dependent":
        return 0.95 * both + 0.31 * theirs, 0.95 * both + 0.31 * ours
    if kind in ("skewed", "rare"):
        return theirs * np.exp(draw.normal(size=size)), ours * np.exp(draw.normal(size=size))
    return theirs, ours


def _chances(signal: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-2.0 * signal))


def _classifier(chances: Any) -> Answered:
    classes = ("no", "yes")
    label = Field(name="label", kind="category", categories=classes)
    probabilities = Field(name="probabilities", kind="tensor", shape=(2,), categories=classes)
    columns = {
        "label": np.array(classes, dtype=object)[(chances > 0.5).astype(int)],
        "probabilities": np.column_stack([1.0 - chances, chances]),
    }
    batch = Batch(len(chances), (), np.empty((len(chances), 0)), columns)
    outputs = (label, probabilities)
    return Answered(batch, Signature(inputs=(), outputs=outputs, task="classification"))


def _regressor(predicted: Any) -> Answered:
    batch = Batch(len(predicted), ("prediction",), predicted[:, None], {})
    outputs = (Field(name="prediction", kind="number"),)
    return Answered(batch, Signature(inputs=(), outputs=outputs, task="regression"))
