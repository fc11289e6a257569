"""Batch jobs that run by themselves: what is due is decided, run beside the loop, and told of.

A schedule has slots, the times at which it is due. Each slot is taken at most once, of those that
were missed only the last one, and a run that was interrupted is resumed, not begun anew.
"""

from fairlead.schedules.book import JobBook, Overview
from fairlead.schedules.controller import ScheduleController
from fairlead.schedules.settings import BatchSettings, rooted, schedule_of
from fairlead.schedules.types import (
    RUNS,
    STANDINGS,
    Completed,
    Failed,
    Going,
    Line,
    Paused,
    Run,
    Schedule,
    Standing,
    Timing,
    Told,
    lease_of,
)

__all__ = [
    "RUNS",
    "STANDINGS",
    "BatchSettings",
    "Completed",
    "Failed",
    "Going",
    "JobBook",
    "Line",
    "Overview",
    "Paused",
    "Run",
    "Schedule",
    "ScheduleController",
    "Standing",
    "Timing",
    "Told",
    "lease_of",
    "rooted",
    "schedule_of",
]
