"""How good answers were by slice, over many windows, and which slice is not like the rest.

Each slice is held against all other rows of its field, and there are many: at 95 % each, one of
twenty would differ where none does. So the difference of each has an interval of confidence
1 - 0.05 / m, of m that are compared (Bonferroni, which holds however they depend). Where no slice
differs from the rest, one endpoint in twenty at most has any that seems to.

- Of accuracy by `exact_difference`, as few wrong answers are no normal ones.
- Of an rmse by the delta method on mean squared errors, with Student's interval of Welch's
  degrees. Squared errors are skewed, so that a slice which has no large one by chance looks surer
  than it is: its variance is taken to be no less than that of the rest.

Rows count as independent. Where one user asks often, less is certain than intervals say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import sqrt

import msgspec

from fairlead.monitoring.accounts import Statement
from fairlead.monitoring.divide import Slice, add_slices, sum_slices
from fairlead.monitoring.evaluate import LESS_IS_BETTER, Verdict, verdict
from fairlead.monitoring.guard import Moments
from fairlead.monitoring.reckon import realise
from fairlead.monitoring.records import Stream
from fairlead.stats import Estimate, Measure, difference, exact_difference, t_interval

ALPHA = 0.05
LABELLED_MIN = 10
"""Labels that a slice, and the rest, need at least to be compared."""


class SliceLine(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that have one value of one field.

    Args:
        field: its name.
        name: of the slice.
        rows: that were answered.
        labelled: of them.
        value: of the metric, by labels; None without any.
        apart: value - that of all other rows of the field, with the widened interval; None where
            too few have labels.
        verdict: whether it is better or worse than they are, beyond chance.
    """

    field: str
    name: str
    rows: int
    labelled: int
    value: Estimate | None = None
    apart: Estimate | None = None
    verdict: Verdict = "no difference seen"


class SliceCourse(msgspec.Struct, frozen=True, kw_only=True):
    """How good a stream's answers were by slice.

    Args:
        stream: of rows; None if nothing was divided.
        fields: that the rows are divided by.
        since_us: start of the first window that is divided by them, microseconds since 1970.
        until_us: end of the last one.
        rows: that are divided.
        labelled: of them.
        metric: accuracy of a classifier, rmse of a regressor; empty without a label.
        whole: the metric of all these rows.
        compared: slices that were held against the rest.
        confidence: of their intervals; None if none was.
        lines: the slices; what is surely worst first, what was not compared last.
    """

    stream: Stream | None = None
    fields: tuple[str, ...] = ()
    since_us: int = 0
    until_us: int = 0
    rows: int = 0
    labelled: int = 0
    metric: str = ""
    whole: Estimate | None = None
    compared: int = 0
    confidence: float | None = None
    lines: tuple[SliceLine, ...] = ()


@dataclass(frozen=True, slots=True)
class _Held:
    """A slice beside the other rows of its field."""

    field: str
    name: str
    ours: Slice
    rest: Slice

    @property
    def is_compared(self) -> bool:
        return min(self.ours.labelled, self.rest.labelled) >= LABELLED_MIN


def chart_slices(statements: Sequence[Statement]) -> SliceCourse:
    """Add up the slices of a stream's windows.

    By the fields of the newest window that has any: what rows were divided by before that is left
    out, and windows in which they were not divided by all of these.

    Args:
        statements: of its windows, oldest first.
    """
    fields = next((tuple(one.slices) for one in reversed(statements) if one.slices), ())
    mine = [one for one in statements if fields and all(name in one.slices for name in fields)]
    if not mine:
        return SliceCourse()
    sums = reduce(add_slices, (one.slices for one in mine))
    whole = sum_slices(sums[fields[0]].values())
    values = realise(whole.losses)
    metric = next(iter(values), "")
    held = [_held(field, name, sums[field]) for field in fields for name in sums[field]]
    compared = sum(one.is_compared for one in held)
    confidence = 1.0 - ALPHA / compared if compared else None
    lines = [_line(one, metric, confidence) for one in held]
    lines.sort(key=lambda line: (-_harm(line, metric), -line.rows, line.field, line.name))
    return SliceCourse(
        stream=mine[-1].stream,
        fields=fields,
        since_us=mine[0].start_us,
        until_us=mine[-1].end_us,
        rows=whole.rows,
        labelled=whole.labelled,
        metric=metric,
        whole=values.get(metric),
        compared=compared,
        confidence=confidence,
        lines=tuple(lines),
    )


def _held(field: str, name: str, slices: Mapping[str, Slice]) -> _Held:
    """A slice and the other rows of its field."""
    rest = sum_slices(one for other, one in slices.items() if other != name)
    return _Held(field, name, slices[name], rest)


def _line(held: _Held, metric: str, confidence: float | None) -> SliceLine:
    apart = None
    if held.is_compared and confidence is not None:
        apart = _apart(held.ours.losses, held.rest.losses, confidence)
    return SliceLine(
        field=held.field,
        name=held.name,
        rows=held.ours.rows,
        labelled=held.ours.labelled,
        value=realise(held.ours.losses).get(metric),
        apart=apart,
        verdict="no difference seen" if apart is None else verdict(metric, apart),
    )


def _apart(
    ours: Mapping[str, Moments], rest: Mapping[str, Moments], confidence: float
) -> Estimate | None:
    if "error" in ours:
        (hits, rows), (others, other_rows) = (_hits(one["error"]) for one in (ours, rest))
        return exact_difference(hits, rows, others, other_rows, confidence=confidence)
    one, other = ours["squared"], rest["squared"]
    if not one.mean or not other.mean:
        return None  # a root has no slope at nothing
    spread = max(one.variance, other.variance)
    apart = difference(_root(other, other.variance), _root(one, spread))
    return t_interval(apart, confidence=confidence)


def _hits(errors: Moments) -> tuple[int, int]:
    return errors.rows - round(errors.total), errors.rows


def _root(squares: Moments, variance: float) -> Measure:
    """The root of a mean, of which a unit changes 1 / (2 root) as much."""
    spread = variance / (4.0 * squares.mean)
    return Measure(sqrt(squares.mean), spread, squares.rows, squares.rows)


def _harm(line: SliceLine, metric: str) -> float:
    """How much worse than the rest it is at least; of what was not compared, less than all."""
    if line.apart is None:
        return float("-inf")
    return line.apart.low if metric in LESS_IS_BETTER else -line.apart.high
