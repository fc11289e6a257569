"""A course in as few columns as a page has room for."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fairlead.monitoring.course import Course

COLUMNS_MAX = 96
MINUTE_US = 60_000_000
_LENGTHS_US = tuple(minutes * MINUTE_US for minutes in (1, 5, 15, 60, 360, 1440, 10_080))


class Cell(msgspec.Struct, frozen=True):
    """How far a field moved in a stretch of time.

    Args:
        effect: the largest of its windows.
        start_us: of the window that it is of, microseconds since 1970.
    """

    effect: float
    start_us: int


class Heat(msgspec.Struct, frozen=True, kw_only=True):
    """How far fields moved, stretch by stretch.

    Args:
        length_us: of a stretch; 0 if each is a window.
        starts_us: of the stretches, rising.
        cells: of each field, one for each stretch; None where nothing was tested.
    """

    length_us: int
    starts_us: tuple[int, ...]
    cells: tuple[tuple[Cell | None, ...], ...]


def coarsen(course: Course, fields: int, columns: int = COLUMNS_MAX) -> Heat:
    """Take windows together until they are few, each as long as the clock has it.

    Args:
        course: of a stream.
        fields: how many of its first.
        columns: at most.

    Example:
        >>> from fairlead.monitoring.records import Stream
        >>> stream = Stream(endpoint="a", version="a:1", role="stable")
        >>> coarsen(Course(stream=stream, alarm=False), 1)
        Heat(length_us=0, starts_us=(), cells=())
    """
    starts = [each.start_us for each in course.moments]
    length_us = _length_us(starts, columns)
    places = [start // length_us * length_us if length_us else start for start in starts]
    columns_us = tuple(sorted(set(places)))
    return Heat(
        length_us=length_us,
        starts_us=columns_us,
        cells=tuple(
            _row(field.effects, starts, places, columns_us) for field in course.fields[:fields]
        ),
    )


def _length_us(starts: Sequence[int], columns: int) -> int:
    """Nothing where they are few as they are; else the shortest length of which there are few."""
    if len(starts) <= columns:
        return 0
    lengths = (one for one in _LENGTHS_US if len({at // one for at in starts}) <= columns)
    return next(lengths, _LENGTHS_US[-1])


def _row(
    effects: Sequence[float | None],
    starts: Sequence[int],
    places: Sequence[int],
    columns_us: Sequence[int],
) -> tuple[Cell | None, ...]:
    found: dict[int, Cell] = {}
    for effect, start_us, place in zip(effects, starts, places, strict=True):
        if effect is not None and (place not in found or effect > found[place].effect):
            found[place] = Cell(effect, start_us)
    return tuple(found.get(place) for place in columns_us)
