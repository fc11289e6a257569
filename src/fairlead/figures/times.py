"""Figures over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairlead.figures.layout import CURRENT, WRONG, Figure, axis, escape, frame

_ROW_PX = 22
_FRAME_PX = 170


def draw_series(
    title: str,
    times: Sequence[str],
    values: Sequence[float | None],
    *,
    low: Sequence[float | None] = (),
    high: Sequence[float | None] = (),
    wrong: Sequence[bool] = (),
    unit: str = "",
    note: str = "",
) -> Figure:
    """A value over time, with the band that was expected of it.

    Args:
        title: over it.
        times: ISO 8601, rising.
        values: one for each; None where there is none.
        low: lower ends of the band; none are drawn if there are none.
        high: upper ends.
        wrong: which values are outside of what they may be.
        unit: of the values.
        note: below the title.

    Example:
        >>> figure = draw_series("Rows", ["2026-01-01", "2026-01-02"], [9, 1], wrong=[False, True])
        >>> figure["data"][-1]["marker"]["size"]
        [5, 10]
    """
    marks = list(wrong) or [False] * len(values)
    edge: dict[str, Any] = {"line": {"width": 0}, "hoverinfo": "skip"}
    band = [
        {**edge, "y": list(low), "showlegend": False},
        {**edge, "y": list(high), "fill": "tonexty", "name": "expected",
         "fillcolor": "rgba(138, 146, 156, 0.25)"},
    ] if low else []  # fmt: skip
    value = {
        "y": list(values), "name": "measured", "mode": "lines+markers",
        "line": {"color": CURRENT, "width": 2},
        "marker": {
            "color": [WRONG if mark else CURRENT for mark in marks],
            "size": [10 if mark else 5 for mark in marks],
            "symbol": ["diamond" if mark else "circle" for mark in marks],
        },
        "hovertemplate": "%{x}: %{y:.4g}<extra></extra>",
    }  # fmt: skip
    shared = {"type": "scatter", "mode": "lines", "x": list(times)}
    return {
        "data": [{**shared, **trace} for trace in (*band, value)],
        "layout": frame(
            title, note, xaxis=axis(type="date"), yaxis=axis(unit, rangemode="tozero"),
            showlegend=bool(band), height=320,
        ),
    }  # fmt: skip


def draw_heat(
    title: str,
    times: Sequence[str],
    names: Sequence[str],
    values: Sequence[Sequence[float | None]],
    *,
    most: float,
    unit: str,
    note: str = "",
    opens: Sequence[Sequence[Sequence[str]]] = (),
) -> Figure:
    """A value of each field over time, as colours from none to `most`.

    Args:
        title: over it.
        times: ISO 8601, rising.
        names: of the fields, the first on top.
        values: of each field, one for each time; None where there is none.
        most: the value from which on the colour is full.
        unit: of the values.
        note: below the title.
        opens: of each value, what a page looks at when it is pressed; `customdata` from 1 on.

    Example:
        >>> draw_heat("Drift", ["2026-01-01"], ["a"], [[0.1]], most=0.2, unit="PSI")["data"][0]["z"]
        [[0.1]]
    """
    labels = [escape(name) for name in names]
    heat = {
        "type": "heatmap", "x": list(times), "y": list(range(len(labels))),
        "z": [list(row) for row in values], "zmin": 0, "zmax": most, "hoverongaps": False,
        "customdata": [
            [[label, *(opens[row][column] if opens else ())] for column in range(len(times))]
            for row, label in enumerate(labels)
        ],
        "colorscale": [[0, "rgba(138, 146, 156, 0.12)"], [0.5, "#e9a23b"], [1, WRONG]],
        "colorbar": {"title": {"text": escape(unit)}, "thickness": 12},
        "hovertemplate": "%{customdata[0]}, %{x}: %{z:.3g}<extra></extra>", "xgap": 1, "ygap": 1,
    }  # fmt: skip
    rows = axis(
        tickmode="array", tickvals=list(range(len(labels))), ticktext=labels,
        autorange="reversed", showgrid=False,
    )  # fmt: skip
    return {
        "data": [heat],
        "layout": frame(
            title, note, xaxis=axis(type="date"), yaxis=rows,
            height=_FRAME_PX + _ROW_PX * max(len(labels), 3),
        ),
    }  # fmt: skip
