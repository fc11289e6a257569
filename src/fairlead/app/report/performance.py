"""What a report says of how good answers are: by labels, by estimates, and which of both are in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairlead.app.report.types import Cell, Row, Section, Table
from fairlead.figures import Interval
from fairlead.monitoring.accounts import Statement
from fairlead.monitoring.draw_course import iso
from fairlead.monitoring.draw_statements import (
    draw_labelled,
    draw_metric,
    estimated_of,
    metrics_of,
    realised_of,
)
from fairlead.monitoring.facts import Fact
from fairlead.monitoring.ledger import score

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
    names = metrics_of(answered)
    return Section(
        title=TITLE,
        text=f"{_coverage(answered)} {_known(names)}",
        figures=(
            *(draw_metric(name, answered, facts) for name in names[:DRAWN_MAX]),
            draw_labelled(answered),
        ),
        tables=tuple(table for table in _tables(answered, facts) if table.rows),
    )


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
            (name, *_cells(estimated_of(name, newest)), *_cells(realised_of(name, newest)))
            for name in metrics_of([newest])
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
