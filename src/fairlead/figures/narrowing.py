"""Figures of evidence: what is not ruled out, narrowing towards its margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from fairlead.figures.layout import CURRENT, REFERENCE, WRONG, Figure, axis, escape, frame

_WRONG_GROUND = "rgba(214, 69, 80, 0.14)"
_GROUND = "rgba(36, 132, 189, 0.18)"


RATIOS = (0.05, 0.07, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0)


@dataclass(frozen=True, slots=True)
class Ends:
    """What is known at one time.

    Args:
        value: as measured; None before it is.
        low: it is no less; None while nothing is ruled out.
        high: it is no more; None while nothing is ruled out.
    """

    value: float | None
    low: float | None
    high: float | None


def draw_narrowing(
    title: str,
    times: Sequence[str],
    known: Sequence[Ends],
    bound: float,
    *,
    at_least: bool = False,
    ratio: bool = False,
    same: float | None = None,
    steps: Sequence[tuple[str, str]] = (),
    unit: str = "",
    note: str = "",
) -> Figure:
    """A confidence sequence over time, and the side of its margin on which harm would be proven.

    An end that is not known yet goes on to the edge of the figure.

    Args:
        title: over it.
        times: ISO 8601, rising.
        known: one for each.
        bound: the margin.
        at_least: whether less than the bound is too little; else more is too much.
        ratio: whether the axis is one of ratios, on which half is as far from 1 as twice.
        same: where both sides are alike; not drawn if None.
        steps: when each step of the release began, and what it is.
        unit: of the values.
        note: below the title.

    Example:
        >>> figure = draw_narrowing("Failures", ["2026-01-01"], [Ends(1.0, 0.5, None)], 1.25)
        >>> [trace["name"] for trace in figure["data"] if trace.get("showlegend", True)]
        ['measured', 'not ruled out', 'too much from 1.25 on']
    """
    low, high = _view(known, bound, same, ratio=ratio)
    inside = [_cut(one, low, high) for one in known]
    span = [times[0], times[-1]] if times else []
    edge: dict[str, Any] = {"mode": "lines", "hoverinfo": "skip", "showlegend": False}
    far = low if at_least else high
    words = "too little up to" if at_least else "too much from"
    legend = f"{words} {bound:.4g}" if at_least else f"{words} {bound:.4g} on"
    traces: list[dict[str, Any]] = [
        {**edge, "y": [one.low for one in inside], "line": {"width": 0}},
        {**edge, "y": [one.high for one in inside], "line": {"width": 0}, "fill": "tonexty",
         "fillcolor": _GROUND, "name": "not ruled out", "showlegend": True},
        {"y": [one.value for one in inside], "name": "measured", "mode": "lines",
         "line": {"color": CURRENT, "width": 2},
         "customdata": [[_end(one.low), _end(one.high)] for one in known],
         "hovertemplate": "%{x}: %{y:.4g}, %{customdata[0]} to %{customdata[1]}<extra></extra>"},
        {**edge, "x": span, "y": [bound] * len(span), "name": legend, "showlegend": True,
         "line": {"color": WRONG, "width": 1.5, "dash": "dash"}},
        {**edge, "x": span, "y": [far] * len(span), "line": {"width": 0}, "fill": "tonexty",
         "fillcolor": _WRONG_GROUND},
    ]  # fmt: skip
    if same is not None:
        alike = {"color": REFERENCE, "width": 1, "dash": "dot"}
        traces.append({**edge, "x": span, "y": [same] * len(span), "line": alike})
    traces.insert(0, traces.pop(2))
    shown = [log10(low), log10(high)] if ratio else [low, high]
    return {
        "data": [{"type": "scatter", "x": list(times), **trace} for trace in traces],
        "layout": frame(
            title, note, xaxis=axis(type="date"),
            yaxis=axis(unit, range=shown, **_ticks(low, high) if ratio else {"nticks": 6}),
            shapes=[_line(at) for at, _ in steps], showlegend=True, height=300,
            annotations=[_label(at, text) for at, text in steps],
        ),
    }  # fmt: skip


def _view(
    known: Sequence[Ends], bound: float, same: float | None, *, ratio: bool
) -> tuple[float, float]:
    """What is shown: the margin, where both are alike, and most of what is known of late."""
    late = known[len(known) // 3 :]
    ends = [end for one in late for end in (one.low, one.value, one.high) if end is not None]
    marks = [bound, *([same] if same is not None else [])]
    if ratio:
        most = max([1.25, *(max(one, 1.0 / one) for one in (*ends, *marks) if one > 0.0)])
        most = min(1.15 * most, 30.0)
        return 1.0 / most, most
    low, high = min([*ends, *marks, 0.0]), max([*ends, *marks])
    if same is None:
        return 0.0, 1.3 * max(high, bound)
    room = 0.15 * (high - low or 1.0)
    return low - room, high + room


def _ticks(low: float, high: float) -> dict[str, Any]:
    """Ratios that people know, on an axis by logarithms; less of them the more it spans."""
    wide = high / low > 25.0
    known = RATIOS[::2] if wide else RATIOS
    shown = [one for one in known if low <= one <= high]
    return {"type": "log", "tickvals": shown, "ticktext": [f"{one:g}" for one in shown]}


def _cut(one: Ends, low: float, high: float) -> Ends:
    """As far as it is shown."""

    def within(end: float | None, if_open: float | None) -> float | None:
        return if_open if end is None else min(max(end, low), high)

    return Ends(within(one.value, None), within(one.low, low), within(one.high, high))


def _end(end: float | None) -> str:
    return "open" if end is None else f"{end:.4g}"


def _line(at: str) -> dict[str, Any]:
    return {
        "type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1,
        "line": {"color": REFERENCE, "width": 1, "dash": "dot"},
    }  # fmt: skip


def _label(at: str, text: str) -> dict[str, Any]:
    return {
        "x": at, "y": 0, "yref": "paper", "text": escape(text, 20), "showarrow": False,
        "xanchor": "left", "yanchor": "bottom", "font": {"size": 10},
    }  # fmt: skip
