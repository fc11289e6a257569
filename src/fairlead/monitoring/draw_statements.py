"""Figures of how good answers were, from the statements of windows."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.figures import Figure, Interval, draw_intervals
from fairlead.monitoring.accounts import Statement
from fairlead.monitoring.draw_course import iso
from fairlead.monitoring.facts import Fact
from fairlead.stats import Estimate


def metrics_of(statements: Sequence[Statement]) -> list[str]:
    """Names of the metrics there are: those that labels tell first."""
    realised = [name for one in statements for name in one.realised]
    ledgers = [one.ledger.entries for one in statements if one.ledger is not None]
    return [*dict.fromkeys((*realised, *(name for entries in ledgers for name in entries)))]


def draw_metric(name: str, statements: Sequence[Statement], facts: Sequence[Fact]) -> Figure:
    """A metric of each window: as it was estimated, and as labels tell it.

    Args:
        name: of the metric.
        statements: of windows, oldest first.
        facts: what guards say now; one that guards it gives the limit.
    """
    estimated = [estimated_of(name, one) for one in statements]
    realised = [realised_of(name, one) for one in statements]
    limits = [one.evidence.get("limit") for one in facts if one.name in {name, f"estimated_{name}"}]
    limit = next((one for one in limits if isinstance(one, float)), None)
    return draw_intervals(
        f"{name} in each window",
        [iso(one.start_us) for one in statements],
        bands={"estimated": estimated} if any(estimated) else {},
        points={"realised": realised} if any(realised) else {},
        limit=limit,
        unit=name,
        note="" if limit is None else "beyond the limit answers are worse than they may be",
    )


def draw_labelled(statements: Sequence[Statement]) -> Figure:
    """The share of each window's rows that have a label.

    Args:
        statements: of windows, oldest first.
    """
    shares = [one.coverage.share for one in statements]
    return draw_intervals(
        "Share of each window's rows with a label",
        [iso(one.start_us) for one in statements],
        points={"labelled": [None if share is None else ends(share) for share in shares]},
        unit="share",
    )


def estimated_of(name: str, one: Statement) -> Interval | None:
    """What a metric of a window was estimated to be, without labels."""
    entry = None if one.ledger is None else one.ledger.entries.get(name)
    return None if entry is None else ends(entry.estimated)


def realised_of(name: str, one: Statement) -> Interval | None:
    """What a metric of a window is by labels."""
    if name in one.realised:
        return ends(one.realised[name])
    entry = None if one.ledger is None else one.ledger.entries.get(name)
    return None if entry is None or entry.realised is None else (entry.realised, None, None)


def ends(estimate: Estimate) -> Interval:
    """A value and the ends of its interval."""
    return estimate.value, estimate.low, estimate.high
