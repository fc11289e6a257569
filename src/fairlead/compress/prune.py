"""Fewer units in layers, and the layers behind them refitted to answer as before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from fairlead.bundle import Step
from fairlead.compress.cost import Costs, costs_of, multiplied
from fairlead.compress.graph import Array, Draft, called
from fairlead.compress.layers import LAYERS, Layer, layer_of, outputs_of, unfold, with_bias
from fairlead.compress.made import rows_of, with_made_rows
from fairlead.compress.observe import Observer, Shape, batches, fold, shapes
from fairlead.compress.rank import by_activation, by_loss
from fairlead.compress.refit import Moments, gather, refit
from fairlead.compress.settings import Setting, take
from fairlead.compress.types import Feeds, Refused
from fairlead.compress.units import Region, constants_of, follow, is_hidden
from fairlead.errors import ConfigError, ModelError

PRICES = (0.01, 0.03, 0.1, 0.2, 0.4, 0.8)
KEEPS = (0.5, 0.25, 0.125, 0.09375, 0.0625)
SCORES = ("loss", "activation")
DEFAULTS: dict[str, Setting] = {
    "keep": 1.0, "price": 0.0, "per": "latency", "score": "loss", "ridge": 1e-4, "mixed": 4,
}  # fmt: skip
FILTERS = {"latency": 16, "size": 8}
"""Convolutions are fast in blocks of sixteen filters, where vectors are short of eight."""
UNITS = 4
INPUTS_MAX = 8192
"""Of a layer that is refitted: its moments take half a gigabyte."""


class Prune:
    """Leaves units of hidden layers out, and refits what reads them by least squares.

    Settings of its steps:
        keep: the share of the units that stay in each layer; or
        price: the share of the variance of what a layer answers that may be lost for each share
            of the graph's cost that is saved, so that units go where they cost least;
        per: size or latency, which is what `price` is paid for and blocks of filters are made for;
        score: how units are ranked: by the `loss` without them, or by their `activation`, which
            is quick;
        ridge: how much weights are held where they were;
        mixed: how many rows between others are added for each row.
    """

    name = "prune"

    def steps(self) -> Sequence[Step]:
        """Higher and higher prices, for size and for latency; fewer and fewer units."""
        settings: list[dict[str, Setting]] = [
            {"price": price, "per": per} for price in PRICES for per in FILTERS
        ]
        settings += [{"keep": keep} for keep in KEEPS]
        return tuple(Step(method=self.name, settings=chosen) for chosen in settings)

    def apply(
        self, model: onnx.ModelProto, step: Step, feeds: Feeds, *, seed: int
    ) -> onnx.ModelProto | Refused:
        """Prune each layer whose units can be left out, the first ones first.

        Each layer behind is refitted to what it answered in `model`, on what the layers ahead of
        it answer now, so that it makes up for their errors too.
        """
        settings = _settings(step)
        try:
            rows = with_made_rows(feeds, settings["mixed"] * rows_of(feeds), seed=seed)
            work = _Work(model, settings, rows)
        except ModelError as error:
            return Refused(self.name, error.message)
        left = sum(work.prune(made) for made in work.layers)
        if not left:
            reasons = work.reasons()
            return Refused(self.name, " ".join(reasons) or "No unit can go at this price.")
        return work.draft.finish()

    def refusals(self, model: onnx.ModelProto, feeds: Feeds) -> Sequence[Refused]:
        """Layers whose units all stay, whatever the settings."""
        try:
            work = _Work(model, dict(DEFAULTS), feeds)
        except ModelError as error:
            return (Refused(self.name, error.message),)
        return tuple(Refused(self.name, reason) for reason in work.reasons())


def _settings(step: Step) -> dict[str, Any]:
    settings: dict[str, Any] = take(step, DEFAULTS)
    if not 0 < settings["keep"] <= 1 or settings["price"] < 0:
        raise ConfigError("'keep' of 'prune' must be above 0 and at most 1, 'price' 0 or more.")
    if ("keep" in step.settings) is ("price" in step.settings):
        raise ConfigError("'prune' needs either 'keep' or 'price'.")
    if settings["score"] not in SCORES:
        raise ConfigError(f"'score' of 'prune' must be one of {', '.join(SCORES)}.")
    if settings["per"] not in FILTERS:
        raise ConfigError("'per' of 'prune' must be size or latency.")
    if settings["ridge"] < 0 or not 0 <= settings["mixed"] == int(settings["mixed"]):
        raise ConfigError("'ridge' of 'prune' must be 0 or more, 'mixed' a whole number.")
    return {**settings, "mixed": int(settings["mixed"])}


class _Work:
    """A graph as it was, and as it becomes."""

    def __init__(self, model: onnx.ModelProto, settings: dict[str, Any], feeds: Feeds) -> None:
        self._settings, self._feeds = settings, feeds
        self._before = Draft(model)
        fold(self._before, feeds)
        self.draft = Draft(self._before.model)
        self._known: dict[str, Shape] = shapes(self.draft, feeds)
        self._costs: Costs = costs_of(self._before, self._known, settings["per"])
        self.layers = [node.output[0] for node in self.draft.nodes if node.op_type in LAYERS]

    def reasons(self) -> list[str]:
        """Why units of hidden layers stay, a sentence for each."""
        hidden = [made for made in self.layers if is_hidden(self.draft, made)]
        said = []
        for made in hidden:
            name, region = called(self.draft.producer(made)), self._region(made)
            if isinstance(region, str):
                whole = region if region.startswith(name) else f"{name} keeps its units: {region}"
                said.append(whole[0].upper() + whole[1:] + ".")
        return said if hidden else ["No layer's units are read by another layer."]

    def prune(self, made: str) -> int:
        """Prune a layer; how many of its units went."""
        region = self._region(made)
        if isinstance(region, str):
            return 0
        targets = [Layer(self._before, reader.made).answer() for reader in region.readers]
        moments = self._moments(region.readers, targets)
        kept = self._kept(region, region.readers, moments)
        if len(kept) == region.units:
            return 0
        for own, reader in zip(moments, region.readers, strict=True):
            size = len(reader.weights()) // region.units
            places = (kept[:, None] * size + np.arange(size)).reshape(-1)
            fitted = refit(own, places, reader.weights(), self._settings["ridge"])
            self._biased(reader).put(*fitted)
        _cut(region, self._known, kept)
        return region.units - len(kept)

    def _biased(self, reader: Layer) -> Layer:
        layer, shape = with_bias(reader), self._known[reader.made]
        self._known |= {layer.made: shape, layer.answer(): shape}
        return layer

    def _region(self, made: str) -> Region | str:
        layer = layer_of(self.draft, self.draft.producer(made))
        region = layer if isinstance(layer, str) else follow(layer, self._known)
        if isinstance(region, str):
            return region
        for reader in region.readers:
            inputs = len(reader.weights())
            if inputs > INPUTS_MAX:
                return f"{called(reader.node)} has {inputs} inputs, more than {INPUTS_MAX}"
        return region

    def _moments(self, readers: Sequence[Layer], targets: Sequence[str]) -> list[Moments]:
        """Of each layer's inputs as they are now, and its outputs as they were."""
        now = Observer(self.draft.model, [reader.node.input[0] for reader in readers])
        then = Observer(self._before.model, targets)

        def rows(place: int) -> Iterator[tuple[Array, Array]]:
            reader = readers[place]
            elements = multiplied(reader, self._known[reader.made])
            for part in batches(self._feeds, elements):
                yield unfold(reader, now(part)[place]), outputs_of(reader, then(part)[place])

        return [gather(rows(place)) for place in range(len(readers))]

    def _kept(self, region: Region, readers: Sequence[Layer], moments: Sequence[Moments]) -> Array:
        """The units that stay: a multiple of what kernels like, at least one such block."""
        ranked = [self._ranked(m, r, region) for m, r in zip(moments, readers, strict=True)]
        order, losses = ranked[0] if len(ranked) == 1 else _together(ranked)
        units = region.units
        block = FILTERS[self._settings["per"]] if region.producer.kernel else UNITS
        if self._settings["price"]:
            bound = self._settings["price"] * self._costs.of_unit(region)
            over = np.flatnonzero(losses > bound)
            stay = units - (over[0] if len(over) else units)
            stay = block * -(-stay // block)
        else:
            stay = block * round(units * self._settings["keep"] / block)
        return np.sort(order[units - min(units, max(block, stay)) :])

    def _ranked(self, moments: Moments, reader: Layer, region: Region) -> tuple[Array, Array]:
        weights = reader.weights()
        size = len(weights) // region.units
        if self._settings["score"] == "activation":
            return by_activation(moments, weights, size)
        return by_loss(moments, weights, size, self._settings["ridge"])


def _together(ranked: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """One order of several layers': a unit costs what it costs the one that loses most."""
    losses = np.max([costs[np.argsort(order)] for order, costs in ranked], axis=0)
    order = np.argsort(losses, kind="stable")
    return order, losses[order]


def _cut(region: Region, known: dict[str, Shape], kept: Array) -> None:
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
