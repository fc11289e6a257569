"""What a shadow answered beside what was given to callers, as counts that add up."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import msgspec

from fairlead.releases.latency import add
from fairlead.stats import Estimate, bernoulli_sequence
from fairlead.stats.asymptotic import EVENTS_MIN, half_width, tuned_rho

CLASSES_MAX = 50
VALUES_MAX = 100
"""Classes, and values of a field, that are told apart; all others count in the whole alone."""

EXPECTED_ROWS = 1000
"""At which the interval of a mean is narrowest, as that of a share is."""

WORST_MAX = 20
TEXT_MAX = 100
"""Rows that are kept one by one, and characters of what either side said of them."""

Table = dict[str, dict[str, int]]


class Agreement(msgspec.Struct, frozen=True):
    """How rows were answered twice.

    Args:
        rows: compared.
        apart: of these, whose labels differ, or whose numbers differ at all.
        total: sum of the absolute differences, for numbers.
        squares: sum of their squares.
    """

    rows: int = 0
    apart: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def variance(self) -> float:
        """Of the absolute differences, that of the sample."""
        mean = self.total / self.rows if self.rows else 0.0
        return max(self.squares / self.rows - mean * mean, 0.0) if self.rows else 0.0

    def disagreement(self) -> Estimate | None:
        """The share of rows whose labels differ, with an interval that holds at every look."""
        return bernoulli_sequence(self.apart, self.rows) if self.rows else None

    def difference(self) -> Estimate | None:
        """The mean absolute difference, with an interval that holds at every look.

        It rests on the central limit: with fewer than 20 rows that differ it has no upper end.
        """
        if not self.rows:
            return None
        mean = self.total / self.rows
        if self.apart < EVENTS_MIN:
            return Estimate(mean, 0.0, inf)
        half = float(half_width(self.variance, self.rows, tuned_rho(EXPECTED_ROWS)))
        return Estimate(mean, max(mean - half, 0.0), mean + half)


class Differing(msgspec.Struct, frozen=True):
    """A row of which both sides said different things.

    Args:
        id: of the prediction that its caller has.
        given: what the caller was given, or a person decided, as text.
        shadow: what the shadow answered, as text.
        far: how far apart they are; 1 for labels.
    """

    id: str
    given: str
    shadow: str
    far: float


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All rows that a shadow answered and a caller had an answer to.

    Args:
        numeric: whether answers are numbers, of which differences are told.
        whole: of all rows.
        slices: by field and value of it; of each field the values that were seen first.
        labels: rows by the label that was given and the shadow's.
        span: of numbers, the smallest and the largest on either side.
        differences: of numbers, rows by bucket of the absolute difference.
        ordered: of rows taken two and two, how many pairs both put in the same order.
        reversed: how many they put in the opposite order; a tie is in neither.
        failed: rows that the shadow had no answer to.
        unmatched: rows of the shadow of which it is not known yet what was given.
        latency: of `given` and `shadow`, rows by bucket of the time in queue and model.
        worst: the rows that differ most, of equal ones the newest.
    """

    numeric: bool = False
    whole: Agreement = Agreement()
    slices: dict[str, dict[str, Agreement]] = {}
    labels: Table = {}
    span: tuple[float, float] | None = None
    differences: dict[int, int] = {}
    ordered: int = 0
    reversed: int = 0
    failed: int = 0
    unmatched: int = 0
    latency: dict[str, dict[int, int]] = {}
    worst: tuple[Differing, ...] = ()


def merge(one: Comparison, other: Comparison) -> Comparison:
    """Both together; which of them is first matters only beyond what is told apart.

    Example:
        >>> once = Comparison(whole=Agreement(10, 1), labels={"a": {"a": 9, "b": 1}})
        >>> merge(once, once).labels
        {'a': {'a': 18, 'b': 2}}
    """
    fields = {**one.slices, **other.slices}
    return Comparison(
        numeric=one.numeric or other.numeric,
        whole=_sum(one.whole, other.whole),
        slices={
            name: _values(one.slices.get(name, {}), other.slices.get(name, {})) for name in fields
        },
        labels=_labels(one.labels, other.labels),
        span=_wider(one.span, other.span),
        differences=add(one.differences, other.differences),
        ordered=one.ordered + other.ordered,
        reversed=one.reversed + other.reversed,
        failed=one.failed + other.failed,
        unmatched=one.unmatched + other.unmatched,
        latency={
            who: add(one.latency.get(who, {}), other.latency.get(who, {}))
            for who in {**one.latency, **other.latency}
        },
        worst=_worst(one.worst, other.worst),
    )


def _worst(*several: tuple[Differing, ...]) -> tuple[Differing, ...]:
    """Ids rise with time."""
    found = {row.id: row for rows in several for row in rows}
    newest = sorted(found.values(), key=lambda row: row.id, reverse=True)
    return tuple(sorted(newest, key=lambda row: -row.far)[:WORST_MAX])


def _sum(one: Agreement, other: Agreement) -> Agreement:
    return Agreement(
        one.rows + other.rows,
        one.apart + other.apart,
        one.total + other.total,
        one.squares + other.squares,
    )


def _wider(
    one: tuple[float, float] | None, other: tuple[float, float] | None
) -> tuple[float, float] | None:
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])


def _values(one: Mapping[str, Agreement], other: Mapping[str, Agreement]) -> dict[str, Agreement]:
    kept = [*dict.fromkeys((*one, *other))][:VALUES_MAX]
    return {
        value: _sum(one.get(value, Agreement()), other.get(value, Agreement())) for value in kept
    }


def _labels(one: Table, other: Table) -> Table:
    known = [*dict.fromkeys((*classes(one), *classes(other)))][:CLASSES_MAX]
    found: Table = {}
    for table in (one, other):
        for given, row in table.items():
            for shadow, rows in row.items():
                if given in known and shadow in known:
                    line = found.setdefault(given, {})
                    line[shadow] = line.get(shadow, 0) + rows
    return found


def classes(table: Table) -> list[str]:
    """All labels that either side said, in the order in which they are told.

    Example:
        >>> classes({"a": {"b": 1}, "c": {"a": 2}})
        ['a', 'b', 'c']
    """
    return [*dict.fromkeys(name for given, row in table.items() for name in (given, *row))]
