"""Figures of how good answers were by slice."""

from __future__ import annotations

from fairlead.api.charts import Cell, Chart
from fairlead.app.charts.quality import statements_of
from fairlead.app.charts.types import Asked
from fairlead.monitoring.draw_slices import draw_slices
from fairlead.monitoring.slices import SliceLine, chart_slices
from fairlead.stats import Estimate


def slices(asked: Asked) -> Chart:
    """The metric of each slice over all windows, the worst first."""
    course = chart_slices(statements_of(asked))
    metric = course.metric or "value"
    return Chart(
        figure=draw_slices(course),
        columns=("field", "slice", "answered (rows)", "with a label (rows)", "verdict", *(
            f"{kind}{end}"
            for kind in (metric, "difference to the rest")
            for end in ("", ", low", ", high")
        )),
        rows=tuple(map(_row, course.lines)),
    )  # fmt: skip


def _row(line: SliceLine) -> tuple[Cell, ...]:
    counts = (line.field, line.name, line.rows, line.labelled, line.verdict)
    return (*counts, *_cells(line.value), *_cells(line.apart))


def _cells(value: Estimate | None) -> tuple[Cell, ...]:
    return (None, None, None) if value is None else (value.value, value.low, value.high)
