"""The figure of a learner: its error from checkpoint to checkpoint, and that of its base."""

from __future__ import annotations

from fairlead.api.charts import Chart
from fairlead.app.charts.types import Asked
from fairlead.figures import draw_lines
from fairlead.learning import LEARNERS
from fairlead.monitoring.draw_course import iso

SPAN = 1.1
"""Of the largest value, that the axis reaches up to."""


def learning(asked: Asked) -> Chart:
    """Errors of rows that were predicted before they were learnt, between two checkpoints each."""
    stored = asked.workspace.store.get(LEARNERS, LEARNERS.key(asked.endpoint))
    course = () if stored is None else stored.value.course
    lately = [point for point in course if point.time_us >= asked.since_us]
    times = [iso(point.time_us) for point in lately]
    lines = {
        "learner": [point.learner for point in lately],
        "base": [point.base for point in lately],
    }
    top = max((value for values in lines.values() for value in values), default=0.0)
    return Chart(
        figure=draw_lines("Error before learning", times, lines, unit="error", least=top * SPAN),
        columns=("time", "version", "labels", *lines),
        rows=tuple((iso(p.time_us), p.version, p.labels, p.learner, p.base) for p in lately),
    )
