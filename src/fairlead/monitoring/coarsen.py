"""A course in as few columns as a page has room for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

import msgspec

from fairlead.monitoring.course import Course

COLUMNS_MAX = 96
MINUTE_US = 60_000_000
_LENGTHS_US = tuple(minutes * MINUTE_US for minutes in (1, 5, 15, 60, 360, 1440, 10_080))


class Cell(msgspec.Struct, frozen=True):
    """How far a field moved in a stretch of time.

    Args:
        effect: the mean of its windows: where nothing moved it is 0 but for chance.
        start_us: of the window in which it moved furthest, microseconds since 1970.
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
    found: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
    for effect, start_us, place in zip(effects, starts, places, strict=True):
        if effect is not None:
            found[place].append((effect, start_us))
    return tuple(_cell(found[place]) if place in found else None for place in columns_us)


def _cell(windows: Sequence[tuple[float, int]]) -> Cell:
    effects = [effect for effect, _ in windows]
    return Cell(fmean(effects), max(windows)[1])
