"""Whether the values of a window are sound: there, in range, known, and not all the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fairlead.monitoring.flatten import Pair, Single, cutoff, unlisted
from fairlead.monitoring.types import Kind, Quality
from fairlead.profiles import Categorical, Numeric
from fairlead.stats import Estimate, rise_p_value, share_rise, wilson

_SAID: dict[Kind, str] = {
    "missing": "values are missing",
    "out_of_range": "values lie outside of the reference's range",
    "new_categories": "values are none of the reference's categories",
}


def inspect(pair: Pair, factor: float) -> list[Quality]:
    """Look at one field, before what was tested beside it is known.

    Args:
        pair: of summaries.
        factor: of overdispersion; so many rows say as much as one.

    Returns:
        One for each kind of fault that the field can have; none is `broken` yet.
    """
    if pair.reference is None or pair.current is None:
        return [_schema(pair)]
    return [*_shares(pair, pair.reference, pair.current, factor), *_constant(pair, factor)]


def rows_of(summary: Single) -> int:
    """How many rows it counts, with those whose value is missing."""
    other = unlisted(summary) if isinstance(summary, Categorical) else 0
    return sum(summary.counts) + other + summary.missing


def _schema(pair: Pair) -> Quality:
    if pair.reference is None:
        why = f"'{pair.name}' is not a field of the reference."
    else:
        why = f"'{pair.name}' is not there, or not in the form that the reference has."
    all_of = Estimate(1.0, 1.0, 1.0)
    return Quality(field=pair.name, side=pair.side, kind="schema", share=all_of, rise=all_of,
                   p_value=0.0, adjusted_p=0.0, broken=True, why=why)  # fmt: skip


def _shares(pair: Pair, reference: Single, current: Single, factor: float) -> Iterator[Quality]:
    rows, reference_rows = rows_of(current), rows_of(reference)
    if not rows or not reference_rows:
        return
    for kind, hits, reference_hits, unseen in _hits(reference, current):
        share = wilson(hits, rows)
        rise = share_rise(hits, rows, reference_hits, reference_rows)
        p_value = rise_p_value(
            hits / factor, rows / factor, (reference_hits + unseen) / factor,
            reference_rows / factor,
        )  # fmt: skip
        why = (
            f"{share.value:.1%} of '{pair.name}': {_SAID[kind]}; "
            f"{reference_hits / reference_rows:.1%} of the reference."
        )
        yield Quality(field=pair.name, side=pair.side, kind=kind, share=share, rise=rise,
                      p_value=p_value, adjusted_p=1.0, broken=False, why=why)  # fmt: skip


def _hits(reference: Single, current: Single) -> Iterator[tuple[Kind, int, int, int]]:
    """Kind, hits, hits of the reference, and how many more to count for its own limits."""
    yield "missing", current.missing, reference.missing, 0
    if isinstance(reference, Categorical):
        assert isinstance(current, Categorical)
        # A row of a category this rare would be new to the reference's other rows: what is new
        # to all of them is as frequent. Good (1953), "The population frequencies of species".
        level = cutoff(reference) + 1
        rare = sum(count for count in reference.counts if count <= level)
        yield "new_categories", unlisted(current), unlisted(reference), rare + 1
    elif len(reference.edges) > 1:
        outside, before = (s.counts[0] + s.counts[-1] for s in (current, reference))
        yield "out_of_range", outside, before, 1


def _constant(pair: Pair, factor: float) -> Iterator[Quality]:
    """All rows of a window in one bin: at most max(share)^(rows - 1) where nothing changed."""
    assert pair.reference is not None
    assert pair.current is not None
    there = rows_of(pair.current) - pair.current.missing
    known = np.array(pair.reference.counts, dtype=np.float64)
    if there < 2 or not _one(pair.current) or _one(pair.reference) or not known.sum():
        return
    most = (float(known.max()) + 1.0) / (float(known.sum()) + 1.0)
    p_value = min(1.0, most) ** (max(there / factor, 1.0) - 1.0)
    all_of = Estimate(1.0, 1.0, 1.0)
    yield Quality(field=pair.name, side=pair.side, kind="constant", share=all_of, rise=all_of,
                  p_value=p_value, adjusted_p=1.0, broken=False,
                  why=f"All {there} values of '{pair.name}' are the same.")  # fmt: skip


def _one(summary: Single) -> bool:
    """Whether all its values are the same."""
    if isinstance(summary, Numeric):
        return summary.low == summary.high
    return sum(1 for count in summary.counts if count) <= 1 and not unlisted(summary)
