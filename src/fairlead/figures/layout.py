"""What all figures share: colours, frames, and text that stays text.

Grounds, grid lines and fonts are left to who shows a figure: a page has its own light and dark, a
notebook its own template. The colours of marks stand out on both.
"""

from __future__ import annotations

from typing import Any

Figure = dict[str, Any]
"""A figure as Plotly reads it: `{"data": [...], "layout": {...}}`."""

REFERENCE = "#8a929c"
CURRENT = "#2484bd"
WRONG = "#d64550"
SECOND = "#c9721a"
LABEL_LENGTH_MAX = 40

_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": " ", "\r": " "})


def escape(value: object, most: int = LABEL_LENGTH_MAX) -> str:
    """Text for a figure, which would read tags and entities in it; cut after `most` characters.

    Example:
        >>> escape("a<b>"), escape("x" * 50, 5)
        ('a&lt;b&gt;', 'xxxx…')
    """
    text = str(value)
    if len(text) > most:
        text = text[: most - 1] + "…"
    return text.translate(_MARKUP)


def frame(title: str, note: str = "", **more: Any) -> dict[str, Any]:
    """The layout of a figure.

    Args:
        title: over it; escaped here.
        note: below the title; escaped here.
        more: of Plotly's layout.
    """
    head: dict[str, Any] = {"text": escape(title, 80), "x": 0.01, "xref": "container"}
    if note:
        head["subtitle"] = {"text": escape(note, 160)}
    return {
        "title": head,
        "margin": {"l": 60, "r": 20, "t": 90 if note else 60, "b": 45},
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"},
        "hovermode": "closest",
        **more,
    }


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """An axis whose labels have room."""
    return {"title": {"text": escape(title)}, "automargin": True, "zeroline": False, **more}
