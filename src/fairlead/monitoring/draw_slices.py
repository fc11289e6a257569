"""Figures of how good answers were by slice."""

from __future__ import annotations

from fairlead.figures import Figure, draw_dots
from fairlead.monitoring.draw_statements import ends
from fairlead.monitoring.slices import SliceCourse

DRAWN_MAX = 20


def draw_slices(course: SliceCourse) -> Figure:
    """The metric of each slice that has labels, of the twenty that are worst.

    Args:
        course: of a stream.
    """
    known = [(line, ends(line.value)) for line in course.lines if line.value is not None]
    drawn, left = known[:DRAWN_MAX], len(known) - DRAWN_MAX
    return draw_dots(
        f"{course.metric or 'Quality'} by slice",
        [f"{line.field}: {line.name}" for line, _ in drawn],
        [value for _, value in drawn],
        whole=None if course.whole is None else course.whole.value,
        marked={place for place, (line, _) in enumerate(drawn) if line.verdict == "worse"},
        unit=course.metric,
        note=f"{left} more that are better are left out" if left > 0 else "",
    )
