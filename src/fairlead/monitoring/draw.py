"""Figures of what a comparison found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from fairlead.figures import Figure, draw_densities, draw_effects, draw_shares
from fairlead.monitoring.flatten import Pair, Single, flatten
from fairlead.monitoring.quality import rows_of
from fairlead.monitoring.types import Comparison, Drift
from fairlead.profiles import Categorical, Numeric, Profile

BARS_MAX = 20
FIELDS_MAX = 20


def ranked(fields: Mapping[str, Drift]) -> list[str]:
    """Names of fields: those that drifted first, then by effect."""
    return sorted(fields, key=lambda name: (not fields[name].drifted, -fields[name].effect, name))


def draw_fields(found: Comparison, floor: float) -> Figure:
    """How far each field moved, the 20 that moved most.

    Args:
        found: by a comparison.
        floor: least effect of a drift.
    """
    names = ranked(found.fields)[:FIELDS_MAX]
    left = len(found.fields) - len(names)
    return draw_effects(
        "How far fields moved",
        names,
        [found.fields[name].effect for name in names],
        floor=floor,
        drifted=found.drifted,
        note=f"{left} fields that moved less are left out" if left else "",
    )


def draw_field(reference: Profile, current: Profile, name: str) -> Figure | None:
    """How one field is distributed, then and now.

    Args:
        reference: counts over its own bins.
        current: counts over the reference's bins.
        name: of the field, or `field.part`, as comparisons have it.

    Returns:
        None if the two profiles do not both have it.
    """
    pair = next((each for each in flatten(reference, current) if each.name == name), None)
    if pair is None or pair.reference is None or pair.current is None:
        return None
    return _draw(pair, pair.reference, pair.current)


def _draw(pair: Pair, before: Single, after: Single) -> Figure:
    if isinstance(before, Categorical):
        assert isinstance(after, Categorical)
        return _categories(pair.name, before, after)
    assert isinstance(after, Numeric)
    values = _single_values(before.edges)
    if values is not None and len(values) <= BARS_MAX:
        return _few(pair.name, values, before, after)
    if len(before.edges) < 2:
        return draw_shares(pair.name, ["any"], [1.0], [1.0], note=_beyond(before, after))
    return draw_densities(
        pair.name, before.edges, _shares(before), _shares(after), note=_beyond(before, after)
    )


def _shares(numeric: Numeric) -> list[float]:
    """Of each bin between the edges, among all rows."""
    rows = max(rows_of(numeric), 1)
    return [count / rows for count in numeric.counts[1:-1]]


def _beyond(before: Numeric, after: Numeric) -> str:
    """What the bins do not show, in words."""
    said = []
    for name, counts in (
        ("missing", [one.missing for one in (before, after)]),
        ("below", [one.counts[0] for one in (before, after)]),
        ("above", [one.counts[-1] for one in (before, after)]),
    ):
        rows = [max(rows_of(one), 1) for one in (before, after)]
        if any(counts) and len(before.edges) > 1:
            said.append(f"{name} {counts[0] / rows[0]:.1%} → {counts[1] / rows[1]:.1%}")
    return ", ".join(said)


def _few(name: str, values: Sequence[float], before: Numeric, after: Numeric) -> Figure:
    """Numbers of which the reference has few, as bars of their own."""
    labels = [f"{value:g}" for value in values]
    ends = (("below", 0), ("above", -1))
    sides = [end for end in ends if before.counts[end[1]] or after.counts[end[1]]]
    shares = []
    for one in (before, after):
        rows = max(rows_of(one), 1)
        beyond = [one.counts[place] / rows for _, place in sides]
        shares.append([*_shares(one), *beyond, one.missing / rows])
    return draw_shares(name, [*labels, *(side for side, _ in sides), "missing"], *shares)


def _single_values(edges: Sequence[float]) -> list[float] | None:
    """The reference's values, where each has a bin of its own; None where bins are ranges.

    Edges are then the first value, what lies halfway between two, and the last one, so that the
    values follow from the first; of quantiles what follows would not end at the last edge.
    """
    if len(edges) < 2:
        return None
    if edges[0] == edges[-1]:
        return [edges[0]]
    values = [edges[0]]
    for middle in edges[1:-1]:
        values.append(2.0 * middle - values[-1])
    near = abs(values[-1] - edges[-1]) <= 1e-9 * max(abs(edges[0]), abs(edges[-1]))
    rising = all(low < high for low, high in pairwise(values))
    return values if near and rising else None


def _categories(name: str, before: Categorical, after: Categorical) -> Figure:
    """Shares of the most frequent categories, and of what is left."""
    rows = [max(rows_of(one), 1) for one in (before, after)]
    shares = [
        (str(category), old / rows[0], new / rows[1])
        for category, old, new in zip(before.categories, before.counts, after.counts, strict=True)
    ]
    shares.sort(key=lambda share: -max(share[1], share[2]))
    kept, rest = shares[:BARS_MAX], shares[BARS_MAX:]
    if rest or before.other or after.other:
        old = sum(share[1] for share in rest) + before.other / rows[0]
        new = sum(share[2] for share in rest) + after.other / rows[1]
        kept.append(("others", old, new))
    if after.new:
        kept.append(("new", before.new / rows[0], after.new / rows[1]))
    kept.append(("missing", before.missing / rows[0], after.missing / rows[1]))
    labels, olds, news = zip(*kept, strict=True)
    return draw_shares(name, labels, olds, news)
