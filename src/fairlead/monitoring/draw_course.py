"""Figures of how a stream went."""

from __future__ import annotations

from datetime import UTC, datetime

from fairlead.durations import write_duration
from fairlead.figures import Figure, draw_effects, draw_heat, draw_series
from fairlead.monitoring.coarsen import coarsen
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

    Where windows are many each column is of several, with the mean of their effects. What a page
    opens for a value is its field and the start of the window that moved furthest.

    Args:
        course: of the stream.
        floor: least effect of a drift.
    """
    fields = course.fields[:FIELDS_MAX]
    heat = coarsen(course, FIELDS_MAX)
    joined = (
        f"each column is the mean of {write_duration(heat.length_us / 1e6)}"
        if heat.length_us
        else ""
    )
    return draw_heat(
        "Drift over time" if heat.length_us else "Drift in each window",
        [iso(start_us) for start_us in heat.starts_us],
        [field.name for field in fields],
        [[None if cell is None else cell.effect for cell in row] for row in heat.cells],
        most=HEAT_FLOORS * floor,
        unit="effect",
        note="; ".join(filter(None, (joined, _left_out(course)))),
        opens=[
            [(field.name, "" if cell is None else str(cell.start_us)) for cell in row]
            for field, row in zip(fields, heat.cells, strict=True)
        ],
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
    """A time as figures take it, in UTC; to the millisecond where it is no whole second.

    Example:
        >>> iso(0), iso(500_000)
        ('1970-01-01T00:00:00Z', '1970-01-01T00:00:00.500Z')
    """
    time = datetime.fromtimestamp(time_us / 1e6, UTC).replace(tzinfo=None)
    return time.isoformat(timespec="milliseconds" if time.microsecond else "seconds") + "Z"


def _left_out(course: Course) -> str:
    left = len(course.fields) - FIELDS_MAX
    return f"{left} fields that moved less are left out" if left > 0 else ""
