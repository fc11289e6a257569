"""Figures of values that are known up to an interval, one below the other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fairlead.figures.bars import rows_axis, rows_height
from fairlead.figures.intervals import Interval
from fairlead.figures.layout import CURRENT, REFERENCE, WRONG, Figure, axis, escape, frame


def draw_dots(
    title: str,
    names: Sequence[str],
    values: Sequence[Interval],
    *,
    whole: float | None = None,
    marked: Collection[int] = (),
    unit: str = "",
    note: str = "",
) -> Figure:
    """Dots with bars up to the ends of their intervals, the first on top.

    Args:
        title: over it.
        names: of the dots.
        values: of each.
        whole: of all together, drawn as a line; not drawn if None.
        marked: places of those that are worse, which are diamonds.
        unit: of the values.
        note: below the title.

    Example:
        >>> figure = draw_dots("By plan", ["free", "pro"], [(0.7, 0.6, 0.8), (0.9, 0.8, 0.95)],
        ...                    whole=0.85, marked={0})
        >>> figure["data"][0]["marker"]["symbol"], figure["layout"]["shapes"][0]["x0"]
        (['diamond', 'circle'], 0.85)
    """
    labels, places = [escape(name) for name in names], range(len(names))
    colors = [WRONG if place in marked else CURRENT for place in places]
    up = [None if high is None else high - value for value, _, high in values]
    down = [None if low is None else value - low for value, low, _ in values]
    dots = {
        "type": "scatter", "mode": "markers", "y": list(places),
        "x": [value for value, _, _ in values],
        "customdata": list(zip(labels, (low for _, low, _ in values),
                               (high for _, _, high in values), strict=True)),
        "marker": {
            "color": colors, "size": 9,
            "symbol": ["diamond" if place in marked else "circle" for place in places],
        },
        "error_x": {
            "type": "data", "symmetric": False, "array": up, "arrayminus": down,
            "color": REFERENCE, "thickness": 2, "width": 4,
        },
        "hovertemplate": "%{customdata[0]}: %{x:.4g}"
        " (%{customdata[1]:.4g} to %{customdata[2]:.4g})<extra></extra>",
    }  # fmt: skip
    line = {
        "type": "line", "x0": whole, "x1": whole, "yref": "paper", "y0": 0, "y1": 1,
        "line": {"color": REFERENCE, "width": 1, "dash": "dot"},
    }  # fmt: skip
    return {
        "data": [dots],
        "layout": frame(
            title, note, xaxis=axis(unit), yaxis=rows_axis(labels), showlegend=False,
            shapes=[] if whole is None else [line], height=rows_height(labels),
        ),
    }  # fmt: skip
