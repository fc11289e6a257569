"""Figures of estimates beside each other, and of what changes with age."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fairlead.figures.intervals import Interval
from fairlead.figures.layout import CURRENT, REFERENCE, SECOND, Figure, axis, escape, frame

_ROW_PX = 26
_FRAME_PX = 150
_STYLES = ((REFERENCE, "dot"), (CURRENT, "solid"), (SECOND, "dash"))


def draw_estimates(
    title: str,
    names: Sequence[str],
    estimates: Sequence[Interval],
    *,
    marked: Collection[str] = (),
    unit: str = "",
    note: str = "",
) -> Figure:
    """Estimates below each other, with their intervals, and a line where nothing differs.

    Args:
        title: over it.
        names: of the estimates, the first on top.
        estimates: of each.
        marked: names that stand out.
        unit: of the values.
        note: below the title.

    Example:
        >>> figure = draw_estimates("Gain", ["daily"], [(0.2, 0.1, 0.3)], marked=["daily"])
        >>> [round(end, 2) for end in figure["data"][0]["error_x"]["array"]]
        [0.1]
    """
    up = [high - value if high is not None else 0.0 for value, _, high in estimates]
    down = [value - low if low is not None else 0.0 for value, low, _ in estimates]
    chosen = [name in marked for name in names]
    points = {
        "type": "scatter", "mode": "markers", "x": [value for value, _, _ in estimates],
        "y": list(range(len(names))), "customdata": [escape(name) for name in names],
        "marker": {
            "color": [CURRENT if mark else REFERENCE for mark in chosen],
            "size": [12 if mark else 8 for mark in chosen],
            "symbol": ["diamond" if mark else "circle" for mark in chosen],
        },
        "error_x": {
            "type": "data", "symmetric": False, "array": up, "arrayminus": down,
            "color": REFERENCE, "thickness": 1, "width": 3,
        },
        "hovertemplate": "%{customdata}: %{x:.4g}<extra></extra>",
    }  # fmt: skip
    same = {
        "type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1,
        "line": {"color": REFERENCE, "width": 1, "dash": "dot"},
    }  # fmt: skip
    places = list(range(len(names)))
    rows = axis(
        tickmode="array", tickvals=places, ticktext=[escape(name) for name in names],
        autorange="reversed", showgrid=False,
    )  # fmt: skip
    return {
        "data": [points],
        "layout": frame(
            title, note, xaxis=axis(unit), yaxis=rows, shapes=[same], showlegend=False,
            height=_FRAME_PX + _ROW_PX * max(len(names), 3),
        ),
    }  # fmt: skip


def draw_ages(
    title: str, ages: Sequence[float], losses: Sequence[Interval], *, age: str, unit: str,
    note: str = "",
) -> Figure:  # fmt: skip
    """A loss by age, in the band that it may be in.

    Args:
        title: over it.
        ages: rising.
        losses: at each.
        age: what ages are told in.
        unit: of the losses.
        note: below the title.

    Example:
        >>> figure = draw_ages("Decay", [1, 2], [(0.1, 0.0, 0.2), (0.2, 0.1, 0.3)],
        ...                    age="days", unit="roc_auc")
        >>> figure["data"][-1]["y"]
        [0.1, 0.2]
    """
    edge: dict[str, Any] = {"line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    traces: list[dict[str, Any]] = [
        {**edge, "y": [low for _, low, _ in losses]},
        {**edge, "y": [high for _, _, high in losses], "fill": "tonexty",
         "fillcolor": "rgba(138, 146, 156, 0.25)"},
        {"y": [value for value, _, _ in losses], "line": {"color": CURRENT, "width": 2},
         "hovertemplate": "%{x:.3g}: %{y:.4g}<extra></extra>"},
    ]  # fmt: skip
    return {
        "data": [
            {"type": "scatter", "mode": "lines", "x": list(ages), **trace} for trace in traces
        ],
        "layout": frame(
            title,
            note,
            xaxis=axis(age, rangemode="tozero"),
            yaxis=axis(unit),
            showlegend=False,
            height=320,
        ),
    }


def draw_paths(
    title: str, times: Sequence[str], paths: Mapping[str, Sequence[float | None]], *,
    unit: str, note: str = "",
) -> Figure:  # fmt: skip
    """The same value over time along several paths, on an axis that begins where they do.

    Args:
        title: over it.
        times: ISO 8601, rising.
        paths: by name, three at most, one value for each time; None where there is none.
        unit: of the values.
        note: below the title.

    Example:
        >>> figure = draw_paths("Accuracy", ["2026-01-01"], {"never": [0.8]}, unit="accuracy")
        >>> figure["data"][0]["name"]
        'never'
    """
    return {
        "data": [
            {
                "type": "scatter", "mode": "lines", "name": escape(name), "x": list(times),
                "y": list(values), "line": {"color": colour, "dash": dash, "width": 2},
                "hovertemplate": "%{x}: %{y:.4g}",
            }
            for (name, values), (colour, dash) in zip(paths.items(), _STYLES, strict=False)
        ],
        "layout": frame(
            title, note, xaxis=axis(type="date"), yaxis=axis(unit), showlegend=True, height=320
        ),
    }  # fmt: skip
