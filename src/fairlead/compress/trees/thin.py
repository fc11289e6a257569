"""The method `thin`: fewer trees of fewer leaves, refitted to what all of them answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np
import onnx

from fairlead.bundle import Step
from fairlead.compress.graph import Draft
from fairlead.compress.made import rows_of, with_made_rows
from fairlead.compress.observe import observe
from fairlead.compress.settings import take
from fairlead.compress.trees.collapse import collapse
from fairlead.compress.trees.merge import compact, merge
from fairlead.compress.trees.read import find_sites
from fairlead.compress.trees.refit import refit
from fairlead.compress.trees.types import Array, Site, Trees
from fairlead.compress.trees.walk import leaves_of, reach, sums_of
from fairlead.compress.trees.write import write_sites
from fairlead.compress.types import Feeds, Refused
from fairlead.errors import ConfigError, ExportError

MADE = 4000
"""Rows that are made beside those given, for the leaves that few of these reach."""

SAME = 1e-6


class Thin:
    """The first trees of an ensemble, cut back where they matter least, and refitted.

    Settings: `trees` and `leaves`, the shares that stay. Leaves are refitted by ridge regression
    to the sums of the original on the rows and on rows made of them, so no label is needed.
    """

    name = "thin"

    def steps(self) -> Sequence[Step]:
        """From most of the leaves of all trees to few leaves of a twentieth of them."""
        tried = ((1.0, 0.7), (1.0, 0.5), (1.0, 0.35), (0.5, 0.2), (0.3, 0.1), (0.2, 0.06),
                 (0.1, 0.05), (0.05, 0.02))  # fmt: skip
        return tuple(
            Step(method=self.name, settings={"trees": trees, "leaves": leaves})
            for trees, leaves in tried
        )

    def apply(
        self, model: onnx.ModelProto, step: Step, feeds: Feeds, *, seed: int
    ) -> onnx.ModelProto | Refused:
        """Thin all trees of a graph."""
        given = take(step, {"trees": 1.0, "leaves": 1.0})
        trees, leaves = float(given["trees"]), float(given["leaves"])
        if not (0 < trees <= 1 and 0 < leaves <= 1):
            raise ConfigError(f"The settings of '{self.name}' must be above 0 and at most 1.")
        draft = Draft(model)
        try:
            sites = find_sites(draft)
            rows = with_made_rows(feeds, max(MADE - rows_of(feeds), rows_of(feeds)), seed=seed)
            seen = observe(model, [site.x for site in sites], rows)
            thinned = [_thinned(site, seen[site.x], trees, leaves) for site in sites]
            write_sites(draft, thinned)
        except ExportError as error:
            return Refused(self.name, str(error))
        return draft.finish()


def _thinned(site: Site, x: Array, trees: float, leaves: float) -> Site:
    wanted = sums_of(site.trees.value, leaves_of(site.trees, x))
    first = merge(_first(site.trees, ceil(trees * len(site.trees.roots))))
    allowed = ceil(leaves * int(site.trees.is_leaf.sum()))
    pruned = merge(collapse(first, reach(first, leaves_of(first, x)), allowed))
    fitted = refit(pruned, leaves_of(pruned, x), wanted)
    return replace(site, trees=fitted, bound=_bound(wanted))


def _first(trees: Trees, count: int) -> Trees:
    return compact(replace(trees, roots=trees.roots[:count]))


def _bound(wanted: Array) -> float:
    """What the sums of each row add up to, if they are shares of it; else 0."""
    total = wanted.sum(axis=1)
    if wanted.shape[1] > 1 and wanted.min() >= 0 and np.ptp(total) <= SAME * total.max():
        return float(total[0])
    return 0.0
