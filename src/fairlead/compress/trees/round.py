"""The method `round`: trees in single precision, with fewer different leaves and thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx

from fairlead.bundle import Step
from fairlead.compress.graph import Draft, attribute
from fairlead.compress.observe import observe
from fairlead.compress.settings import take
from fairlead.compress.trees.merge import merge
from fairlead.compress.trees.read import find_sites, made_by
from fairlead.compress.trees.snap import snap_leaves, snap_limits
from fairlead.compress.trees.types import Array, Site, Trees
from fairlead.compress.trees.walk import leaves_of, reach
from fairlead.compress.trees.write import write_sites
from fairlead.compress.types import Feeds, Refused
from fairlead.errors import ConfigError, ExportError

SINGLE = np.dtype(np.float32)
ALL = 0
"""As many different numbers as there are."""


class Round:
    """Trees written anew: numbers in single precision, equal leaves once, idle splits left out.

    Settings: `levels`, how many different leaves there may be; `limits`, how many thresholds in
    each column; 0 for as many as there are. Where the graph rounds its rows to single precision
    before the trees, as scikit-learn's do, thresholds decide as before.
    """

    name = "round"

    def steps(self) -> Sequence[Step]:
        """From what changes no label to a handful of numbers."""
        tried = ((ALL, ALL), (256, ALL), (64, ALL), (256, 32), (32, 16), (16, 8))
        return tuple(
            Step(method=self.name, settings={"levels": levels, "limits": limits})
            for levels, limits in tried
        )

    def apply(
        self,
        model: onnx.ModelProto,
        step: Step,
        feeds: Feeds,
        *,
        seed: int,  # noqa: ARG002  # nothing is drawn
    ) -> onnx.ModelProto | Refused:
        """Write all trees of a graph anew."""
        given = take(step, {"levels": ALL, "limits": ALL})
        levels, limits = int(given["levels"]), int(given["limits"])
        if min(levels, limits) < 0:
            raise ConfigError(f"The settings of '{self.name}' must be 0 or more.")
        draft = Draft(model)
        try:
            sites = find_sites(draft)
            seen = observe(model, [site.x for site in sites], feeds) if levels or limits else {}
            rounded = [_rounded(draft, site, seen.get(site.x), levels, limits) for site in sites]
            write_sites(draft, rounded)
        except ExportError as error:
            return Refused(self.name, str(error))
        return draft.finish()


def _rounded(draft: Draft, site: Site, x: Array | None, levels: int, limits: int) -> Site:
    trees = merge(site.trees)
    if x is not None and limits:
        trees = merge(snap_limits(trees, reach(trees, leaves_of(trees, x)), x, limits))
    if x is not None and levels:
        trees = merge(snap_leaves(trees, reach(trees, leaves_of(trees, x)), levels))
    source = _single_source(draft, site.x)
    if source:
        site = replace(site, x=source, compared=SINGLE)
    trees = replace(trees, value=trees.value.astype(SINGLE))
    return replace(site, trees=merge(_single_limits(trees, exact=bool(source))))


def _single_source(draft: Draft, x: str) -> str:
    """The tensor in single precision of which one in double precision is a copy; or none."""
    node = made_by(draft, x)
    inner = made_by(draft, node.input[0]) if node is not None and node.op_type == "Cast" else None
    if inner is None or inner.op_type != "Cast":
        return ""
    return str(inner.output[0]) if attribute(inner, "to") == onnx.TensorProto.FLOAT else ""


def _single_limits(trees: Trees, *, exact: bool) -> Trees:
    """Thresholds in single precision; exact: that decide alike on numbers in single precision."""
    near = trees.threshold.astype(SINGLE)
    if exact:
        beyond = near.astype(np.float64) > trees.threshold
        near = np.where(beyond, np.nextafter(near, SINGLE.type(-np.inf)), near)
    return replace(trees, threshold=near)
