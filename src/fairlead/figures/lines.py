"""Figures of several values over time, with what happened meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fairlead.figures.layout import CURRENT, REFERENCE, SECOND, WRONG, Figure, axis, escape, frame

EventKind = Literal["release", "alert"]

# Each line has a dash and each kind of event a symbol of its own, so that no colour is needed.
_STYLES = ((CURRENT, "solid"), (SECOND, "dash"), (REFERENCE, "dot"))
_MARKS: dict[EventKind, tuple[str, str]] = {
    "release": ("triangle-down", REFERENCE),
    "alert": ("diamond", WRONG),
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, to be marked on the time axis.

    Args:
        time: ISO 8601.
        kind: of event.
        text: what it was.
    """

    time: str
    kind: EventKind
    text: str


def draw_lines(
    title: str,
    times: Sequence[str],
    lines: Mapping[str, Sequence[float | None]],
    *,
    events: Sequence[Event] = (),
    unit: str = "",
    least: float = 1.0,
    tickformat: str = "",
    note: str = "",
) -> Figure:
    """Values over time, and events as marks at the upper edge with a line down from each.

    Args:
        title: over it.
        times: ISO 8601, rising.
        lines: by name, one value for each time; None where there is none.
        events: what happened meanwhile.
        unit: of the values.
        least: that the values' axis reaches up to, so that nothing looks like much.
        tickformat: of the values' axis, as Plotly takes it.
        note: below the title.

    Example:
        >>> figure = draw_lines(
        ...     "Requests", ["2026-01-01"], {"rate": [2.0]},
        ...     events=[Event("2026-01-01", "release", "churn:2")],
        ... )
        >>> [trace["name"] for trace in figure["data"]]
        ['rate', 'release']
    """
    traces = [
        {
            "type": "scatter", "mode": "lines", "name": escape(name), "x": list(times),
            "y": list(values), "line": {"color": colour, "dash": dash, "width": 2},
            "hovertemplate": "%{x}: %{y:.4g}",
        }
        for (name, values), (colour, dash) in zip(lines.items(), _STYLES, strict=False)
    ]  # fmt: skip
    return {
        "data": [*traces, *_marks(events)],
        "layout": frame(
            title, note, xaxis=axis(type="date"),
            yaxis=axis(unit, range=[0, _top(lines, least)], tickformat=tickformat),
            yaxis2={"overlaying": "y", "range": [0, 1.04], "visible": False, "fixedrange": True},
            shapes=[_line(event) for event in events], showlegend=len(lines) > 1 or bool(events),
            height=280,
        ),
    }  # fmt: skip


def _top(lines: Mapping[str, Sequence[float | None]], least: float) -> float:
    """Where the values' axis ends: somewhat above all, and above the marks of events."""
    known = [value for values in lines.values() for value in values if value is not None]
    return 1.15 * max(least, *known) if known else least


def _marks(events: Sequence[Event]) -> Iterator[dict[str, Any]]:
    for kind, (symbol, colour) in _MARKS.items():
        some = [event for event in events if event.kind == kind]
        if some:
            yield {
                "type": "scatter", "mode": "markers", "name": kind, "yaxis": "y2",
                "x": [event.time for event in some], "y": [1] * len(some), "cliponaxis": False,
                "customdata": [escape(event.text, 80) for event in some],
                "marker": {"symbol": symbol, "color": colour, "size": 11},
                "hovertemplate": "%{x}: %{customdata}<extra></extra>",
            }  # fmt: skip


def _line(event: Event) -> dict[str, Any]:
    return {
        "type": "line", "x0": event.time, "x1": event.time, "yref": "paper", "y0": 0, "y1": 1,
        "line": {"color": _MARKS[event.kind][1], "width": 1, "dash": "dot"},
    }  # fmt: skip
