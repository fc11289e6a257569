"""Figures of how numbers are distributed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from fairlead.figures.layout import CURRENT, REFERENCE, Figure, axis, frame


def draw_densities(
    title: str,
    edges: Sequence[float],
    reference: Sequence[float],
    current: Sequence[float],
    *,
    note: str = "",
) -> Figure:
    """Two histograms on the same bins, as steps; the area under each is the share it holds.

    The view opens on where most of the reference lies, so that a long tail does not press the
    rest together; zooming out shows all.

    Args:
        title: over it.
        edges: of the bins, rising: one more than shares.
        reference: share of rows in each bin.
        current: likewise.
        note: below the title, as on what lies beyond the bins.

    Example:
        >>> figure = draw_densities("age", [0.0, 1.0, 3.0], [0.5, 0.5], [0.2, 0.8])
        >>> figure["data"][1]["y"]
        [0.2, 0.4, 0.4]
    """
    return {
        "data": [
            {
                "type": "scatter", "mode": "lines", "name": name, "x": list(edges),
                "y": _steps(edges, shares), "fill": fill,
                "line": {"shape": "hv", "color": color, "width": 2},
                "hovertemplate": "from %{x:.4g}: %{y:.3g}",
            }
            for name, shares, color, fill in (
                ("reference", reference, REFERENCE, "tozeroy"),
                ("current", current, CURRENT, "none"),
            )
        ],
        "layout": frame(
            title, note, xaxis=axis(range=_view(edges)),
            yaxis=axis("density", rangemode="tozero"), height=340,
        ),
    }  # fmt: skip


def _steps(edges: Sequence[float], shares: Sequence[float]) -> list[float]:
    widths = [high - low for low, high in pairwise(edges)]
    heights = [share / width for share, width in zip(shares, widths, strict=True)]
    return [*heights, heights[-1]]


def _view(edges: Sequence[float]) -> list[float]:
    """From the second to the last edge but one and half as far again, if there is more at all."""
    inner = edges[1:-1] if len(edges) > 4 else edges
    beyond = (inner[-1] - inner[0]) / 4
    return [max(edges[0], inner[0] - beyond), min(edges[-1], inner[-1] + beyond)]
