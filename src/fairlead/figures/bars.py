"""Figures of lying bars: shares of categories, and how far fields moved."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fairlead.figures.layout import CURRENT, REFERENCE, WRONG, Figure, axis, escape, frame

_ROW_PX = 34
_FRAME_PX = 170


def draw_shares(
    title: str,
    labels: Sequence[object],
    reference: Sequence[float],
    current: Sequence[float],
    *,
    note: str = "",
) -> Figure:
    """Shares of categories, those of the reference beside the current ones.

    Args:
        title: over it.
        labels: of the categories.
        reference: share of each, from 0 to 1.
        current: likewise.
        note: below the title.

    Example:
        >>> figure = draw_shares("plan", ["free", "pro"], [0.7, 0.3], [0.4, 0.6])
        >>> [trace["x"] for trace in figure["data"]]
        [[0.7, 0.3], [0.4, 0.6]]
    """
    names = [escape(label) for label in labels]
    return {
        "data": [
            {
                "type": "bar", "orientation": "h", "name": name, "x": list(shares),
                "y": list(range(len(names))), "customdata": names, "marker": {"color": color},
                "hovertemplate": "%{customdata}: %{x:.2%}",
            }
            for name, shares, color in (
                ("reference", reference, REFERENCE),
                ("current", current, CURRENT),
            )
        ],
        "layout": frame(
            title, note,
            xaxis=axis("share of rows", tickformat=".0%", rangemode="tozero"),
            yaxis=rows_axis(names), barmode="group", bargap=0.25, height=rows_height(names),
        ),
    }  # fmt: skip


def draw_effects(
    title: str,
    names: Sequence[str],
    effects: Sequence[float],
    *,
    floor: float,
    drifted: Collection[str],
    note: str = "",
) -> Figure:
    """How far fields moved, the first on top.

    Args:
        title: over it.
        names: of the fields.
        effects: of each; PSI above chance. Less than chance gives is drawn as none.
        floor: least effect of a drift, drawn as a line.
        drifted: names of those that did, which are marked.
        note: below the title.

    Example:
        >>> figure = draw_effects("Drift", ["a", "b"], [0.3, 0.0], floor=0.02, drifted={"a"})
        >>> figure["data"][0]["text"]
        ['drifted', '']
    """
    labels = [escape(name) for name in names]
    marked = [name in drifted for name in names]
    bars = {
        "type": "bar", "orientation": "h", "y": list(range(len(labels))),
        "x": [max(effect, 0.0) for effect in effects],
        "customdata": list(zip(labels, effects, strict=True)),
        "text": ["drifted" if mark else "" for mark in marked],
        "marker": {"color": [WRONG if mark else REFERENCE for mark in marked]},
        "hovertemplate": "%{customdata[0]}: %{customdata[1]:.3g}<extra></extra>",
    }  # fmt: skip
    line = {
        "type": "line", "x0": floor, "x1": floor, "yref": "paper", "y0": 0, "y1": 1,
        "line": {"color": REFERENCE, "width": 1, "dash": "dot"},
    }  # fmt: skip
    return {
        "data": [bars],
        "layout": frame(
            title, note, xaxis=axis("effect: PSI above chance"), yaxis=rows_axis(labels),
            bargap=0.35, shapes=[line], showlegend=False, height=rows_height(labels),
        ),
    }  # fmt: skip


def rows_axis(labels: Sequence[str]) -> dict[str, object]:
    """An axis by place: two labels that look alike after they were cut keep bars of their own."""
    places = list(range(len(labels)))
    return axis(
        tickmode="array", tickvals=places, ticktext=list(labels), autorange="reversed",
        showgrid=False,
    )  # fmt: skip


def rows_height(rows: Sequence[object]) -> int:
    """How high a figure with so many rows is, in pixels."""
    return _FRAME_PX + _ROW_PX * max(len(rows), 2)
