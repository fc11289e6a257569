"""What a report says of how good answers are: by labels, by estimates, and which of both are in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairlead.app.report.types import Cell, Row, Section, Table
from fairlead.figures import Figure, Interval, draw_intervals
from fairlead.monitoring.accounts import Statement
from fairlead.monitoring.draw_course import iso
from fairlead.monitoring.facts import Fact
from fairlead.monitoring.ledger import score
from fairlead.stats import Estimate

DRAWN_MAX = 4
TITLE = "Performance"


def tell_performance(statements: Sequence[Statement], facts: Sequence[Fact]) -> Section:
    """Write the section.

    Args:
        statements: of windows, oldest first.
        facts: what guards say now.
    """
    answered = [one for one in statements if one.coverage.answered]
    if not answered:
        return Section(title=TITLE, text="No answer of this time was accounted for yet.")
    names = _names(answered)
    return Section(
        title=TITLE,
        text=f"{_coverage(answered)} {_known(names)}",
        figures=(
            *(_drawn(name, answered, facts) for name in names[:DRAWN_MAX]),
            _labelled(answered),
        ),
        tables=tuple(table for table in _tables(answered, facts) if table.rows),
    )


def _names(statements: Sequence[Statement]) -> list[str]:
    """Of the metrics there are: those that are guarded first."""
    realised = [name for one in statements for name in one.realised]
    ledgers = [one.ledger.entries for one in statements if one.ledger is not None]
    return [*dict.fromkeys((*realised, *(name for entries in ledgers for name in entries)))]


def _coverage(statements: Sequence[Statement]) -> str:
    answered = sum(one.coverage.answered for one in statements)
    labelled = sum(one.coverage.labelled for one in statements)
    medians_s = [one.coverage.delay_median_s for one in statements]
    known_s = [delay_s for delay_s in medians_s if delay_s is not None]
    said = f"{labelled:,} of {answered:,} rows ({labelled / answered:.1%}) have a label"
    if not known_s:
        return f"{said}."
    return f"{said}; in the newest window that has any, half came within {known_s[-1]:,.0f} s."


def _known(names: Sequence[str]) -> str:
    if not names:
        return "Without labels and without an estimator nothing is known of their quality."
    return (
        "Estimates are of all rows of a window, made without their labels; what is realised is of "
        "those with one. Bars and bands are intervals of 95 %."
    )


def _drawn(name: str, statements: Sequence[Statement], facts: Sequence[Fact]) -> Figure:
    estimated, realised = (
        [take(name, one) for one in statements] for take in (_estimated, _realised)
    )
    limits = [fact.evidence.get("limit") for fact in facts if _guards(fact, name)]
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


def _guards(fact: Fact, metric: str) -> bool:
    return fact.name in {metric, f"estimated_{metric}"}


def _labelled(statements: Sequence[Statement]) -> Figure:
    shares = [one.coverage.share for one in statements]
    return draw_intervals(
        "Share of each window's rows with a label",
        [iso(one.start_us) for one in statements],
        points={"labelled": [None if share is None else _interval(share) for share in shares]},
        unit="share",
    )


def _estimated(name: str, one: Statement) -> Interval | None:
    entry = None if one.ledger is None else one.ledger.entries.get(name)
    return None if entry is None else _interval(entry.estimated)


def _realised(name: str, one: Statement) -> Interval | None:
    if name in one.realised:
        return _interval(one.realised[name])
    entry = None if one.ledger is None else one.ledger.entries.get(name)
    return None if entry is None or entry.realised is None else (entry.realised, None, None)


def _interval(estimate: Estimate) -> Interval:
    return estimate.value, estimate.low, estimate.high


def _tables(statements: Sequence[Statement], facts: Sequence[Fact]) -> Iterator[Table]:
    yield Table(
        caption="What is guarded",
        heads=("guard", "state", "value", "low", "high", "limit", "evidence", "needed", "look at"),
        rows=tuple(_guarded(fact) for fact in facts),
    )
    labelled = [one for one in statements if one.coverage.labelled]
    newest = (labelled or statements)[-1]
    told = "the newest window with labels" if labelled else "the newest window"
    yield Table(
        caption=f"All metrics, of {told}, from {iso(newest.start_us).replace('T', ' ')}",
        heads=("metric", "estimated", "low", "high", "realised", "low", "high"),
        rows=tuple(
            (name, *_cells(_estimated(name, newest)), *_cells(_realised(name, newest)))
            for name in _names([newest])
        ),
    )
    scores = score(one.ledger for one in statements if one.ledger is not None)
    yield Table(
        caption="Estimates beside what labels said of the same rows",
        heads=("metric", "windows", "mean error", "mean absolute error", "within the interval"),
        rows=tuple(
            (name, one.windows, one.bias, one.error, f"{one.covered.value:.0%}")
            for name, one in scores.items()
        ),
    )


def _guarded(fact: Fact) -> Row:
    shown = (fact.evidence.get(name) for name in ("limit", "evidence", "evidence_needed"))
    state = "worse" if fact.proven else "no harm proven"
    value = fact.value
    return (fact.name, state, value.value, value.low, value.high, *shown, fact.look_at)


def _cells(interval: Interval | None) -> tuple[Cell, Cell, Cell]:
    return (None, None, None) if interval is None else interval
