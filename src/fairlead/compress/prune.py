"""Fewer units in layers, and the layers behind them refitted to answer as before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from fairlead.bundle import Step
from fairlead.compress.graph import Array, Draft
from fairlead.compress.layers import LAYERS, Layer, layer_of, outputs_of, unfold, with_bias
from fairlead.compress.observe import Observer, batches, shapes
from fairlead.compress.refit import Moments, by_activation, by_loss, by_pivots, gather, refit
from fairlead.compress.settings import take
from fairlead.compress.types import Feeds, Refused
from fairlead.compress.units import Region, constants_of, follow
from fairlead.errors import ConfigError

KEEPS = (0.75, 0.5, 0.35, 0.25, 0.125, 0.0625)
SCORES = ("loss", "qr", "activation")
DEFAULTS: dict[str, int | float | str] = {"keep": 0.5, "score": "loss", "ridge": 1e-4}
FILTERS, UNITS = 8, 4
"""Convolutions are fast in blocks of eight filters, products in fours."""
INPUTS_MAX = 8192
"""Of a layer that is refitted: its moments take half a gigabyte."""


class Prune:
    """Leaves units of hidden layers out, and refits what reads them by least squares."""

    name = "prune"

    def steps(self) -> Sequence[Step]:
        """Fewer and fewer units, by each score."""
        return tuple(
            Step(method=self.name, settings={"keep": keep, "score": score})
            for keep in KEEPS
            for score in SCORES
        )

    def apply(
        self, model: onnx.ModelProto, step: Step, feeds: Feeds, *, seed: int
    ) -> onnx.ModelProto | Refused:
        """Prune each layer whose units can be left out, the first ones first.

        Each layer behind is refitted to what it answered in `model`, on what the layers ahead of
        it answer now, so that it makes up for their errors too.
        """
        settings = _settings(step)
        draft, before = Draft(model), Draft(model)
        known = shapes(draft.model, _tensors(draft), feeds)
        reasons, done = [], 0
        for made in [node.output[0] for node in draft.nodes if node.op_type in LAYERS]:
            region = _region(draft, made, known)
            if isinstance(region, str):
                reasons.append(region)
                continue
            done += _prune(region, before, known, settings, feeds)
        if not done:
            return Refused(self.name, _sentence(reasons))
        return draft.finish()

    def refusals(self, model: onnx.ModelProto, feeds: Feeds) -> Sequence[Refused]:
        """Layers whose units all stay."""
        draft = Draft(model)
        known = shapes(draft.model, _tensors(draft), feeds)
        found = (
            _region(draft, node.output[0], known) for node in draft.nodes if node.op_type in LAYERS
        )
        return tuple(Refused(self.name, _sentence([r])) for r in found if isinstance(r, str))


def _settings(step: Step) -> dict[str, Any]:
    settings: dict[str, Any] = take(step, DEFAULTS)
    if not 0 < settings["keep"] <= 1:
        raise ConfigError("'keep' of 'prune' must be above 0 and at most 1.")
    if settings["score"] not in SCORES:
        raise ConfigError(f"'score' of 'prune' must be one of {', '.join(SCORES)}.")
    if settings["ridge"] < 0:
        raise ConfigError("'ridge' of 'prune' must be 0 or more.")
    return settings


def _sentence(reasons: Sequence[str]) -> str:
    if not reasons:
        return "The graph has no layer whose units could be left out."
    return "; ".join(r[0].upper() + r[1:] for r in reasons) + "."


def _tensors(draft: Draft) -> list[str]:
    return [name for node in draft.nodes for name in node.output if name]


def _region(draft: Draft, made: str, known: dict[str, Any]) -> Region | str:
    layer = layer_of(draft, draft.producer(made))
    return layer if isinstance(layer, str) else follow(layer, known)


def _prune(
    region: Region, before: Draft, known: dict[str, Any], settings: dict[str, Any], feeds: Feeds
) -> int:
    """Prune one layer; how many units went."""
    producer, draft = region.producer, region.producer.draft
    keep = _kept(region.units, settings["keep"], bool(producer.kernel))
    if keep >= region.units:
        return 0
    targets = [Layer(before, reader.made).answer() for reader in region.readers]
    readers = [with_bias(reader) for reader in region.readers]
    moments = _moments(draft, before, readers, targets, feeds)
    sizes = [len(reader.weights()) // region.units for reader in readers]
    orders = [_order(m, r, s, settings) for m, r, s in zip(moments, readers, sizes, strict=True)]
    kept = np.sort(_merged(orders)[:keep])
    for m, reader, size in zip(moments, readers, sizes, strict=True):
        places = (kept[:, None] * size + np.arange(size)).reshape(-1)
        reader.put(*refit(m, places, reader.weights(), settings["ridge"]))
    _cut(region, known, kept)
    return region.units - keep


def _kept(units: int, keep: float, filters: bool) -> int:
    """How many units stay: a multiple of what kernels like, at least one."""
    block = FILTERS if filters else UNITS
    return min(units, max(block, block * round(units * keep / block)))


def _moments(
    draft: Draft, before: Draft, readers: Sequence[Layer], targets: Sequence[str], feeds: Feeds
) -> list[Moments]:
    """Of each layer's inputs as they are now, and its outputs as they were."""
    now = Observer(draft.model, [reader.node.input[0] for reader in readers])
    then = Observer(before.model, targets)

    def rows(place: int) -> Iterator[tuple[Array, Array]]:
        reader = readers[place]
        for part in batches(feeds):
            yield unfold(reader, now(part)[place]), outputs_of(reader, then(part)[place])

    return [gather(rows(place)) for place in range(len(readers))]


def _order(moments: Moments, reader: Layer, size: int, settings: dict[str, Any]) -> Array:
    weights, ridge = reader.weights(), settings["ridge"]
    if settings["score"] == "activation":
        return by_activation(moments, weights, size)
    if settings["score"] == "qr":
        return by_pivots(moments, weights, size, ridge)
    return by_loss(moments, weights, size, ridge)


def _merged(orders: Sequence[Array]) -> Array:
    """One order of several: by the sum of the ranks."""
    if len(orders) == 1:
        return orders[0]
    return np.argsort(sum(np.argsort(order) for order in orders), kind="stable")


def _cut(region: Region, known: dict[str, Any], kept: Array) -> None:
    """Leave the other units out of all but the layers that read them."""
    producer, draft = region.producer, region.producer.draft
    for made, place, axis, lay in constants_of(region, known):
        node = draft.producer(made)
        values = draft.constant(node.input[place])
        assert values is not None
        draft.give(node, place, values.take(lay.places(kept), axis=axis))
    bias = None if producer.node.op_type == "MatMul" else producer.bias()
    producer.put(producer.weights()[:, kept], None if bias is None else bias[kept])
    for made in region.passed:
        node = draft.producer(made)
        if node.op_type == "Reshape":
            flat = helper.make_node("Flatten", node.input[:1], node.output, node.name, axis=1)
            draft.replace(node, [flat])
