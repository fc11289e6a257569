"""A line as small as a word: requests of the last hour."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.monitoring.operations import FINE_KEPT_S, Pace

WIDTH, HEIGHT = 120, 28
_EDGE = 2


def points(paces: Sequence[Pace]) -> str:
    """Points of an SVG polyline, over the hour up to the last of them.

    Args:
        paces: oldest first.

    Example:
        >>> points([Pace(0, 1.0, None), Pace(3600 * 1_000_000, 2.0, None)])
        '2.0,14.0 118.0,2.0'
    """
    if not paces:
        return ""
    most = max(max(pace.rate for pace in paces), 1e-9)
    end_us, span_us = paces[-1].end_us, FINE_KEPT_S * 1e6
    found = []
    for pace in paces:
        x = WIDTH - _EDGE - (WIDTH - 2 * _EDGE) * (end_us - pace.end_us) / span_us
        y = HEIGHT - _EDGE - (HEIGHT - 2 * _EDGE) * pace.rate / most
        found.append(f"{max(x, _EDGE):.1f},{y:.1f}")
    return " ".join(found)
