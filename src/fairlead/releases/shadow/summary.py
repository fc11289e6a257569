"""What a comparison says: shares, means and intervals that hold at every look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from fairlead.releases.latency import EDGES_US
from fairlead.releases.shadow.compare import upper_edge
from fairlead.releases.shadow.comparison import Agreement, Comparison, Differing, Table, classes
from fairlead.stats import Estimate, bernoulli_sequence, kappa, kappa_by_class

SLICES_MAX = 20
"""Of each field, those with the most rows."""

GIVEN, ANSWERED = "given", "answered"
"""Stand for fields in slices by the label that was given or decided, and by the shadow's."""


class Part(msgspec.Struct, frozen=True):
    """One slice of the rows.

    Args:
        field: by which they are divided; `given` for the label that callers got or a person
            decided, `answered` for the shadow's: what is left of a whole is its recall and its
            precision, if who decides is right.
        value: of it.
        rows: compared.
        apart: share that disagrees, or mean absolute difference; None with too few rows.
    """

    field: str
    value: str
    rows: int
    apart: Estimate | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """How a shadow compares.

    Args:
        measure: what `apart` is, of the whole and of each slice.
        rows: compared.
        failed: that the shadow had no answer to.
        apart: with its interval, whenever it is looked at.
        kappa: agreement beyond chance, of labels; its interval is for one look.
        kappas: the same of each label against all others.
        rank: how much more often two rows are put in the same order than in the opposite one, -1
            to 1 (Goodman and Kruskal's gamma), of numbers.
        difference_p95: that 95 of 100 rows keep to, within 2 %, of numbers.
        latency_p95_ms: of `given` and `shadow`: 95 of 100 rows took at most so long.
        slices: those with the most rows first, by field.
        worst: the rows that differ most.
    """

    measure: Literal["disagreement", "difference"]
    rows: int
    failed: int
    apart: Estimate | None
    kappa: Estimate | None = None
    kappas: dict[str, Estimate] = {}
    rank: Estimate | None = None
    difference_p95: float | None = None
    latency_p95_ms: dict[str, float] = {}
    slices: tuple[Part, ...] = ()
    worst: tuple[Differing, ...] = ()


def summarize(compared: Comparison) -> Summary:
    """Tell what a comparison says.

    Example:
        >>> told = summarize(Comparison(whole=Agreement(1000, 30)))
        >>> told.measure, told.apart.value, round(told.apart.low, 3), round(told.apart.high, 3)
        ('disagreement', 0.03, 0.016, 0.049)
    """
    numeric = compared.numeric
    labels, fields = compared.labels, compared.slices
    if not numeric:
        fields = {**fields, GIVEN: by_given(labels), ANSWERED: by_given(_turned(labels))}
    parts = [
        Part(field, value, seen.rows, _apart(seen, numeric=numeric))
        for field, values in fields.items()
        for value, seen in sorted(values.items(), key=lambda one: -one[1].rows)[:SLICES_MAX]
    ]
    return Summary(
        measure="difference" if numeric else "disagreement",
        rows=compared.whole.rows,
        failed=compared.failed,
        apart=_apart(compared.whole, numeric=numeric),
        kappa=kappa(square(labels)) if labels else None,
        kappas=_kappas(labels),
        rank=_rank(compared),
        difference_p95=_p95(compared.differences, upper_edge),
        latency_p95_ms={
            who: took
            for who, times in compared.latency.items()
            if (took := _p95(times, _milliseconds)) is not None
        },
        slices=tuple(parts),
        worst=compared.worst,
    )


def by_given(labels: Table) -> dict[str, Agreement]:
    """The agreement on the rows of each label that callers were given."""
    return {
        given: Agreement(sum(row.values()), sum(row.values()) - row.get(given, 0))
        for given, row in labels.items()
    }


def square(labels: Table) -> list[list[int]]:
    """A line for each label that was given, and a column for each of the shadow's."""
    names = classes(labels)
    return [[labels.get(given, {}).get(shadow, 0) for shadow in names] for given in names]


def _turned(labels: Table) -> Table:
    """The same rows by the shadow's label and the one that was given."""
    return {
        name: {given: row[name] for given, row in labels.items() if name in row}
        for name in {name: None for row in labels.values() for name in row}
    }


def _kappas(labels: Table) -> dict[str, Estimate]:
    if not labels:
        return {}
    each = zip(classes(labels), kappa_by_class(square(labels)), strict=True)
    return {name: found for name, found in each if found is not None}


def _apart(seen: Agreement, *, numeric: bool) -> Estimate | None:
    return seen.difference() if numeric else seen.disagreement()


def _rank(compared: Comparison) -> Estimate | None:
    pairs = compared.ordered + compared.reversed
    if not pairs:
        return None
    share = bernoulli_sequence(compared.ordered, pairs)
    return Estimate(2 * share.value - 1, 2 * share.low - 1, 2 * share.high - 1)


def _p95(counts: dict[int, int], upper: Callable[[int], float]) -> float | None:
    """The upper edge of the bucket that holds it."""
    rows, below = sum(counts.values()), 0
    for place in sorted(counts):
        below += counts[place]
        if below >= 0.95 * rows:
            return upper(place)
    return None


def _milliseconds(place: int) -> float:
    return float(EDGES_US[place + 1]) / 1e3
