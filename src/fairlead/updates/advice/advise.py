"""What to do with a model, from what its past would have been under each policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec.structs import replace

from fairlead.stats import Estimate
from fairlead.updates.advice.compare import Compared, cheapest, compare
from fairlead.updates.advice.decay import decay
from fairlead.updates.advice.plan import NEVER
from fairlead.updates.advice.score import point, upward
from fairlead.updates.advice.tell import tell
from fairlead.updates.advice.types import (
    Advice,
    Blocks,
    Decay,
    History,
    Line,
    Numbers,
    Played,
    Policy,
    Prices,
)

SEED = 20_260_101
COMPARED_MIN = 6
MONTH_US = 30 * 86_400_000_000


def advise(
    endpoint: str,
    blocks: Blocks,
    policies: tuple[Policy, ...],
    played: Played,
    prices: Prices,
    notes: tuple[str, ...] = (),
) -> Advice:
    """Say what the past says.

    A policy is recommended if it is proven better than never training again, and no other is proven
    better than it; of several, that with the fewest trainings. Where a training has a price
    and a point of the metric a worth, it is the one with the largest net worth among those whose
    net worth is proven to be above nothing. All intervals hold at once (see `compare`).

    Args:
        endpoint: whose history it is.
        blocks: of the history.
        policies: that were wanted.
        played: what came of them.
        prices: of a training, and worth of a point.
        notes: to be said besides.
    """
    metric = played.metrics[0]
    compared = [
        compare(_upward(played, place, name), played.weights, seed=SEED)
        for place, name in enumerate(played.metrics)
    ]
    base = Advice(
        endpoint=endpoint,
        verdict="too little history",
        metric=metric,
        rows=len(blocks.of),
        block_us=blocks.length_us,
        from_us=int(blocks.edges_us[0]),
        to_us=int(blocks.edges_us[-1]),
        warm=blocks.warm,
        blocks=blocks.count - blocks.warm,
        starts_us=tuple(blocks.edges_us[blocks.warm : -1].tolist()),
        trained=played.trained,
        currency=prices.currency,
        left_out=played.left_out,
        notes=notes,
    )
    if compared[0].blocks < COMPARED_MIN:
        said = f"Only in {compared[0].blocks} blocks {metric} can be told of every policy; "
        return replace(base, words=(f"{said}{COMPARED_MIN} at least are needed.",))
    loss = _decay(played, blocks)
    scale = MONTH_US / (blocks.length_us * (blocks.count - blocks.warm))
    lines = tuple(
        _line(policy, played, compared, prices, scale)
        for policy in policies
        if policy.name in played.values
    )
    chosen = recommend(lines, compared[0])
    advice = replace(
        base,
        verdict="train" if chosen and chosen.policy.way != "recalibrate" else "keep",
        recommended=chosen.policy.name if chosen else "",
        decay=loss,
        lines=lines,
    )
    return replace(advice, words=tell(advice, compared[0]))


def too_little(
    endpoint: str,
    reason: str,
    metric: str,
    history: History | None = None,
    notes: Sequence[str] = (),
) -> Advice:
    """Say that the past is too short, and why.

    Args:
        endpoint: whose.
        reason: in a sentence.
        metric: that would have decided.
        history: as far as there is one.
        notes: to be said besides.
    """
    said = "So there is no advice yet: wait for more labels, or shorten the blocks."
    advice = Advice(
        endpoint=endpoint, verdict="too little history", words=(reason, said), metric=metric,
        notes=tuple(notes),
    )  # fmt: skip
    if history is None or not history.rows:
        return advice
    ends = int(history.asked_us[0]), int(history.asked_us[-1])
    return replace(advice, rows=history.rows, from_us=ends[0], to_us=ends[1])


def recommend(lines: tuple[Line, ...], compared: Compared) -> Line | None:
    """The policy to follow; None for never training again.

    Args:
        lines: of the policies.
        compared: the deciding metric.
    """
    if all(line.net is not None for line in lines):
        paying = [line for line in lines if line.net is not None and line.net.low > 0]
        return max(paying, key=lambda line: line.net.value if line.net else 0.0, default=None)
    return cheapest(lines, compared)


def _line(
    policy: Policy, played: Played, compared: list[Compared], prices: Prices, scale: float
) -> Line:
    name, metric = policy.name, played.metrics[0]
    gain = compared[0].apart(name, NEVER)
    trainings = 0 if policy.way == "recalibrate" else played.trainings[name]
    cost = None if prices.training is None else trainings * prices.training
    net = None
    if cost is not None and prices.point is not None:
        worth = prices.point / point(metric)
        ends = [worth * end - cost * scale for end in (gain.value, gain.low, gain.high)]
        net = Estimate(*ends)
    return Line(
        policy=policy,
        trainings=trainings,
        value=float(upward(np.array(compared[0].values[name]), metric)),
        gain=gain,
        others={
            other: each.apart(name, NEVER)
            for other, each in zip(played.metrics[1:], compared[1:], strict=True)
            if each.blocks
        },
        cost=cost,
        net=net,
        verdict=_verdict(gain),
        by_block=tuple(v if np.isfinite(v) else None for v in played.values[name][0].tolist()),
    )


def _verdict(gain: Estimate) -> Literal["better", "worse", "not proven"]:
    if gain.low > 0:
        return "better"
    return "worse" if gain.high < 0 else "not proven"


def _upward(played: Played, place: int, metric: str) -> Mapping[str, Numbers]:
    return {name: upward(values[place], metric) for name, values in played.values.items()}


def _decay(played: Played, blocks: Blocks) -> Decay:
    metric = played.metrics[0]
    there = np.isfinite(played.floor) & (played.weights > 0)
    lowest = float(np.average(played.floor[there], weights=played.weights[there]))
    low = float(upward(np.array(lowest), metric))
    found = decay(upward(played.aged, metric), played.weights, low, blocks.warm, seed=SEED)
    if found.fresh is None:
        return found
    fresh = float(upward(np.array(found.fresh), metric))
    return replace(found, fresh=fresh, floor=lowest)
