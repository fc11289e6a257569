"""What a change of a mean loss is made of: rows that moved, and segments that got worse.

For each field by itself the change splits exactly (Kitagawa 1955, "Components of a difference
between two rates"), over its segments b with shares r, q and mean losses d, e before and after:

    change = sum_b (q_b - r_b) ((d_b + e_b) / 2 - M)  +  sum_b (q_b + r_b) / 2 (e_b - d_b)
                       the mix: rows moved                  the rate: losses changed

where M is the mean of both overall means, so that moving into a segment counts by how much worse
than usual it is. Of estimated losses the mix is what a field's drift did to the estimate; of
realised ones the rate is what drift of that field does not explain. It cannot tell which of two
fields that move together is the cause: each claims the same change, so the sums of fields do not
add up, only those of one field's segments. A field that moves without harm has no mix.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import sqrt
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError
from fairlead.profiles import Categorical, Numeric
from fairlead.signature import Numbers

PARTS = 8
MISSING = "(missing)"
OTHER = "(other)"

Values = npt.NDArray[Any]


class Segments(msgspec.Struct, frozen=True):
    """Rows of one field by segment: a commutative monoid under `merge_segments`.

    Args:
        rows: by segment.
        losses: their sums, by segment.
    """

    rows: dict[str, int] = {}
    losses: dict[str, float] = {}


class Part(msgspec.Struct, frozen=True):
    """What one segment adds to a change.

    Args:
        segment: its name.
        before: its share of the rows.
        after: its share of the rows now.
        mix: by rows that moved in or out.
        rate: by losses that changed within.
    """

    segment: str
    before: float
    after: float
    mix: float
    rate: float

    @property
    def total(self) -> float:
        """What the segment adds altogether."""
        return self.mix + self.rate


class Share(msgspec.Struct, frozen=True):
    """What one field explains of a change; `mix` + `rate` is the whole of it.

    Args:
        field: its name.
        mix: by the movement of this field.
        rate: what is left: losses that changed within its segments.
        chance: standard deviation of `mix` where nothing moved, from the numbers of rows.
        parts: its segments, those that add most first.
    """

    field: str
    mix: float
    rate: float
    chance: float
    parts: tuple[Part, ...]


class Attribution(msgspec.Struct, frozen=True):
    """A change of a mean loss, explained.

    Args:
        before: mean loss of the reference.
        after: mean loss now.
        fields: those whose movement explains most, in units of chance, first.
    """

    before: float
    after: float
    fields: tuple[Share, ...]

    @property
    def change(self) -> float:
        """After - before: above 0 it got worse."""
        return self.after - self.before


def name_segments(summary: Numeric | Categorical, values: Values) -> Values:
    """The segment of each row: its category, or one of at most eight ranges of the reference.

    Args:
        summary: of the field in the reference profile.
        values: of the rows, shape (rows,).

    Returns:
        Names, shape (rows,).

    Example:
        >>> age = Numeric(edges=(18.0, 40.0, 90.0), counts=(0, 0, 0, 0))
        >>> name_segments(age, np.array([20.0, 50.0, np.nan])).tolist()
        ['< 40', '>= 40', '(missing)']
    """
    if isinstance(summary, Categorical):
        known = {value: str(value) for value in summary.categories}
        names = [MISSING if v is None else known.get(v, OTHER) for v in values.tolist()]
        return np.array(names, dtype=object)
    inner = np.array(summary.edges[1:-1])
    places = np.linspace(0, len(inner) - 1, min(PARTS - 1, len(inner))).round().astype(int)
    cuts = np.unique(inner[places]) if len(inner) else inner
    ranges = np.array([*name_ranges(cuts), MISSING], dtype=object)
    numbers = values.astype(np.float64)
    found = np.searchsorted(cuts, numbers, side="right")
    return ranges[np.where(np.isnan(numbers), len(cuts) + 1, found)]


def sum_segments(names: Values, losses: Numbers) -> Segments:
    """Count rows by segment.

    Args:
        names: the segment of each row, shape (rows,).
        losses: realised or expected, shape (rows,).
    """
    found, places = np.unique(names.astype(str), return_inverse=True)
    rows, sums = np.bincount(places), np.bincount(places, losses)
    listed = found.tolist()
    return Segments(
        dict(zip(listed, rows.tolist(), strict=True)),
        dict(zip(listed, sums.tolist(), strict=True)),
    )


def merge_segments(a: Segments, b: Segments) -> Segments:
    """The segments of the rows of both."""
    every = {**a.rows, **b.rows}
    return Segments(
        {name: a.rows.get(name, 0) + b.rows.get(name, 0) for name in every},
        {name: a.losses.get(name, 0.0) + b.losses.get(name, 0.0) for name in every},
    )


def attribute(before: Mapping[str, Segments], after: Mapping[str, Segments]) -> Attribution:
    """Explain a change of the mean loss by each field.

    Args:
        before: by field, of the reference; every field counts all rows.
        after: by field, of the window.

    Raises:
        ConfigError: there is no field in both, or no row.

    Example:
        >>> was = {"plan": Segments({"pro": 90, "free": 10}, {"pro": 9.0, "free": 5.0})}
        >>> now = {"plan": Segments({"pro": 50, "free": 50}, {"pro": 5.0, "free": 25.0})}
        >>> found = attribute(was, now)
        >>> round(found.change, 2), round(found.fields[0].mix, 2), round(found.fields[0].rate, 2)
        (0.16, 0.16, 0.0)
    """
    both = [name for name in before if name in after]
    sizes = [sum(each[name].rows.values()) for name in both for each in (before, after)]
    if not both or not min(sizes):
        raise ConfigError(
            "There is nothing to explain a change by.",
            hint="Give at least one field, with rows before and after.",
        )
    shares = [_share(name, before[name], after[name]) for name in both]
    shares.sort(key=lambda share: -abs(share.mix) / share.chance if share.chance else 0.0)
    return Attribution(_mean(before[both[0]]), _mean(after[both[0]]), tuple(shares))


def _share(field: str, before: Segments, after: Segments) -> Share:
    names = sorted({**before.rows, **after.rows})
    (r, d, m), (q, e, n) = (_measure(each, names) for each in (before, after))
    # A segment that is empty on one side has no loss there: all of it is rows that moved.
    d, e = np.where(r > 0, d, e), np.where(q > 0, e, d)
    usual = (_mean(before) + _mean(after)) / 2.0
    excess = (d + e) / 2.0 - usual
    mix, rate = (q - r) * excess, (q + r) / 2.0 * (e - d)
    pooled = (r * m + q * n) / (m + n)
    spread = float(pooled @ np.square(excess) - (pooled @ excess) ** 2)
    parts = [
        Part(*values)
        for values in zip(names, *(x.tolist() for x in (r, q, mix, rate)), strict=True)
    ]
    return Share(
        field=field,
        mix=float(mix.sum()),
        rate=float(rate.sum()),
        chance=sqrt(max(spread, 0.0) * (1.0 / m + 1.0 / n)),
        parts=tuple(sorted(parts, key=lambda part: -abs(part.total))),
    )


def _measure(one: Segments, names: list[str]) -> tuple[Numbers, Numbers, int]:
    """Shares and mean losses of segments, and how many rows there are."""
    rows = np.array([one.rows.get(name, 0) for name in names], dtype=np.float64)
    losses = np.array([one.losses.get(name, 0.0) for name in names])
    count = int(rows.sum())
    return rows / count, losses / np.maximum(rows, 1.0), count


def _mean(one: Segments) -> float:
    return sum(one.losses.values()) / sum(one.rows.values())


def name_ranges(cuts: Numbers) -> list[str]:
    """Names of the ranges between cuts."""
    if not len(cuts):
        return ["(any)"]
    inner = [f"{low:.6g} .. {high:.6g}" for low, high in pairwise(cuts)]
    return [f"< {cuts[0]:.6g}", *inner, f">= {cuts[-1]:.6g}"]
