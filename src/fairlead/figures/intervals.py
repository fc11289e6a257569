"""Figures of values that are known up to an interval, over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairlead.figures.layout import CURRENT, REFERENCE, WRONG, Figure, axis, escape, frame

Interval = tuple[float, float | None, float | None]
"""A value, and the ends of its interval where it has one."""


def draw_intervals(
    title: str,
    times: Sequence[str],
    *,
    bands: Mapping[str, Sequence[Interval | None]] = {},
    points: Mapping[str, Sequence[Interval | None]] = {},
    limit: float | None = None,
    unit: str = "",
    note: str = "",
) -> Figure:
    """Values over time: as lines in a band, as points with bars, or both to hold them together.

    Args:
        title: over it.
        times: ISO 8601, rising.
        bands: by name, one value for each time; None where there is none.
        points: likewise.
        limit: beyond which a value is wrong; not drawn if None.
        unit: of the values.
        note: below the title.

    Example:
        >>> figure = draw_intervals(
        ...     "Accuracy", ["2026-01-01"], points={"realised": [(0.9, 0.8, 0.95)]}, limit=0.7
        ... )
        >>> [trace["name"] for trace in figure["data"]]
        ['realised', 'limit']
        >>> [round(end, 2) for end in figure["data"][0]["error_y"]["array"]]
        [0.05]
    """
    traces = [trace for name, values in bands.items() for trace in _band(name, values)]
    traces += [_points(name, values) for name, values in points.items()]
    if limit is not None:
        traces.append({
            "y": [limit] * len(times), "name": "limit", "mode": "lines", "hoverinfo": "skip",
            "line": {"color": WRONG, "width": 1, "dash": "dash"},
        })  # fmt: skip
    return {
        "data": [{"type": "scatter", "x": list(times), **trace} for trace in traces],
        "layout": frame(
            title, note, xaxis=axis(type="date"), yaxis=axis(unit), showlegend=True, height=320
        ),
    }


def _band(name: str, values: Sequence[Interval | None]) -> Iterator[dict[str, Any]]:
    """A line, and behind it the area that it may be in."""
    edge: dict[str, Any] = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    edge |= {"showlegend": False}
    yield {**edge, "y": [None if one is None else one[1] for one in values]}
    yield {
        **edge, "y": [None if one is None else one[2] for one in values], "fill": "tonexty",
        "fillcolor": "rgba(138, 146, 156, 0.25)",
    }  # fmt: skip
    yield {
        "y": [None if one is None else one[0] for one in values], "name": escape(name),
        "mode": "lines", "line": {"color": REFERENCE, "width": 2},
        "hovertemplate": "%{x}: %{y:.4g}<extra></extra>",
    }  # fmt: skip


def _points(name: str, values: Sequence[Interval | None]) -> dict[str, Any]:
    """Points with bars up to the ends of their intervals."""
    up = [None if one is None or one[2] is None else one[2] - one[0] for one in values]
    down = [None if one is None or one[1] is None else one[0] - one[1] for one in values]
    return {
        "y": [None if one is None else one[0] for one in values], "name": escape(name),
        "mode": "markers", "marker": {"color": CURRENT, "size": 7},
        "error_y": {
            "type": "data", "symmetric": False, "array": up, "arrayminus": down,
            "color": CURRENT, "thickness": 1, "width": 3,
        },
        "hovertemplate": "%{x}: %{y:.4g}<extra></extra>",
    }  # fmt: skip
