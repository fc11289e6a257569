"""Figures of what is lost for what is gained."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.figures.intervals import Interval
from fairlead.figures.layout import CURRENT, REFERENCE, SECOND, Figure, axis, escape, frame

HEIGHT_PX = 420


def draw_trade(
    title: str,
    names: Sequence[str],
    sizes: Sequence[float],
    values: Sequence[Interval],
    *,
    original: float,
    limit: float | None = None,
    chosen: int | None = None,
    unit: str = "",
    note: str = "",
) -> Figure:
    """Forms of a model by their size, with what each is worth beside the original.

    Args:
        title: over it.
        names: of the forms.
        sizes: of each, kB, above 0.
        values: of each, with the ends of its interval.
        original: its size, kB.
        limit: below which a value is not allowed; not drawn if None.
        chosen: the place of the one that was taken, which is a diamond.
        unit: of the values.
        note: below the title.

    Example:
        >>> figure = draw_trade("Forms", ["int8"], [170.0], [(0.0, -0.2, 0.2)], original=654.0,
        ...                     chosen=0)
        >>> figure["data"][0]["marker"]["symbol"], figure["layout"]["xaxis"]["type"]
        (['diamond'], 'log')
    """
    places = range(len(names))
    up = [None if high is None else high - value for value, _, high in values]
    down = [None if low is None else value - low for value, low, _ in values]
    dots = {
        "type": "scatter", "mode": "markers", "x": list(sizes),
        "y": [value for value, _, _ in values],
        "customdata": [[escape(name, 80), original / size]
                       for name, size in zip(names, sizes, strict=True)],
        "marker": {
            "size": 11,
            "color": [SECOND if place == chosen else CURRENT for place in places],
            "symbol": ["diamond" if place == chosen else "circle" for place in places],
        },
        "error_y": {
            "type": "data", "symmetric": False, "array": up, "arrayminus": down,
            "color": REFERENCE, "thickness": 1, "width": 4,
        },
        "hovertemplate": "%{customdata[0]}<br>%{x:.3g} kB, %{customdata[1]:.3g} times smaller"
        "<br>%{y:.3g}<extra></extra>",
    }  # fmt: skip
    line = {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": limit, "y1": limit,
        "line": {"color": REFERENCE, "width": 1, "dash": "dot"},
    }  # fmt: skip
    return {
        "data": [dots],
        "layout": frame(
            title, note, xaxis=axis("kB", type="log"), yaxis=axis(unit), showlegend=False,
            shapes=[] if limit is None else [line], height=HEIGHT_PX,
        ),
    }  # fmt: skip
