"""Figures of an endpoint's own metrics."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.figures import Figure, draw_intervals
from fairlead.monitoring.accounts import Statement
from fairlead.monitoring.draw_course import iso
from fairlead.monitoring.draw_statements import ends
from fairlead.monitoring.goals import GoalCourse


def draw_goal(goal: GoalCourse, statements: Sequence[Statement]) -> Figure:
    """An own metric of each window.

    Args:
        goal: over these windows.
        statements: of the windows, oldest first.
    """
    return draw_intervals(
        f"{goal.name} in each window",
        [iso(one.start_us) for one in statements],
        points={goal.name: [None if value is None else ends(value) for value in goal.values]},
        unit=goal.name,
    )
