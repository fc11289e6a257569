"""Which files go when room is short. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fairlead.device.segments import Segment


def oldest_first(
    rows: Sequence[Segment], windows: Iterable[Segment], over_bytes: int
) -> list[Segment]:
    """What to remove: the oldest rows, and only when these are gone the oldest windows.

    Args:
        rows: files of rows in their order, without the one that is written now.
        windows: files of windows in their order.
        over_bytes: how much must go.

    Example:
        >>> from pathlib import Path
        >>> files = [Segment(n, "", Path(str(n)), 10) for n in (1, 5, 9)]
        >>> [each.first for each in oldest_first(files, [], 15)]
        [1, 5]
    """
    going: list[Segment] = []
    for each in (*rows, *windows):
        if over_bytes <= 0:
            break
        going.append(each)
        over_bytes -= each.room
    return going
