"""How goals of a stream went from window to window, and what they are worth over all of these."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import msgspec

from fairlead.monitoring.accounts import Statement
from fairlead.monitoring.business import Goal, add_worth, weigh
from fairlead.monitoring.records import Stream
from fairlead.stats import Estimate

WINDOWS_MAX = 1000
"""That alerts look at together: six weeks of hours."""


class GoalCourse(msgspec.Struct, frozen=True, kw_only=True):
    """One goal over windows.

    Args:
        stream: of rows.
        name: of the goal.
        goal: as it is now; windows in which it was another one of that name are left out.
        start_us: of the first window, microseconds since 1970.
        end_us: of the last window.
        values: of each window; None where it is undefined or was not asked for.
        whole: over all windows together; None where it is undefined.
        groups: independent ones that it is made of. A unit of several windows counts in each, so
            where units come again and again the interval of `whole` is too short.
        failed: why the last window has none; empty if it does.
    """

    stream: Stream
    name: str
    goal: Goal
    start_us: int
    end_us: int
    values: tuple[Estimate | None, ...]
    whole: Estimate | None
    groups: int
    failed: str = ""


def chart_goals(statements: Sequence[Statement]) -> tuple[GoalCourse, ...]:
    """Sum up the goals of a stream.

    Args:
        statements: of its windows, oldest first.
    """
    latest: dict[str, Goal] = {}
    for one in statements:
        latest |= {name: worth.goal for name, worth in one.worth.items()}
    return tuple(_course(statements, name, goal) for name, goal in latest.items())


def _course(statements: Sequence[Statement], name: str, goal: Goal) -> GoalCourse:
    mine = [
        one if name in one.worth and one.worth[name].goal == goal else None for one in statements
    ]
    there = [one for one in mine if one is not None]
    whole = reduce(add_worth, (one.worth[name] for one in there))
    return GoalCourse(
        stream=there[0].stream,
        name=name,
        goal=goal,
        start_us=there[0].start_us,
        end_us=there[-1].end_us,
        values=tuple(None if one is None else one.goals.get(name) for one in mine),
        whole=weigh(whole),
        groups=whole.groups,
        failed=statements[-1].failed.get(name, ""),
    )
