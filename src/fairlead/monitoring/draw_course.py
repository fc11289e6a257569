"""Figures of how a stream went."""

from __future__ import annotations

from datetime import UTC, datetime

from fairlead.figures import Figure, draw_effects, draw_heat, draw_series
from fairlead.monitoring.course import Course

FIELDS_MAX = 20
HEAT_FLOORS = 10.0
"""The colour of an effect is full at so many times the least effect of a drift."""


def draw_rows(course: Course) -> Figure:
    """Rows of each window, in the band that was expected."""
    bands = [each.expected for each in course.moments]
    known = any(bands)
    return draw_series(
        "Rows in each window",
        [iso(each.start_us) for each in course.moments],
        [each.rows for each in course.moments],
        low=[None if band is None else band.low for band in bands] if known else (),
        high=[None if band is None else band.high for band in bands] if known else (),
        wrong=[
            band is not None and not band.low <= each.rows <= band.high
            for each, band in zip(course.moments, bands, strict=True)
        ],
        unit="rows",
    )


def draw_drift(course: Course, floor: float) -> Figure:
    """The effect of each field in each window, of the 20 that moved most.

    Args:
        course: of the stream.
        floor: least effect of a drift.
    """
    fields = course.fields[:FIELDS_MAX]
    return draw_heat(
        "Drift in each window",
        [iso(each.start_us) for each in course.moments],
        [field.name for field in fields],
        [field.effects for field in fields],
        most=HEAT_FLOORS * floor,
        unit="effect",
        note=_left_out(course),
    )


def draw_last(course: Course, floor: float) -> Figure:
    """The effect of each field in the last window, of the 20 that moved most.

    Args:
        course: of the stream.
        floor: least effect of a drift.
    """
    fields = course.fields[:FIELDS_MAX]
    return draw_effects(
        "How far fields moved in the last window",
        [field.name for field in fields],
        [field.effect for field in fields],
        floor=floor,
        drifted={field.name for field in fields if field.state in {"drifting", "moved"}},
        note=_left_out(course),
    )


def iso(time_us: int) -> str:
    """A time as figures take it, in UTC."""
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _left_out(course: Course) -> str:
    left = len(course.fields) - FIELDS_MAX
    return f"{left} fields that moved less are left out" if left > 0 else ""
