"""What a report says of an endpoint's own metrics, and of all fields together."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.app.report.types import Cell, Section, Table
from fairlead.figures import draw_intervals
from fairlead.monitoring.accounts import Statement
from fairlead.monitoring.draw_course import iso
from fairlead.monitoring.draw_goals import draw_goal
from fairlead.monitoring.goals import GoalCourse, chart_goals
from fairlead.monitoring.joint import Joint
from fairlead.stats import Estimate

DRAWN_MAX = 6


def tell_goals(statements: Sequence[Statement]) -> Section | None:
    """Of own metrics; None if there are none.

    Args:
        statements: of windows, oldest first.
    """
    goals = chart_goals(statements)
    if not goals:
        return None
    return Section(
        title="Own metrics",
        text="From feedback, over the predictions of each window. Bars are intervals of 95 %.",
        figures=tuple(draw_goal(goal, statements) for goal in goals[:DRAWN_MAX]),
        tables=(
            Table(
                caption="All windows together",
                heads=("metric", "value", "low", "high", "last window could not be had"),
                rows=tuple(_row(goal) for goal in goals),
            ),
        ),
    )


def tell_days(joint: Joint) -> Section:
    """Of all fields of a stream together, day by day."""
    last, days = joint.days[-1], joint.days
    return Section(
        title="All fields together",
        text=f"How well a classifier tells a day's rows from those of the first week, as the area "
        f"under its ROC curve; one half is not at all. {last.why}",
        figures=(
            draw_intervals(
                "Area under the curve, day by day",
                [iso(day.start_us) for day in days],
                points={"area": [_interval(day.auc) for day in days]},
                unit="area",
            ),
        ),
        tables=(
            Table(
                caption="Fields that tell the last day apart",
                heads=("field", "the area loses without it"),
                rows=tuple((telling.field, telling.drop) for telling in last.fields),
            ),
        ),
    )


def _row(goal: GoalCourse) -> tuple[Cell, ...]:
    whole = goal.whole
    values = (None, None, None) if whole is None else (whole.value, whole.low, whole.high)
    return (goal.name, *values, goal.failed)


def _interval(value: Estimate | None) -> tuple[float, float, float] | None:
    return None if value is None else (value.value, value.low, value.high)
