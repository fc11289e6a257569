"""What a report says of how good answers are by the values of fields."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.app.report.types import Cell, Section, Table
from fairlead.monitoring.accounts import Statement
from fairlead.monitoring.draw_slices import draw_slices
from fairlead.monitoring.slices import SliceCourse, SliceLine, chart_slices
from fairlead.stats import Estimate


def tell_slices(statements: Sequence[Statement]) -> Section | None:
    """Write the section; None if no field divides the rows.

    Args:
        statements: of windows, oldest first.
    """
    course = chart_slices(statements)
    if not course.lines:
        return None
    heads = ("field", "slice", "rows", "with a label", course.metric or "metric", "low", "high",
             "difference to the rest", "low", "high", "found")  # fmt: skip
    table = Table(
        caption="All windows together, the worst first",
        heads=heads,
        rows=tuple(map(_row, course.lines)),
    )
    return Section(
        title="Slices",
        text=_compared(course),
        figures=(draw_slices(course),) if course.labelled else (),
        tables=(table,),
    )


def _compared(course: SliceCourse) -> str:
    if course.confidence is None:
        return "No slice is held against the rest: too few rows have a label."
    return (
        f"Each slice beside all other rows of its field. {course.compared} are compared at once, "
        f"so that the interval of a difference is one of {course.confidence:.1%}: where no slice "
        "is unlike the rest, one endpoint in twenty at most has any that is called better or worse."
    )


def _row(line: SliceLine) -> tuple[Cell, ...]:
    counts = (line.field, line.name, line.rows, line.labelled)
    return (*counts, *_cells(line.value), *_cells(line.apart), line.verdict)


def _cells(value: Estimate | None) -> tuple[Cell, Cell, Cell]:
    return (None, None, None) if value is None else (value.value, value.low, value.high)
